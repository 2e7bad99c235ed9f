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

/** The verdict on a candidate in words. */

import type { DagPinning } from "src/api/requests";
import type { Criteria, Run, Soak, Version } from "src/api/types";
import { unfinishedCanaries } from "src/lib/runs";
import { duration } from "src/lib/time";
import { plural } from "src/lib/versions";
import { MAX_CANARY_RUNS } from "src/lib/limits";

const percent = (share: number): string => `${Math.round(share * 100)}%`;

/** Below this number of runs, an estimate of the failure rate says next to nothing. */
const MIN_RUNS_FOR_RATE = 20;

/** The evidence behind a verdict, as short sentences. */
export const evidenceOf = (
  { comparison, criteria, evidence, version }: Soak,
  listedVersion: Pick<Version, "run_counts">,
  listed: ReadonlyArray<Run> = [],
): Array<string> => {
  const {
    cleared,
    failure_rate: rate,
    failure_rate_upper_95: bound,
    failures,
    not_evidence: ignored,
    output_differences: differing,
    replays,
    replays_not_compared: notCompared,
    retried_tasks: retried,
    runs,
    running,
    soaked_seconds: soaked,
    successes,
    withheld_effects: withheld,
  } = evidence;
  const { failed = 0, success = 0 } = listedVersion.run_counts;
  const earlier = failed + success - runs - ignored;
  const ratios = comparison && [comparison.duration_ratio, comparison.p90_ratio];

  return [
    ...(runs > 0
      ? [`${plural(runs, "finished canary run")}: ${successes} succeeded, ${failures} failed.`]
      : running === 0
        ? ["No canary runs yet."]
        : []),
    ...unfinishedCanaries(listed, version.version_number, running),
    ...(earlier > 0 && criteria.run_kinds === "canary"
      ? [`${plural(earlier, "earlier or live run")} of this version not counted: its evaluation started over.`]
      : []),
    ...(ignored > 0 ? [`${plural(ignored, "finished run")} not counted.`] : []),
    ...(typeof rate === "number" && typeof bound === "number" && runs >= MIN_RUNS_FOR_RATE
      ? [`Estimated failure rate: ${percent(rate)} (95% confidence: at most ${percent(bound)}).`]
      : []),
    ...(cleared > 0 ? [`${plural(cleared, "run was", "runs were")} cleared and rerun.`] : []),
    ...(retried > 0 ? [`${plural(retried, "task")} needed retries.`] : []),
    ...(replays > 0
      ? [
          `${plural(replays, "replay")} compared with live runs: ${
            differing > 0 ? plural(differing, "output differs", "outputs differ") : "no output differs"
          }.`,
        ]
      : []),
    ...(notCompared > 0 ? [`${plural(notCompared, "replay")} could not be compared.`] : []),
    ...(withheld > 0 ? [`${plural(withheld, "effect")} on live runs withheld.`] : []),
    ...(soaked ? [`Evaluating for ${duration(soaked)}.`] : []),
    ...(comparison
      ? [criteria.compare ? comparison.judgement.message : `Not a criterion: ${comparison.judgement.message}`]
      : []),
    ...(ratios && typeof ratios[0] === "number" && typeof ratios[1] === "number"
      ? [
          `Duration vs. the active version: ${ratios[0].toFixed(2)}x (median), ${ratios[1].toFixed(2)}x (90th percentile).`,
        ]
      : []),
  ];
};

/** What a version must show to pass, and where that is set. */
export const describeCriteria = ({ criteria }: Soak, { actor, stored }: Criteria): string => {
  const ratio = criteria.max_duration_ratio;
  const kinds = criteria.run_kinds === "canary" ? "finished canary run" : "finished run";

  return `Pass criteria: ${[
    plural(Number(criteria.min_runs), kinds),
    Number(criteria.max_failures) === 0 ? "no failures" : `at most ${plural(Number(criteria.max_failures), "failure")}`,
    ...(Number(criteria.min_duration) > 0 ? [`${duration(Number(criteria.min_duration))} of evaluation`] : []),
    ...(criteria.failed_tasks === "ignore" ? ["failed tasks in runs that succeeded are ignored"] : []),
    ...(typeof ratio === "number" ? [`at most ${ratio}x the active version's duration`] : []),
  ].join(", ")} (${
    Object.keys(stored).length > 0 && actor
      ? `set for this Dag by ${actor}`
      : "the defaults; airflow pinning set-criteria changes them"
  }).`;
};

/** How many canary runs the verdict on the candidate still needs; at least one. */
export const missingRuns = ({ criteria, soak }: DagPinning): number => {
  const needed = Number(criteria.criteria.min_runs ?? 1);

  return Math.min(Math.max(needed - (soak ? soak.evidence.runs + soak.evidence.running : 0), 1), MAX_CANARY_RUNS);
};
