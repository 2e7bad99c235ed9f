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

/** Replays of live runs beside their originals, in words. */

import type { Difference, Pair, ReleaseState, Run } from "src/api/types";
import { duration } from "src/lib/time";
import { plural } from "src/lib/versions";

/** How many live runs a replay takes unless something else is asked for. */
export const DEFAULT_REPLAYS = 3;

/** How many of the listed runs a replay of the last ones can take: successful live runs of the active version. */
export const countReplayable = (runs: ReadonlyArray<Run>, { active }: ReleaseState): number => {
  const live = runs.filter(
    (run) => run.kind === "live" && run.state === "success" && run.version_number === active?.version_number,
  );
  const scheduled = live.filter(({ run_type: type }) => type !== "manual");

  // Runs that people trigger are live runs of Dags without a schedule only.
  return (scheduled.length > 0 ? scheduled : live).length;
};

/** What differs in one task. */
export interface TaskDifferences {
  differences: Array<Difference>;
  name: string;
  /** How many tries it needed, if not as many in both. */
  tries?: string;
}

const nameOf = ({ map_index: index, task_id: task }: { map_index: number; task_id: string }): string =>
  index < 0 ? task : `${task}[${index}]`;

/** The differences of a pair by task, in the order of their names. */
export const byTask = ({ shown, tries }: Pair): Array<TaskDifferences> => {
  const tasks = new Map<string, TaskDifferences>();
  const of = (name: string): TaskDifferences => {
    const known = tasks.get(name) ?? { differences: [], name };

    tasks.set(name, known);

    return known;
  };

  for (const difference of shown) {
    of(nameOf(difference)).differences.push(difference);
  }
  for (const task of tries) {
    of(nameOf(task)).tries = `${plural(task.original, "try", "tries")} → ${plural(task.replay, "try", "tries")}`;
  }

  return [...tasks.values()].sort((one, other) => one.name.localeCompare(other.name));
};

const LABELS: Record<string, string> = {
  asset_event: "Asset events",
  state: "State",
  task: "Task instance",
  xcom: "XCom",
};

export const labelOf = ({ key, what }: Difference): string =>
  [LABELS[what] ?? what, ...(key === null ? [] : [key])].join(" ");

/** How the two ended, such as `success → failed`; of a replay that has not finished, its present state. */
export const describeStates = (
  { original_state: before, run_id: runId, state }: Pair,
  runs: ReadonlyArray<Run>,
): string => {
  const now = state ?? runs.find((run) => run.run_id === runId)?.state ?? "not finished";

  return before && before !== now ? `${before} → ${now}` : now;
};

/** How long the tasks of the two ran, such as `2 min → 3 min`. */
export const describeSeconds = ({ original_seconds: before, seconds }: Pair): string =>
  seconds === null ? "" : typeof before === "number" ? `${duration(before)} → ${duration(seconds)}` : duration(seconds);

/** How many outputs of a pair differ; undefined if they are not compared yet. */
export const describeDifferences = ({ differences, problem }: Pair): string | undefined =>
  problem ? "Not compared" : typeof differences === "number" ? plural(differences, "difference") : undefined;

/** Why less is shown than was counted; empty if all is. */
export const describeHidden = ({ differences, shown }: Pair): string =>
  typeof differences === "number" && differences > shown.length
    ? `Showing ${shown.length} of ${plural(differences, "difference")}: the first 100 are kept, and XComs and asset events need permission to view them.`
    : "";
