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

import type { Freeze } from "src/api/types";
import { describeEnd, describeMatch, describePolicy, describeRules, turns } from "src/lib/policy";

const NONE = {
  approvals: 0,
  auto_rollback: [],
  ramp: [],
  canary: {},
  evidence: [],
  gate: "automatic" as const,
  soak: [],
  windows: [],
};

describe("what release policies ask for", () => {
  it("is nothing if they ask for nothing", () => {
    expect(describeRules(NONE)).toEqual([]);
  });

  it("is one line a rule", () => {
    expect(
      describeRules({
        approvals: 1,
        auto_rollback: [
          { hold: true, max_failures: 2, policy: "critical", when_nothing_is_stable: "continue", within_runs: 10 },
          { hold: false, max_failures: 0, policy: "all", when_nothing_is_stable: "wait", within_runs: 5 },
        ],
        canary: { connections: { warehouse: "staging_warehouse" }, queue: "canary" },
        evidence: ["regression", "staging"],
        gate: "manual",
        ramp: [
          {
            policy: "critical",
            steps: [
              { duration: null, runs: 6, share: 0.1 },
              { duration: 86_400, runs: null, share: 0.5 },
            ],
          },
        ],
        soak: [{ min_runs: 3, run_kinds: "canary" }],
        windows: [
          {
            allow: [{ cron: "0 9 * * 1-4", duration: 21_600, timezone: "Europe/Berlin" }],
            deny: [{ cron: "0 0 24 12 *", duration: 5400, name: "Christmas", timezone: "UTC" }],
            policy: "critical",
          },
        ],
      }),
    ).toEqual([
      "Windows of critical: open Mon–Thu at 09:00 (Europe/Berlin) for 6 h; closed Christmas, 24 Dec of each year at 00:00 (UTC) for 1 h 30 min",
      "A soak of canary runs: at least 3 finished",
      "Successful evidence: regression, staging",
      "1 approval by another person",
      "Canary runs: connections staging_warehouse, queue canary",
      "A ramp of critical: 10 % until 6 runs finished, then 50 % for 1 day",
      "A pin of each new Dag to its first version",
      "Automatic rollback of critical: once more than 2 of the last 10 live runs failed since the pin, with a hold; if no earlier version is stable, runs go on",
      "Automatic rollback of all: once more than 0 of the last 5 live runs failed since the pin; if no earlier version is stable, no run is created",
    ]);
  });
});

describe("a policy", () => {
  it("has its rules in words, whatever it leaves out", () => {
    expect(describePolicy({ match: { dag_ids: ["*"] }, name: "all" })).toEqual([]);
    expect(
      describePolicy({
        auto_rollback: { hold: true, max_failures: 1, when_nothing_is_stable: "wait", within_runs: 3 },
        canary: { isolation: { pool: null, queue: "canary" } },
        exempt: [],
        gate: "manual",
        match: { tags: ["tier-1"] },
        name: "critical",
        ramp: [{ runs: 6, share: 0.1 }],
        requires: { approvals: 2, evidence: ["staging"], soak: { max_failures: 0, min_duration: 7200 } },
        windows: { allow: [], deny: [{ cron: "0 0 * * 6,0", duration: 86_400, timezone: "UTC" }] },
      }),
    ).toEqual([
      "Windows of critical: closed Sat, Sun at 00:00 (UTC) for 1 d",
      "A soak of canary runs: over at least 2 h, none failed",
      "Successful evidence: staging",
      "2 approvals by another person",
      "Canary runs: queue canary",
      "A ramp of critical: 10 % until 6 runs finished",
      "A pin of each new Dag to its first version",
      "Automatic rollback of critical: once more than 1 of the last 3 live runs failed since the pin, with a hold; if no earlier version is stable, no run is created",
      "Rollbacks must meet the rules too",
    ]);
  });

  it("says which Dags it is about", () => {
    expect(describeMatch({ bundles: ["finance"], tags: ["tier-1", "tier-2"] })).toBe(
      "Dags with tag tier-1 or tier-2, of bundle finance",
    );
    expect(describeMatch({ dag_ids: ["pay_*"], owners: ["ann"], teams: ["a"] })).toBe(
      "Dags named pay_*, of team a, owned by ann",
    );
    expect([describeMatch({}), describeMatch({ dag_ids: ["*"] })]).toEqual(["All Dags", "All Dags"]);
  });
});

const freeze = (changes: Partial<Freeze>): Freeze => ({
  actor: "ann",
  created_at: "2026-11-29T08:00:00Z",
  id: 1,
  lift_reason: null,
  lifted_at: null,
  lifted_by: null,
  match: {},
  reason: "Incident",
  until: null,
  ...changes,
});

describe("what comes next", () => {
  const opens = { is_open: false, reason: "closed" };

  it("is the soonest end, opening or closing first", () => {
    const next = turns(
      [freeze({ id: 4, until: "2026-12-02T00:00:00+01:00" }), freeze({})],
      [
        { name: "weekdays", window: { ...opens, changes_at: "2026-12-01T22:59:00Z" } },
        { name: "late", window: { changes_at: "2026-12-05T00:00:00Z", is_open: true, reason: "open" } },
        { name: "never", window: { ...opens, changes_at: null } },
        { name: "none", window: null },
      ],
    );

    expect(next.map(({ text }) => text)).toEqual([
      "The windows of weekdays open",
      "Freeze 4 ends (All Dags)",
      "The windows of late close",
    ]);
  });

  it("tells who lifted a freeze", () => {
    const lifted = { lift_reason: "Over", lifted_at: "2026-11-29T09:00:00Z", lifted_by: "jan" };

    expect(describeEnd(freeze(lifted))).toBe("Lifted by jan: Over");
    expect(describeEnd(freeze({}))).toBeUndefined();
  });
});
