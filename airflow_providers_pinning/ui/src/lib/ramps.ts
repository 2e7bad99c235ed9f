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

/** Ramps in words. */

import type { Ramp } from "src/api/types";
import { plural } from "src/lib/versions";

type Step = Ramp["steps"][number];

const HOUR = 3600;

const lasting = (seconds: number): string =>
  seconds % (24 * HOUR) === 0
    ? plural(seconds / (24 * HOUR), "day")
    : seconds % HOUR === 0
      ? plural(seconds / HOUR, "hour")
      : seconds % 60 === 0
        ? plural(seconds / 60, "minute")
        : plural(seconds, "second");

/** A share, such as `12.5 %`. */
export const percent = (share: number): string => `${Number((share * 100).toFixed(2))} %`;

/** A step: its share, and what it takes for the next one. */
export const describeStep = ({ duration, runs, share }: Step): string =>
  [
    percent(share),
    ...(runs === null ? [] : [`until ${plural(runs, "run")} finished`]),
    ...(duration === null ? [] : [`for ${lasting(duration)}`]),
  ].join(" ");

/** What every list tells of a ramp. */
type Listed = Pick<Ramp, "share" | "status" | "version">;

/** A ramp in two words. */
export const rampMark = ({ share, status }: Listed): string =>
  status === "paused" ? "ramp paused" : `ramp ${percent(share)}`;

export const rampTitle = ({ share, status, version: { version_number: number } }: Listed): string =>
  status === "paused"
    ? `Ramp to version ${number} is paused`
    : `Ramp: version ${number} gets ${percent(share)} of new runs`;

const nextRun = ({ next_in: ahead, status, version: { version_number: number } }: Ramp): Array<string> =>
  status === "paused" || ahead === null
    ? []
    : [
        ahead === 1
          ? `The next run gets version ${number}.`
          : `The next ${plural(ahead - 1, "run")} will not get version ${number}; the one after that will.`,
      ];

/** How far a ramp got, a line each. */
export const describeRamp = (ramp: Ramp): Array<string> => {
  const after = ramp.steps.slice(ramp.step).map(describeStep);
  const present = ramp.steps[ramp.step - 1];

  return [
    `Step ${ramp.step} of ${ramp.steps.length}: ${present ? describeStep(present) : ""}. ${ramp.finished} of ${plural(ramp.needed, "run")} finished, ${ramp.failed} failed.`,
    ...nextRun(ramp),
    `Then: ${[...after, ramp.promotion === "manual" ? "someone promotes it" : "the version is pinned"].join(", ")}.`,
    `${ramp.reason} (${ramp.actor})`,
    ...(ramp.message === null ? [] : [`Waiting: ${ramp.message}`]),
  ];
};
