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

import { describeRules } from "src/lib/policy";

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
      "Windows of critical: open 0 9 * * 1-4 (Europe/Berlin) for 6 h; closed Christmas",
      "A soak: min_runs 3, run_kinds canary",
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
