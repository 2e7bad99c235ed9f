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

import {
  validationError,
  defaultReason,
  rebased,
  outcomeOf,
  requestOf,
  wordingOf,
  type Action,
  type Choices,
} from "src/lib/actions";
import { problem } from "src/lib/isolation";
import { absolute, momentOf } from "src/lib/time";
import type { PendingChange } from "src/api/types";

import { CHOICES, identity, release } from "./build";

const STATE = release(2, { dag_id: "a/b c", pinned: true, revision: 7 });
const PENDING: PendingChange = {
  action: "pin",
  actor: "jan",
  created_at: "2026-01-01T00:00:00Z",
  dag_id: "a/b c",
  effective_from: "2030-01-01T00:00:00Z",
  id: 1,
  is_due: false,
  is_overdue: false,
  reason: "later",
  version: identity(4),
  waits_for: null,
};

const request = (action: Action, choices: Partial<Choices> = {}) =>
  requestOf(action, { ...CHOICES, ...choices }, STATE, "key");

describe("a request", () => {
  const seen = { expected_bundle_version: "sha3", expected_dag_hash: "abc", expected_revision: 7 };

  it.each(["canary", "pin", "reject", "repair", "restore"] as const)(
    "to %s is refused if the version is another by now",
    (kind) => {
      const action: Action = { kind, version: 3, versionCode: "sha3", versionHash: "abc" };

      expect(request(action).body).toMatchObject(seen);
    },
  );

  it("approves the version that was shown, and no other", () => {
    const action: Action = { kind: "approve", version: 3, versionCode: "sha3", versionHash: "abc" };

    expect(request(action, { reason: "I looked at it" })).toEqual({
      body: {
        expected_bundle_version: "sha3",
        expected_dag_hash: "abc",
        idempotency_key: "key",
        reason: "I looked at it",
      },
      method: "POST",
      path: "dags/a%2Fb%20c/versions/3/approvals",
    });
    expect(outcomeOf(action, STATE, {}).text).toBe("Version 3 is approved.");
  });

  it("gives the time that is entered in the chosen time zone", () => {
    globalThis.localStorage?.setItem("timezone", "UTC");

    expect(request({ kind: "pin", version: 3 }, { from: "2030-01-31T13:01:07" }).body).toMatchObject({
      effective_from: momentOf("2030-01-31T13:01:07"),
      supersede: undefined,
    });
    expect(request({ kind: "unpin", version: 3 }, { from: "2030-01-31T13:01:07" }).query).toMatchObject({
      effective_from: momentOf("2030-01-31T13:01:07"),
    });
  });

  it("cancels a pending change that was shown, and says so", () => {
    const state = { ...STATE, pending: PENDING };

    expect(requestOf({ kind: "pin", version: 3 }, CHOICES, state, "key").body).toMatchObject({ supersede: true });
    expect(wordingOf({ kind: "pin", version: 3 }, state).effect).toContain("Cancels the pin of version 4");
  });

  it("to roll back is refused if it would reject another version than the one that was shown", () => {
    expect(request({ kind: "rollback", version: 1 }).body).toMatchObject({ expected_revision: 7, expected_version: 2 });
  });

  it("pins a version on the condition that nothing changed meanwhile", () => {
    expect(request({ kind: "pin", version: 3, versionCode: "sha3", versionHash: "abc" })).toEqual({
      body: {
        expected_bundle_version: "sha3",
        expected_dag_hash: "abc",
        expected_revision: 7,
        idempotency_key: "key",
        override_reason: undefined,
        reason: "why",
        version_number: 3,
      },
      method: "PUT",
      path: "dags/a%2Fb%20c/pin",
    });
  });

  it("overrides only the release rules that were shown", () => {
    const rules = { expected_freeze_id: 3, expected_policy_revision: 5 };
    const made = (override: string) =>
      requestOf({ kind: "pin", version: 3 }, { ...CHOICES, override }, STATE, "key", rules).body;

    expect(made("incident")).toMatchObject({ ...rules, override_reason: "incident" });
    expect(made("")).not.toHaveProperty("expected_policy_revision");
  });

  it("lifts a hold by a request of its own", () => {
    expect(request({ kind: "lift", version: 2 })).toMatchObject({
      method: "DELETE",
      path: "dags/a%2Fb%20c/hold",
      query: { expected_revision: 7, reason: "why" },
    });
  });

  it("holds until a time of the user's clock", () => {
    expect(request({ kind: "hold", version: 2 }, { until: "2026-01-01T10:00" })).toMatchObject({
      body: { reason: "why", until: new Date("2026-01-01T10:00").toISOString() },
      method: "PUT",
      path: "dags/a%2Fb%20c/hold",
    });
  });

  it("repairs the runs of the version that is rolled back only if that is chosen", () => {
    expect(request({ kind: "rollback", version: 1 }).body).toMatchObject({ repair: undefined });
    expect(request({ kind: "rollback", version: 1 }, { finished: "failed", unfinished: "cancel" }).body).toMatchObject({
      repair: { finished: "rerun", only_failed: true, skip_blocked: false, unfinished: "cancel" },
    });
    expect(request({ kind: "rollback", version: 1 }, { skipBlocked: true, unfinished: "cancel" }).body).toMatchObject({
      repair: { skip_blocked: true },
    });
  });

  it("carries why an objection is passed over", () => {
    expect(request({ kind: "pin", version: 3 }, { override: "urgent" }).body).toMatchObject({
      override_reason: "urgent",
    });
  });

  it("unpins without a body, and only if the latest version is the one that was shown", () => {
    expect(request({ kind: "unpin", version: 3, versionCode: "sha3", versionHash: "abc" })).toEqual({
      method: "DELETE",
      path: "dags/a%2Fb%20c/pin",
      query: { ...seen, expected_version: 3, idempotency_key: "key", override_reason: undefined, reason: "why" },
    });
  });

  it("rolls back to the version that was shown", () => {
    expect(request({ kind: "rollback", version: 1 }, { hold: true }).body).toEqual({
      expected_revision: 7,
      expected_version: 2,
      hold: true,
      idempotency_key: "key",
      reason: "why",
      reject_current: true,
      to_version: 1,
    });
  });

  it("starts canary runs with their configuration", () => {
    expect(request({ kind: "canary", version: 3 }, { conf: '{"size": 2}', count: 5 })).toEqual({
      body: {
        conf: { size: 2 },
        count: 5,
        expected_revision: 7,
        idempotency_key: "key",
        note: "why",
        version_number: 3,
      },
      method: "POST",
      path: "dags/a%2Fb%20c/canaryRuns",
    });
  });

  it("keeps canary runs apart as chosen, and says nothing of what was left as it is", () => {
    const isolation = { assets: "publish", pool: " spare ", queue: " " };

    expect(request({ kind: "canary", version: 3 }, { isolation }).body).toHaveProperty("isolation", {
      assets: "publish",
      pool: "spare",
    });
    expect(request({ kind: "canary", version: 3 }).body).toHaveProperty("isolation", undefined);
  });

  it("has the active version replay the same runs only if that is chosen", () => {
    const canary = (choices: Partial<Choices>) => request({ kind: "canary", version: 3 }, choices).body;

    expect(canary({ baseline: true, inputs: "replay", last: 2 })).toMatchObject({
      replay: { last: 2 },
      replay_baseline: true,
    });
    expect(canary({ inputs: "replay" })).not.toHaveProperty("replay_baseline");
    expect(canary({ baseline: true })).not.toHaveProperty("replay_baseline");
  });

  it("names the partition of new runs, which replays have already", () => {
    const canary = (choices: Partial<Choices>) => request({ kind: "canary", version: 3 }, choices).body;

    expect(canary({ partition: " 2026-01-01 " })).toHaveProperty("partition_key", "2026-01-01");
    expect(canary({})).toHaveProperty("partition_key", undefined);
    expect(canary({ inputs: "replay", partition: "2026-01-01" })).not.toHaveProperty("partition_key");
  });

  it("sends alerts only where what callbacks write may be live", () => {
    expect(problem({ alerts: "send" })).toContain("write state");
    expect(problem({ alerts: "send", state: "write" })).toBeUndefined();
  });

  it("sends substitutes by the names that they take the place of", () => {
    const isolation = { connections: "warehouse = trial, lake=lake_canary,", variables: " " };

    expect(request({ kind: "canary", version: 3 }, { isolation }).body).toHaveProperty("isolation", {
      connections: { lake: "lake_canary", warehouse: "trial" },
    });
    expect(problem(isolation)).toBeUndefined();
    expect(problem({ connections: "=trial" })).toContain("warehouse=warehouse_canary");
    expect(
      validationError({ kind: "canary", version: 3 }, { ...CHOICES, isolation: { variables: "bucket" } }),
    ).toContain("bucket=bucket_canary");
  });

  it("replays live runs instead of starting runs with a configuration", () => {
    const { body } = request({ kind: "canary", version: 3 }, { conf: "{", count: 5, inputs: "replay", last: 2 });

    expect(body).toMatchObject({ replay: { last: 2 } });
    expect(body).not.toHaveProperty("conf");
    expect(body).not.toHaveProperty("count");
  });

  it("acknowledges runs that escaped, if the pin is the one that was shown", () => {
    expect(request({ kind: "acknowledge", version: 2, versionCode: "sha2", versionHash: "abc" })).toEqual({
      body: { expected_revision: 7, idempotency_key: "key", reason: "why" },
      method: "POST",
      path: "dags/a%2Fb%20c/acknowledgements",
    });
  });

  it.each(["reject", "repair", "restore"] as const)("can %s a version", (kind) => {
    expect(request({ kind, version: 3 })).toEqual({
      body: { expected_revision: 7, idempotency_key: "key", reason: "why" },
      method: "POST",
      path: `dags/a%2Fb%20c/versions/3/${kind}`,
    });
  });
});

describe("the input", () => {
  const said = (kind: Action["kind"], choices: Partial<Choices>) =>
    validationError({ kind, version: 1 }, { ...CHOICES, ...choices });

  it("must have a reason", () => {
    expect(said("pin", { reason: "  " })).toBe("Enter a reason.");
    expect(said("pin", {})).toBeUndefined();
    expect(said("pin", { from: "2001-01-01T00:00:00" })).toBe("Enter a time in the future.");
    expect(said("pin", { from: "2130-01-01T00:00:00" })).toBeUndefined();
    expect(said("reject", { from: "2001-01-01T00:00:00" })).toBeUndefined();
  });

  it("must say why an objection is passed over", () => {
    const objected = (override: string) => validationError({ kind: "pin", version: 1 }, { ...CHOICES, override }, true);

    expect(objected(" ")).toBe("Enter an override reason.");
    expect(objected("urgent")).toBeUndefined();
  });

  it.each([0, 101, 1.5, Number.NaN])("must not ask for %d canary runs", (count) => {
    expect(said("canary", { count })).toContain("between 1 and 100");
  });

  it.each([
    ["{", "a valid JSON object"],
    ["[]", "a valid JSON object"],
    ["null", "a valid JSON object"],
    ["1", "a valid JSON object"],
  ])("must not configure runs with %s", (conf, text) => {
    expect(said("canary", { conf })).toContain(text);
  });

  it("must not ask for too many replays, and needs no configuration for them", () => {
    expect(said("canary", { inputs: "replay", last: 101 })).toContain("between 1 and 100");
    expect(said("canary", { conf: "{", count: 0, inputs: "replay", last: 3 })).toBeUndefined();
  });

  it("may configure nothing", () => {
    expect(said("canary", { conf: " " })).toBeUndefined();
  });
});

it("a rollback says which versions it passes over, and why", () => {
  const passed = [{ message: "Its code is missing.", reason: "code_unavailable", version_number: 2 }];

  expect(wordingOf({ kind: "rollback", skipped: passed, version: 1 }, STATE).effect).toContain(
    "\nVersion 2 is skipped: Its code is missing.",
  );
});

it("only a rollback has a reason to begin with, so that two clicks do it", () => {
  expect(defaultReason({ kind: "rollback", version: 1 }, STATE)).toBe("Roll back from version 2");
  expect(defaultReason({ kind: "pin", version: 1 }, STATE)).toBe("");
});

it("after a refusal, unpinning is about the version that is the latest by now", () => {
  const state = release(1, { latest: identity(4), pinned: true });

  expect(rebased({ kind: "unpin", version: 3 }, state)).toEqual({
    kind: "unpin",
    version: 4,
    versionCode: "sha4",
    versionHash: "hash4",
  });
  expect(rebased({ kind: "pin", version: 3 }, state)).toEqual({ kind: "pin", version: 3 });
});

it("a dialog says which version new runs will use instead of which", () => {
  expect(wordingOf({ kind: "rollback", version: 1 }, STATE).effect).toContain(
    "will use version 1 instead of version 2",
  );
  expect(wordingOf({ kind: "pin", version: 2 }, STATE).effect).toContain("keep using version 2");
});

it("unpinning to a rejected version is said to make that live", () => {
  expect(wordingOf({ kind: "unpin", rejected: true, version: 3 }, STATE).effect).toContain(
    "Warning: version 3 was rejected",
  );
  expect(wordingOf({ kind: "unpin", rejected: false, version: 3 }, STATE).effect).not.toContain("rejected");
});

describe("the outcome", () => {
  const hold = { actor: "jan", held_at: "2026-01-01T00:00:00Z", reason: "wrong", until: null };

  it.each([
    [
      "pin",
      release(2, { pending: { ...PENDING, version: identity(1) }, revision: 8 }),
      `Runs due at ${absolute("2030-01-01T00:00:00Z")} or later use version 1. Earlier ones keep using the active version.`,
    ],
    ["pin", release(1, { revision: 8 }), "Version 1 is pinned. New runs use it."],
    ["pin", release(2, { revision: 9 }), "Done, but someone has changed it since."],
    ["unpin", release(3, { revision: 8 }), "Unpinned. New runs use the latest version."],
    ["unpin", release(1, { pinned: true, revision: 9 }), "Done, but someone has changed it since."],
    ["lift", release(1, { revision: 7 }), "Hold lifted. Promotions can change the version again."],
    ["lift", release(1, { hold, revision: 9 }), "Done, but someone has changed it since."],
  ] as const)("of %s follows the state in the answer", (kind, after, text) => {
    expect(outcomeOf({ kind, version: 1 }, STATE, after)).toMatchObject({ revision: after.revision, text });
  });

  it.each([
    [true, "Version 1 is rejected."],
    [false, "Done, but someone has changed it since."],
  ])("of a replayed request that is still in effect (%s) follows the server", (still, text) => {
    const after = { ...release(2), repeated: { revision: 7, stands: still, version: null } };

    expect(outcomeOf({ kind: "reject", version: 1 }, STATE, after)).toMatchObject({ text });
  });

  it("of an answer without a state refers to the state that was shown", () => {
    expect(outcomeOf({ kind: "canary", version: 3 }, STATE, {})).toEqual({
      moved: false,
      revision: 7,
      text: "Started canary runs of version 3.",
      warnings: [],
    });
  });

  it("of canary runs says how many were started, and links to them", () => {
    expect(outcomeOf({ kind: "canary", version: 3 }, STATE, { run_ids: ["a", "b"] })).toMatchObject({
      runsPath: "/dags/a%2Fb%20c/runs?run_id_pattern=canary__v3__",
      text: "Started 2 canary runs of version 3.",
    });
  });

  it("of replays says how many live runs are replayed", () => {
    const after = { replays: { a: "live_1" }, run_ids: ["a"] };

    expect(outcomeOf({ kind: "canary", version: 3 }, STATE, after)).toMatchObject({
      text: "Started 1 replay of live runs with version 3.",
    });
  });
});
