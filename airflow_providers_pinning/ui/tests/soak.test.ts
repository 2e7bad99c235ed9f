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

import type { Soak } from "src/api/types";
import { describeCriteria, evidenceOf } from "src/lib/soak";

import { identity, run } from "./build";

const soak = (evidence: object = {}, changes: object = {}): Soak =>
  ({
    comparison: null,
    criteria: { max_duration_ratio: 1.5, max_failures: 0, min_runs: 3 },
    evidence: {
      cleared: 0,
      failure_rate: null,
      failure_rate_upper_95: null,
      failures: 0,
      not_evidence: 0,
      retried_tasks: 0,
      runs: 0,
      running: 0,
      soaked_seconds: 0,
      successes: 0,
      withheld_effects: 0,
      ...evidence,
    },
    version: identity(3),
    ...changes,
  }) as unknown as Soak;

const COMPARISON = { duration_ratio: 1.9, judgement: { message: "Slower." }, p90_ratio: 2 };

describe("the evidence", () => {
  it("starts with nothing", () => {
    expect(evidenceOf(soak())).toEqual(["No canary runs yet."]);
  });

  it("counts runs that have not finished, queued ones apart", () => {
    const queued = run(3, 10, { kind: "canary", state: "queued" });

    expect(evidenceOf(soak({ running: 2 }), [queued])).toEqual(["1 canary run in progress.", "1 canary run queued."]);
  });

  it("estimates the failure rate from 20 runs on", () => {
    const rates = { failure_rate: 0, failure_rate_upper_95: 0.139, successes: 20 };

    expect(evidenceOf(soak({ ...rates, runs: 19 }))).toHaveLength(1);
    expect(evidenceOf(soak({ ...rates, runs: 20 }))).toContain(
      "Estimated failure rate: 0% (95% confidence: at most 14%).",
    );
  });

  it("has everything else that was observed", () => {
    const evidence = {
      cleared: 1,
      not_evidence: 1,
      retried_tasks: 2,
      runs: 1,
      soaked_seconds: 10,
      withheld_effects: 3,
    };

    expect(evidenceOf(soak({ ...evidence, failures: 1 }, { comparison: COMPARISON }))).toEqual([
      "1 finished canary run: 0 succeeded, 1 failed.",
      "1 finished run not counted.",
      "1 run was cleared and rerun.",
      "2 tasks needed retries.",
      "3 effects on live runs withheld.",
      "Evaluating for 10 s.",
      "Slower.",
      "Duration vs. the active version: 1.90x (median), 2.00x (90th percentile).",
    ]);
  });
});

describe("the pass criteria", () => {
  it("include the duration if there is a version to compare with", () => {
    expect(describeCriteria(soak({}, { comparison: COMPARISON }))).toBe(
      "Pass criteria: 3 finished canary runs, no failures, at most 1.5x the active version's duration. A promotion Dag may be stricter.",
    );
  });

  it("name how many failures pass", () => {
    expect(describeCriteria(soak({}, { criteria: { max_failures: 1, min_runs: 1 } }))).toBe(
      "Pass criteria: 1 finished canary run, at most 1 failure. A promotion Dag may be stricter.",
    );
  });
});
