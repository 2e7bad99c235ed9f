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

/** What stands in the way of a change, and what an override reason passes over. */

import type { ApiError } from "src/api/client";
import type { Explanation, ReleaseState, Soak, Unmet } from "src/api/types";
import type { ActionKind } from "src/lib/actions";
import { absolute } from "src/lib/time";

/** Refusals that everybody who may make the change may pass over. */
const OVERRIDABLE = new Set(["held", "verdict_failed", "version_rejected"]);

/** The refusal for rules of release policies, which only some may pass over. */
export const POLICY = "policy";

/** Actions that a hold stops. */
const HELD = new Set<ActionKind>(["pin", "unpin"]);

interface Situation {
  /** Whether the user may pass over rules of release policies. */
  mayOverride: boolean;
  refusal?: ApiError | undefined;
  state: ReleaseState;
  verdict?: Soak["verdict"] | undefined;
}

/** Whether a change takes an override reason, as far as is known. */
export const needsOverride = (kind: ActionKind, { mayOverride, refusal, state, verdict }: Situation): boolean =>
  OVERRIDABLE.has(refusal?.reason ?? "") ||
  (refusal?.reason === POLICY && mayOverride) ||
  (state.hold !== null && HELD.has(kind)) ||
  (kind === "pin" && verdict === "failed");

const NAMES: Record<Unmet["rule"], string> = {
  approvals: "Approvals",
  canary: "Isolation of canary runs",
  evidence: "Evidence",
  freeze: "Freeze",
  ramp: "Ramp",
  soak: "Soak",
  window: "Release window",
};

/** What kind of rule is not met; a newer server may know others. */
export const ruleName = ({ rule }: Pick<Unmet, "rule">): string => NAMES[rule] ?? rule;

/** The moment at which a rule is met by itself, in the user's time zone. */
export const metAt = ({ details }: Pick<Unmet, "details">): string | undefined => {
  const moment = details.next_open ?? details.until;

  return typeof moment === "string" ? absolute(moment) : undefined;
};

/** The release rules that the user saw: an override passes over no others. */
export interface SeenRules {
  expected_freeze_id: number;
  expected_policy_revision: number;
}

const newestFreeze = (unmet: ReadonlyArray<Pick<Unmet, "details">>): number =>
  Math.max(0, ...unmet.map(({ details: { freeze_id: id } }) => (typeof id === "number" ? id : 0)));

/** What the user saw of release rules: those of the refusal, if there was one, else those of the Dag's page. */
export const seenRules = (
  policy: Pick<Explanation, "revision" | "unmet"> | null,
  refusal?: ApiError,
): SeenRules | undefined => {
  if (refusal?.reason === POLICY && refusal.policyRevision !== undefined) {
    return { expected_freeze_id: newestFreeze(refusal.unmet), expected_policy_revision: refusal.policyRevision };
  }

  return policy === null
    ? undefined
    : { expected_freeze_id: newestFreeze(policy.unmet), expected_policy_revision: policy.revision };
};
