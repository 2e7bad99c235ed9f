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

import type { Explanation } from "src/api/types";
import { describeStep } from "src/lib/ramps";

type Rules = Explanation["rules"];
type WindowRule = Rules["windows"][number]["allow"][number];

const HOUR = 3600;

const lasting = (seconds: number): string =>
  seconds % HOUR === 0 ? `${seconds / HOUR} h` : `${Math.round(seconds / 60)} min`;

const spans = (rules: ReadonlyArray<WindowRule>): string =>
  rules
    .map(({ cron, duration, name, timezone }) => name ?? `${cron} (${timezone}) for ${lasting(duration)}`)
    .join(", ");

/** What release policies ask for together, one line a rule. */
export const describeRules = ({
  approvals,
  auto_rollback: rollbacks,
  canary,
  evidence,
  gate,
  ramp: ramps,
  soak,
  windows,
}: Rules): Array<string> => [
  ...windows.map(
    ({ allow, deny, policy }) =>
      `Windows of ${policy}: ${[
        ...(allow.length === 0 ? [] : [`open ${spans(allow)}`]),
        ...(deny.length === 0 ? [] : [`closed ${spans(deny)}`]),
      ].join("; ")}`,
  ),
  ...soak.map(
    (criteria) =>
      `A soak: ${Object.entries(criteria)
        .map(([name, value]) => `${name} ${String(value)}`)
        .join(", ")}`,
  ),
  ...(evidence.length === 0 ? [] : [`Successful evidence: ${evidence.join(", ")}`]),
  ...(approvals === 0 ? [] : [`${approvals} ${approvals === 1 ? "approval" : "approvals"} by another person`]),
  ...(Object.keys(canary).length === 0
    ? []
    : [
        `Canary runs: ${Object.entries(canary)
          .map(([name, value]) => `${name} ${typeof value === "string" ? value : Object.values(value).join(", ")}`)
          .join(", ")}`,
      ]),
  ...ramps.map(({ policy, steps }) => `A ramp of ${policy}: ${steps.map(describeStep).join(", then ")}`),
  ...(gate === "manual" ? ["A pin of each new Dag to its first version"] : []),
  ...rollbacks.map(
    ({ hold, max_failures: tolerated, policy, when_nothing_is_stable: otherwise, within_runs: runs }) =>
      `Automatic rollback of ${policy}: once more than ${tolerated} of the last ${runs} live runs failed since the pin${
        hold ? ", with a hold" : ""
      }; if no earlier version is stable, ${otherwise === "wait" ? "no run is created" : "runs go on"}`,
  ),
];
