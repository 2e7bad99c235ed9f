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

/** Release policies and freezes in words and addresses. */

import type { Explanation, Freeze, Policy, PolicyOverview } from "src/api/types";
import { describeCron } from "src/lib/cron";
import { describeStep } from "src/lib/ramps";
import { describeSoak } from "src/lib/soakRules";
import { duration as lasting } from "src/lib/time";

export const POLICIES_ADDRESS = "/plugin/pins?view=policies";

type Rules = Explanation["rules"];
type WindowOf = Pick<PolicyOverview, "name" | "window">;
type WindowRule = Rules["windows"][number]["allow"][number];

const spans = (rules: ReadonlyArray<WindowRule>): string =>
  rules
    .map(({ cron, duration, name, timezone }) => {
      const when = `${describeCron(cron)} (${timezone}) for ${lasting(duration)}`;

      return name ? `${name}, ${when}` : when;
    })
    .join(" and ");

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
  ...soak.map(describeSoak),
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

/** What one policy asks for, as far as it goes by itself. */
const rulesOf = (policy: Policy): Rules => ({
  approvals: policy.requires?.approvals ?? 0,
  auto_rollback: policy.auto_rollback ? [{ ...policy.auto_rollback, policy: policy.name }] : [],
  canary: Object.fromEntries(
    Object.entries(policy.canary?.isolation ?? {}).filter(
      (entry): entry is [string, Record<string, string> | string] => entry[1] !== null && entry[1] !== undefined,
    ),
  ),
  evidence: policy.requires?.evidence ?? [],
  gate: policy.gate ?? "automatic",
  ramp: policy.ramp
    ? [
        {
          policy: policy.name,
          steps: policy.ramp.map(({ duration = null, runs = null, share }) => ({ duration, runs, share })),
        },
      ]
    : [],
  soak: policy.requires?.soak ? [policy.requires.soak] : [],
  windows: policy.windows ? [{ ...policy.windows, policy: policy.name }] : [],
});

/** The rules of one policy, one line each. */
export const describePolicy = (policy: Policy): Array<string> => [
  ...describeRules(rulesOf(policy)),
  ...(policy.exempt?.length === 0 ? ["Rollbacks must meet the rules too"] : []),
];

const KINDS = [
  ["tags", "with tag"],
  ["bundles", "of bundle"],
  ["dag_ids", "named"],
  ["teams", "of team"],
  ["owners", "owned by"],
] as const;

/** Which Dags a policy or a freeze is about, such as `Dags with tag tier-1 or tier-2, of bundle finance`. */
export const describeMatch = (match: Freeze["match"] | Policy["match"]): string => {
  const parts = KINDS.map(([kind, words]) => [words, match[kind] ?? []] as const)
    .filter(([, values]) => values.length > 0)
    .map(([words, values]) => `${words} ${values.join(" or ")}`);

  return parts.length === 0 || parts.join() === "named *" ? "All Dags" : `Dags ${parts.join(", ")}`;
};

/** How a freeze ended; undefined if nobody lifted it. */
export const describeEnd = ({
  lift_reason: reason,
  lifted_at: lifted,
  lifted_by: actor,
}: Freeze): string | undefined => (lifted === null ? undefined : `Lifted by ${actor ?? ""}: ${reason ?? ""}`);

export interface Turn {
  at: string;
  text: string;
}

/** What the freezes and windows that are known do next, the soonest first. */
export const turns = (freezes: ReadonlyArray<Freeze>, windows: ReadonlyArray<WindowOf>): Array<Turn> =>
  [
    ...freezes.flatMap(({ id, match, until }) =>
      until === null ? [] : [{ at: until, text: `Freeze ${id} ends (${describeMatch(match)})` }],
    ),
    ...windows.flatMap(({ name, window }) =>
      window?.changes_at
        ? [{ at: window.changes_at, text: `The windows of ${name} ${window.is_open ? "close" : "open"}` }]
        : [],
    ),
  ].sort((one, other) => new Date(one.at).getTime() - new Date(other.at).getTime());
