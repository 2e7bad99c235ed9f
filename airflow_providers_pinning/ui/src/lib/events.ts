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

/** Changes in words. */

import type { Event } from "src/api/types";

export const PALETTES: Record<string, string> = {
  held: "orange",
  unheld: "green",
  canary: "purple",
  candidate: "purple",
  pinned: "brand",
  rejected: "red",
  restored: "green",
  repaired: "green",
  acknowledged: "gray",
  activation_failed: "red",
  breaker_opened: "red",
  ramp_aborted: "red",
  ramp_advanced: "purple",
  ramp_paused: "orange",
  ramp_resumed: "purple",
  ramp_started: "purple",
  failing: "red",
  rolled_back: "red",
  evidence: "purple",
  approved: "green",
  approval_revoked: "orange",
  frozen: "orange",
  thawed: "green",
};

export const LABELS: Record<string, string> = {
  activation_canceled: "pending change canceled",
  activation_failed: "pending change failed",
  activation_scheduled: "change scheduled",
  acknowledged: "escaped runs acknowledged",
  approval_revoked: "approval revoked",
  approved: "approved",
  breaker_opened: "no automatic rollback possible",
  canary: "canary started",
  candidate: "marked as candidate",
  confirmed: "confirmed",
  criteria_set: "criteria set",
  evidence: "evidence recorded",
  failing: "failing since pinned",
  forgotten: "Dag deleted",
  frozen: "changes frozen",
  held: "put on hold",
  pinned: "pinned",
  policy_applied: "policies applied",
  ramp_aborted: "ramp aborted",
  ramp_advanced: "ramp advanced",
  ramp_paused: "ramp paused",
  ramp_resumed: "ramp resumed",
  ramp_started: "ramp started",
  rejected: "rejected",
  repaired: "repaired",
  restored: "restored",
  rolled_back: "rolled back",
  runs_repaired: "runs repaired",
  thawed: "freeze lifted",
  unheld: "hold lifted",
  unpinned: "unpinned",
};

/** Whether it is about policies or a freeze, and so about no single Dag. */
export const isAboutEveryDag = ({ dag_id: dagId }: Event): boolean => dagId === "*";

export const labelOf = ({ kind }: Event): string => LABELS[kind] ?? kind.replaceAll("_", " ");

/** How many runs a repair stopped and reran, or could not; undefined of other changes. */
export const repairedOf = ({ evidence, kind }: Event): string | undefined => {
  const repair = (evidence as { repair?: Record<string, unknown> } | null)?.repair;

  if (kind !== "runs_repaired" || repair === undefined) {
    return undefined;
  }
  const counts = (["canceled", "rerun", "blocked"] as const).flatMap((name) =>
    repair[name] ? [`${String(repair[name])} ${name === "blocked" ? "left alone" : name}`] : [],
  );

  return `Runs of version ${String(repair.version_number)}: ${counts.join(", ") || "none"}.`;
};

export const changeOf = ({ from_version: from, kind, to_version: to }: Event): string => {
  const [before, after] = [from?.version_number, to?.version_number];

  return ["pinned", "rolled_back", "unpinned"].includes(kind) && before !== undefined && before !== after
    ? `${before} → ${after ?? "none"}`
    : String(after ?? before ?? "");
};

/** Who made the change; a name from the command line is what the operating system or the caller says. */
export const whoDid = (event: Event): string =>
  `${event.actor}${event.actor_kind === "cli" ? " (command line)" : ""}${source(event)}`;

export const matches = (event: Event, text: string): boolean =>
  [labelOf(event), event.actor, event.reason, event.override_reason ?? "", changeOf(event)].some((value) =>
    value.toLowerCase().includes(text.trim().toLowerCase()),
  );

const source = (event: Event): string => {
  const { dag_id: dagId, task_id: taskId } = event.source ?? {};

  return typeof dagId === "string" ? ` (${dagId}.${String(taskId)})` : "";
};
