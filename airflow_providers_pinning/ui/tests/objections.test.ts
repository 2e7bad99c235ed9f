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

import { describe, expect, it } from "vitest";

import { ApiError } from "src/api/client";
import { metAt, needsOverride, ruleName, seenRules } from "src/lib/objections";

import { release } from "./build";

const refusal = (reason: string): ApiError => new ApiError(409, reason, "No.");
const held = release(2, { hold: { actor: "jan", reason: "Down" } as never });

describe("an override reason", () => {
  const state = release(2);

  it.each(["held", "verdict_failed", "version_rejected"])("is asked of everybody who is refused with %s", (reason) => {
    expect(needsOverride("pin", { mayOverride: false, refusal: refusal(reason), state })).toBe(true);
  });

  it("passes over release rules only for those who may", () => {
    expect(needsOverride("pin", { mayOverride: true, refusal: refusal("policy"), state })).toBe(true);
    expect(needsOverride("pin", { mayOverride: false, refusal: refusal("policy"), state })).toBe(false);
  });

  it("is asked before the first request where a hold or a verdict is known", () => {
    expect(needsOverride("unpin", { mayOverride: false, state: held })).toBe(true);
    expect(needsOverride("rollback", { mayOverride: false, state: held })).toBe(false);
    expect(needsOverride("pin", { mayOverride: false, state, verdict: "failed" })).toBe(true);
    expect(needsOverride("canary", { mayOverride: true, state, verdict: "failed" })).toBe(false);
  });

  it("is not asked without need", () => {
    expect(needsOverride("pin", { mayOverride: true, state, verdict: "successful" })).toBe(false);
    expect(needsOverride("pin", { mayOverride: true, refusal: refusal("revision_conflict"), state })).toBe(false);
  });
});

describe("a rule that is not met", () => {
  it("has a name, also if it is new to this page", () => {
    expect(ruleName({ rule: "window" })).toBe("Release window");
    expect(ruleName({ rule: "moon" as "window" })).toBe("moon");
  });

  it("tells when it is met by itself, if that is known", () => {
    const opens = "2026-11-30T08:00:00+00:00";

    expect(metAt({ details: { next_open: opens } })).toContain("2026-11-30");
    expect(metAt({ details: { until: opens } })).toContain("2026-11-30");
    expect(metAt({ details: { next_open: null } })).toBeUndefined();
    expect(metAt({ details: {} })).toBeUndefined();
  });
});

describe("the release rules that were seen", () => {
  const frozen = { details: { freeze_id: 3 }, message: "Frozen.", policies: [], rule: "freeze" as const };
  const shut = { details: {}, message: "Shut.", policies: ["critical"], rule: "window" as const };

  it("are those of the Dag's page", () => {
    expect(seenRules({ revision: 4, unmet: [shut] })).toEqual({ expected_freeze_id: 0, expected_policy_revision: 4 });
    expect(seenRules(null)).toBeUndefined();
  });

  it("are those of the refusal, once there is one", () => {
    const refused = new ApiError(409, "policy", "No.", undefined, [], 0, undefined, [shut, frozen], 5);

    expect(seenRules({ revision: 4, unmet: [] }, refused)).toEqual({
      expected_freeze_id: 3,
      expected_policy_revision: 5,
    });
    expect(seenRules({ revision: 4, unmet: [] }, refusal("held"))).toEqual({
      expected_freeze_id: 0,
      expected_policy_revision: 4,
    });
  });
});
