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

import type { DagPinning } from "src/api/requests";
import type { Criteria, Soak } from "src/api/types";
import { describeCriteria, evidenceOf, missingRuns } from "src/lib/soak";

import { identity, run } from "./build";

const soak = (evidence: object = {}, changes: object = {}): Soak =>
  ({
    comparison: null,
    criteria: { compare: true, max_duration_ratio: 1.5, max_failures: 0, min_runs: 3, run_kinds: "canary" },
    evidence: {
      cleared: 0,
      failure_rate: null,
      failure_rate_upper_95: null,
      failures: 0,
      not_evidence: 0,
      output_differences: 0,
      replays: 0,
      replays_not_compared: 0,
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

const NO_RUNS = { run_counts: {} };
const DEFAULTS = { actor: null, stored: {} } as unknown as Criteria;

const COMPARISON = { duration_ratio: 1.9, judgement: { message: "Slower." }, p90_ratio: 2 };

describe("the evidence", () => {
  it("starts with nothing", () => {
    expect(evidenceOf(soak(), NO_RUNS)).toEqual(["No canary runs yet."]);
  });

  it("counts runs that have not finished, queued ones apart", () => {
    const queued = run(3, 10, { kind: "canary", state: "queued" });

    expect(evidenceOf(soak({ running: 2 }), NO_RUNS, [queued])).toEqual([
      "1 canary run in progress.",
      "1 canary run queued.",
    ]);
  });

  it("estimates the failure rate from 20 runs on", () => {
    const rates = { failure_rate: 0, failure_rate_upper_95: 0.139, successes: 20 };

    expect(evidenceOf(soak({ ...rates, runs: 19 }), NO_RUNS)).toHaveLength(1);
    expect(evidenceOf(soak({ ...rates, runs: 20 }), NO_RUNS)).toContain(
      "Estimated failure rate: 0% (95% confidence: at most 14%).",
    );
  });

  it("says that runs before the evaluation started over are not counted", () => {
    expect(evidenceOf(soak(), { run_counts: { failed: 1, success: 16 } })).toContain(
      "17 earlier or live runs of this version not counted: its evaluation started over.",
    );
  });

  it("names a comparison that is not judged as such", () => {
    const compared = soak({}, { comparison: COMPARISON, criteria: { compare: false } });

    expect(evidenceOf(compared, NO_RUNS)).toContain("Not a criterion: Slower.");
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

    expect(evidenceOf(soak({ ...evidence, failures: 1 }, { comparison: COMPARISON }), NO_RUNS)).toEqual([
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

  it("says in how many outputs replays differ", () => {
    expect(evidenceOf(soak({ replays: 1, replays_not_compared: 2, runs: 3, successes: 3 }), NO_RUNS)).toEqual([
      "3 finished canary runs: 3 succeeded, 0 failed.",
      "1 replay compared with live runs: no output differs.",
      "2 replays could not be compared.",
    ]);
    expect(evidenceOf(soak({ output_differences: 2, replays: 3, runs: 3 }), NO_RUNS)).toContain(
      "3 replays compared with live runs: 2 outputs differ.",
    );
  });
});

describe("the pass criteria", () => {
  it("include the duration if there is a version to compare with", () => {
    expect(describeCriteria(soak({}, { comparison: COMPARISON }), DEFAULTS)).toBe(
      "Pass criteria: 3 finished canary runs, no failures, at most 1.5x the active version's duration (the defaults; airflow pinning set-criteria changes them).",
    );
  });

  it("name how many failures pass", () => {
    expect(
      describeCriteria(soak({}, { criteria: { max_failures: 1, min_runs: 1, run_kinds: "canary" } }), {
        ...DEFAULTS,
        actor: "eve",
        stored: { min_runs: 1 },
      }),
    ).toBe("Pass criteria: 1 finished canary run, at most 1 failure (set for this Dag by eve).");
  });
});

describe("the runs that the verdict needs", () => {
  it("are those of the criteria that there are none of yet, at least one", () => {
    const needed = (min: number, evidence?: object): number =>
      missingRuns({
        criteria: { criteria: { min_runs: min } },
        soak: evidence ? soak(evidence) : null,
      } as unknown as DagPinning);

    expect([needed(3), needed(3, { running: 1, runs: 1 }), needed(3, { runs: 9 }), needed(500)]).toEqual([
      3, 1, 1, 100,
    ]);
  });
});
