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

const NONE = { approvals: 0, evidence: [], soak: [], windows: [] };

describe("what release policies ask for", () => {
  it("is nothing if they ask for nothing", () => {
    expect(describeRules(NONE)).toEqual([]);
  });

  it("is one line a rule", () => {
    expect(
      describeRules({
        approvals: 1,
        evidence: ["regression", "staging"],
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
      "1 approval by somebody else",
    ]);
  });
});
