/*
 * Licensed to the Apache Software Foundation (ASF) under one
 * or more contributor license agreements.  See the NOTICE file
 * distributed with this work for additional information
 * regarding copyright ownership.  The ASF licenses this file
 * to you under the Apache License, Version 2.0 (the
 * "License"); you may not use this file except in compliance
 * with the License.  You may obtain a copy of the License at
 *
 *   http://www.apache.org/licenses/LICENSE-2.0
 *
 * Unless required by applicable law or agreed to in writing,
 * software distributed under the License is distributed on an
 * "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY
 * KIND, either express or implied.  See the License for the
 * specific language governing permissions and limitations
 * under the License.
 */

import { describe, expect, test } from "vitest";

import { actionOn, requestOf, validationError, wordingOf } from "src/lib/actions";
import { describeRamp, rampMark, rampTitle } from "src/lib/ramps";
import { CHOICES, identity, ramp, release } from "./build";

describe("a ramp", () => {
  test("says how far it got, which run is the next, and what comes then", () => {
    expect(rampTitle(ramp())).toBe("Ramp: version 4 gets 10 % of new runs");
    expect(describeRamp(ramp())).toEqual([
      "Step 1 of 2: 10 % until 6 runs finished. 2 of 6 runs finished, 0 failed.",
      "The next 3 runs will not get version 4; the one after that will.",
      "Then: 50 % for 1 day, the version is pinned.",
      "try it (alice)",
    ]);
  });

  test("that is paused has no next run", () => {
    const paused = ramp({ share: 0, status: "paused" });

    expect(rampTitle(paused)).toBe("Ramp to version 4 is paused");
    expect(describeRamp(paused).join()).not.toContain("The next");
  });

  test("has a mark in lists", () => {
    expect(rampMark(ramp())).toBe("ramp 10 %");
    expect(rampMark(ramp({ share: 0, status: "paused" }))).toBe("ramp paused");
  });

  test("says what keeps it from going on", () => {
    expect(describeRamp(ramp({ message: "The Dag is on hold." })).at(-1)).toBe("Waiting: The Dag is on hold.");
  });
});

describe("the actions on a ramp", () => {
  test("pass over what stands in their way with a reason", () => {
    const { body } = requestOf(
      { kind: "promoteRamp", version: 4 },
      { ...CHOICES, override: "Customers wait" },
      release(1, { ramp: ramp() }),
      "key",
    );

    expect(body).toMatchObject({ action: "promote", override_reason: "Customers wait" });
  });

  test("name the version that was shown", () => {
    const before = release(1, { pinned: true, ramp: ramp() });

    expect(requestOf(actionOn("abortRamp", identity(4)), { ...CHOICES, reason: "wrong" }, before, "key")).toEqual({
      body: {
        action: "abort",
        expected_revision: before.revision,
        expected_version: 4,
        idempotency_key: "key",
        reason: "wrong",
      },
      method: "PATCH",
      path: "dags/orders/ramp",
    });
  });

  test("are named in the dialog of a pin, which aborts the ramp", () => {
    const before = release(1, { pinned: true, ramp: ramp() });
    const pin = actionOn("pin", identity(5));

    expect(wordingOf(pin, before).effect).toContain("Aborts the ramp to version 4.");
    expect(requestOf(pin, { ...CHOICES, reason: "now" }, before, "key").body).toMatchObject({ supersede: true });
  });
});

describe("a rollback at a given time", () => {
  const before = release(2, { pinned: true });
  const later = { ...CHOICES, from: "2100-01-01T12:00" };

  test("sends it", () => {
    expect(requestOf(actionOn("rollback", identity(1)), later, before, "key").body).toMatchObject({
      effective_from: expect.stringContaining("2100-01-01T12:00"),
    });
  });

  test("repairs no runs", () => {
    expect(validationError(actionOn("rollback", identity(1)), later)).toBeUndefined();
    expect(validationError(actionOn("rollback", identity(1)), { ...later, finished: "rerun" })).toContain(
      "Only an immediate rollback",
    );
  });
});
