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

/** Descriptions of the timeline for screen readers and tooltips. */

import type { Event, ReleaseState, Run } from "src/api/types";
import { absolute } from "src/lib/time";
import type { Mark, Timeline } from "src/lib/timeline";
import { plural } from "src/lib/versions";

export const describeRun = (run: Run): string =>
  `${run.kind === "canary" ? "Canary run" : "Run"} ${run.run_id} of version ${run.version_number ?? "unknown"}: ${
    run.state
  }, ${absolute(run.created_at)}`;

/** Describe a mark of the picture: one run, or several that are alike. */
export const describeMark = ({ run, runs }: Mark): string =>
  runs.length < 2
    ? describeRun(run)
    : `${runs.length} runs of version ${run.version_number ?? "unknown"}: each ${run.state}, ${absolute(
        runs[0]?.created_at ?? run.created_at,
      )} to ${absolute(run.created_at)}. The newest is ${run.run_id}`;

const numberOf = (version: Event["to_version"]): string => String(version?.version_number ?? "none");

export const describeMove = ({
  actor,
  created_at: moment,
  from_version: from,
  kind,
  reason,
  to_version: to,
}: Event): string => {
  const what =
    kind === "rolled_back"
      ? `Rolled back from version ${numberOf(from)} to ${numberOf(to)}`
      : kind === "pinned"
        ? `Pinned version ${numberOf(to)}${from ? ` (was version ${from.version_number})` : ""}`
        : kind === "forgotten"
          ? `Dag deleted while version ${numberOf(from)} was pinned`
          : `Unpinned version ${numberOf(from)}`;

  return `${what} by ${actor}, ${absolute(moment)}: ${reason}`;
};

export const describeTimeline = ({ marks, moves }: Timeline, state: ReleaseState): string => {
  const runs = marks.flatMap((mark) => mark.runs);
  const failed = runs.filter((run) => run.state === "failed").length;
  const canaries = runs.filter((run) => run.kind === "canary").length;
  const used = new Set(runs.map((run) => run.version_number)).size;
  const active = state.active?.version_number;
  const last = moves.at(-1);

  return [
    runs.length === 0
      ? "No runs."
      : `${plural(runs.length, "run")} of ${plural(used, "version")}; ${failed} failed, ${plural(canaries, "canary run")}.`,
    active === undefined ? "" : `Version ${active} is active${state.pinned ? " and pinned" : ", not pinned"}.`,
    last ? `Last change: ${describeMove(last.event)}` : "No pin changes.",
  ]
    .filter(Boolean)
    .join(" ");
};
