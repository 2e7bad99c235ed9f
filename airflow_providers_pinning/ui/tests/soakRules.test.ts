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

import { describeSoak } from "src/lib/soakRules";

describe("criteria of a soak", () => {
  it("are one sentence", () => {
    expect(
      describeSoak({
        compare: true,
        failed_tasks: "count",
        max_failure_rate_increase: 0.05,
        max_failures: 1,
        max_output_differences: 0,
        min_duration: 5400,
        min_runs: 3,
        run_kinds: "live",
      }),
    ).toBe(
      "A soak of live runs: at least 3 finished, over at least 1 h 30 min, no output differs, at most 1 failed, a failure rate at most 5 % above the active version's, compared with the active version",
    );
  });

  it("leave out what asks for nothing, and keep what this page does not know", () => {
    expect(describeSoak({ compare: false, min_duration: 0, moon: "full" })).toBe("A soak of canary runs: moon full");
    expect(describeSoak({ failed_tasks: "ignore" })).toBe("A soak of canary runs: failed tasks do not count");
    expect(describeSoak({})).toBe("A soak of canary runs");
  });
});
