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

import type { ReleaseState, Run } from "src/api/types";
import { plural } from "src/lib/versions";

const FINISHED = new Set(["failed", "success"]);

export interface Outcomes {
  failed: number;
  finished: number;
  unfinished: number;
}

/** Count the live runs of the pinned version since it was pinned; undefined if no version is pinned. */
export const runsSincePin = (runs: ReadonlyArray<Run>, state: ReleaseState): Outcomes | undefined => {
  const { active, pin } = state;

  if (active === null || pin === null) {
    return undefined;
  }
  // The server counts all of them; the list has the newest ones only.
  if (state.runs) {
    return state.runs;
  }
  const since = new Date(pin.pinned_at).getTime();
  const counted = runs.filter(
    (run) =>
      run.kind === "live" &&
      run.version_number === active.version_number &&
      new Date(run.created_at).getTime() >= since,
  );
  const finished = counted.filter(({ state }) => FINISHED.has(state));

  return {
    failed: finished.filter(({ state }) => state === "failed").length,
    finished: finished.length,
    unfinished: counted.length - finished.length,
  };
};

/** Say how runs ended, such as `3 failed of 5, 1 in progress`. */
export const describeOutcomes = ({ failed, finished, unfinished }: Outcomes): string =>
  [
    ...(finished > 0 ? [`${failed} failed of ${finished}`] : []),
    ...(unfinished > 0 ? [`${unfinished} in progress`] : []),
  ].join(", ") || "None yet";

/** Say how many canary runs of a version are running and queued, if any are. */
export const unfinishedCanaries = (runs: ReadonlyArray<Run>, version: number, unfinished: number): Array<string> => {
  const queued = Math.min(
    runs.filter((run) => run.kind === "canary" && run.version_number === version && run.state === "queued").length,
    unfinished,
  );

  return [
    ...(unfinished > queued ? [`${plural(unfinished - queued, "canary run")} in progress.`] : []),
    ...(queued > 0 ? [`${plural(queued, "canary run")} queued.`] : []),
  ];
};
