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

/** The actions on a Dag's versions: their words, their requests and their outcomes. */

import { dagPath, type Request } from "src/api/client";
import type { Identity, PendingChange, ReleaseState, RollbackTarget } from "src/api/types";
import { chosen, problem, type Isolation } from "src/lib/isolation";
import type { SeenRules } from "src/lib/objections";
import { readConf } from "src/lib/params";
import { plural } from "src/lib/versions";
import { MAX_CANARY_RUNS } from "src/lib/limits";
import { absolute, momentOf } from "src/lib/time";

export type ActionKind =
  | "abortRamp"
  | "acknowledge"
  | "approve"
  | "canary"
  | "cancel"
  | "hold"
  | "lift"
  | "pauseRamp"
  | "pin"
  | "promoteRamp"
  | "reject"
  | "repair"
  | "restore"
  | "resumeRamp"
  | "rollback"
  | "unpin";

export interface Action {
  kind: ActionKind;
  /** Live runs of the version that a rollback replaces, by state; undefined if the user may not edit runs. */
  runs?: Record<string, number>;
  /** The versions that a rollback skips, and why. */
  skipped?: RollbackTarget["passed_over"];
  /** Whether the version is rejected, which does not prevent unpinning from making it live. */
  rejected?: boolean;
  /** The version to act on; a rollback's target. */
  version: number;
  /** The version as it was shown: until it is managed, a commit may rewrite it. */
  versionCode?: string;
  versionHash?: string;
}

/** An action on a version as it is now. */
export const actionOn = (kind: ActionKind, version: Identity): Action => ({
  kind,
  version: version.version_number,
  versionCode: version.bundle_version ?? undefined,
  versionHash: version.dag_hash,
});

/** Say which versions a rollback skips, and why; empty if it skips none. */
export const describeSkipped = (versions: RollbackTarget["passed_over"] = []): string =>
  versions.map(({ message, version_number: number }) => `Version ${number} is skipped: ${message}`).join("\n");

/** The action to confirm after a conflict: unpinning now targets the version that has become the latest. */
export const rebased = (action: Action, state: ReleaseState): Action =>
  action.kind === "unpin" && state.latest ? actionOn("unpin", state.latest) : action;

export interface Choices {
  /** Whether the active version replays the same runs, to find outputs that differ by chance. */
  baseline: boolean;
  conf: string;
  count: number;
  /** Whether canary runs replay the last live runs, or have a configuration of their own. */
  inputs: "new" | "replay";
  /** What becomes of the finished runs of the version that is rolled back. */
  finished: "failed" | "keep" | "rerun";
  /** From when on the version is to be used, as the input has it, in the chosen time zone; empty if at once. */
  from: string;
  hold: boolean;
  isolation: Isolation;
  /** How many live runs to replay. */
  last: number;
  override: string;
  /** The partition of new runs; empty if the server chooses it. */
  partition: string;
  reason: string;
  rejectCurrent: boolean;
  /** Whether a rollback leaves runs alone that cannot be repaired, rather than being refused. */
  skipBlocked: boolean;
  unfinished: "cancel" | "keep";
  /** When a hold ends by itself, as the input has it, in the chosen time zone; empty if it is kept until lifted. */
  until: string;
}

export interface Wording {
  confirm: string;
  done: string;
  effect: string;
  title: string;
}

/** Actions that change the active version. */
const MOVES = new Set<ActionKind>(["pin", "promoteRamp", "rollback", "unpin"]);

/** Actions that can take effect at a given time. */
export const TIMED = new Set<ActionKind>(["pin", "rollback", "unpin"]);

const insteadOf = (state: ReleaseState): string =>
  state.active ? ` instead of version ${state.active.version_number}` : "";

const holdNote = ({ hold }: ReleaseState): string => (hold ? ` Held by ${hold.actor}: "${hold.reason}"` : "");

const sum = (runs: Record<string, number>): number => Object.values(runs).reduce((total, count) => total + count, 0);

const KEPT = "Queued, running and finished runs keep their version.";

/** Say what a pending change does, without its time. */
export const describePending = ({ action, version }: PendingChange): string =>
  version === null ? action : `${action} ${action === "rollback" ? "to" : "of"} version ${version.version_number}`;

/** What each action on a ramp is called in its request. */
const RAMP_ACTIONS = { abortRamp: "abort", pauseRamp: "pause", promoteRamp: "promote", resumeRamp: "resume" } as const;

const WORDINGS: Record<ActionKind, (action: Action, state: ReleaseState) => Wording> = {
  abortRamp: ({ version }, state) => ({
    confirm: "Abort the ramp",
    done: `Ramp aborted. No new run uses version ${version}.`,
    effect: `No new run will use version ${version}; all use version ${state.active?.version_number ?? "?"}. ${KEPT}`,
    title: `Abort the ramp to version ${version}`,
  }),
  acknowledge: ({ version }) => ({
    confirm: "Acknowledge runs",
    done: "Runs acknowledged. They are no longer reported.",
    effect: `Stops reporting the runs that don't use the pinned version ${version}. The runs themselves don't change. To move a run to the pinned version, clear it with the option to run on the latest version.`,
    title: "Acknowledge runs that don't use the pinned version",
  }),
  approve: ({ version }) => ({
    confirm: `Approve version ${version}`,
    done: `Version ${version} is approved.`,
    effect: `Records your approval of version ${version} as shown here. No runs change. It does not count for your own pins, and expires if the version is rewritten.`,
    title: `Approve version ${version}`,
  }),
  canary: ({ version }, state) => ({
    confirm: "Start canary runs",
    done: `Started canary runs of version ${version}.`,
    effect: `Starts runs of version ${version} with its own code. ${
      state.active ? `Other runs keep using version ${state.active.version_number}. ` : ""
    }Their asset events, alerts and triggered runs are withheld. What tasks do outside Airflow is real: they write to the same systems as live runs.`,
    title: `Start canary runs of version ${version}`,
  }),
  cancel: (_, { pending }) => ({
    confirm: "Cancel the change",
    done: "Pending change canceled.",
    effect: `${pending ? `Cancels the ${describePending(pending)}. ` : ""}The active version stays. Runs that were created for a later time keep their version.`,
    title: "Cancel the pending change",
  }),
  hold: ({ version }) => ({
    confirm: "Hold",
    done: "On hold. Promotions can't change the version.",
    effect: `Blocks changes of the active version (now ${version}), except rollbacks, until the hold ends or someone lifts it.`,
    title: "Put this Dag on hold",
  }),
  lift: ({ version }, state) => ({
    confirm: "Lift hold",
    done: "Hold lifted. Promotions can change the version again.",
    effect: `Allows promotions again. The active version stays ${version}.${holdNote(state)}`,
    title: "Lift the hold",
  }),
  pauseRamp: ({ version }) => ({
    confirm: "Pause the ramp",
    done: `Ramp paused. No new run uses version ${version}.`,
    effect: `No new run will use version ${version} until the ramp is resumed. ${KEPT}`,
    title: `Pause the ramp to version ${version}`,
  }),
  promoteRamp: ({ version }, state) => ({
    confirm: `Pin version ${version}`,
    done: `Version ${version} is pinned. New runs use it.`,
    effect: `Ends the ramp now and skips the remaining steps. New runs will use version ${version}${insteadOf(state)}. ${KEPT}`,
    title: `Promote version ${version}`,
  }),
  pin: ({ version }, state) => ({
    confirm: `Pin version ${version}`,
    done: `Version ${version} is pinned. New runs use it.`,
    effect:
      state.active?.version_number === version
        ? `New runs keep using version ${version}, even after newer versions are parsed.`
        : `New runs will use version ${version}${insteadOf(state)}. ${KEPT}`,
    title: `Pin version ${version}`,
  }),
  reject: ({ version }) => ({
    confirm: `Reject version ${version}`,
    done: `Version ${version} is rejected.`,
    effect: `Blocks version ${version} from being pinned and ends its queued canary runs. Running ones continue until you mark them as failed. You can restore the version later.`,
    title: `Reject version ${version}`,
  }),
  repair: ({ version }) => ({
    confirm: `Repair version ${version}`,
    done: `Version ${version} is repaired. New runs can start again.`,
    effect: `Restores version ${version} to what it was when it was pinned, so that new runs can start again. The rewritten code becomes a separate version the next time its file is parsed. First stop the process that rewrote it, or it may do so again.`,
    title: `Repair version ${version}`,
  }),
  restore: ({ version }) => ({
    confirm: `Restore version ${version}`,
    done: `Version ${version} can be pinned again.`,
    effect: `Allows version ${version} to be pinned again.`,
    title: `Restore version ${version}`,
  }),
  resumeRamp: ({ version }, { ramp }) => ({
    confirm: "Resume the ramp",
    done: `Ramp resumed. A share of new runs uses version ${version}.`,
    effect: `Restarts step ${ramp?.step ?? "?"}: a share of new runs will use version ${version}.`,
    title: `Resume the ramp to version ${version}`,
  }),
  rollback: ({ runs, skipped: without, version }, state) => ({
    confirm: `Roll back to version ${version}`,
    done: `Rolled back. New runs use version ${version}.`,
    effect: [
      `New runs will use version ${version}${insteadOf(state)}. ${runs && sum(runs) > 0 ? "" : KEPT}`.trim(),
      describeSkipped(without),
    ]
      .filter(Boolean)
      .join("\n"),
    title: `Roll back to version ${version}`,
  }),
  unpin: ({ rejected, version }, state) => ({
    confirm: "Unpin",
    done: "Unpinned. New runs use the latest version.",
    effect: `${rejected ? `Warning: version ${version} was rejected and will go live. ` : ""}New runs will use the latest version (now ${version})${insteadOf(state)}. ${KEPT} Future versions go live as soon as they are parsed.`,
    title: "Unpin",
  }),
};

/** The words of an action, which say as well that it cancels a change that is pending. */
export const wordingOf = (action: Action, state: ReleaseState): Wording => {
  const wording = WORDINGS[action.kind](action, state);

  if (state.ramp && MOVES.has(action.kind) && action.kind !== "promoteRamp") {
    return {
      ...wording,
      effect: `Aborts the ramp to version ${state.ramp.version.version_number}. ${wording.effect}`,
    };
  }

  return state.pending && MOVES.has(action.kind)
    ? {
        ...wording,
        effect: `Cancels the ${describePending(state.pending)} that is pending for ${absolute(state.pending.effective_from)}. ${wording.effect}`,
      }
    : wording;
};

export interface Outcome {
  /** Whether the active version may have changed, which Airflow's own Dag header does not notice. */
  moved: boolean;
  /** The revision that the outcome describes. */
  revision: number;
  /** The runs that were started, as a path in Airflow's user interface. */
  runsPath?: string;
  text: string;
  warnings: Array<string>;
}

const isInEffect = ({ kind, version }: Action, after: Partial<ReleaseState>): boolean => {
  if (kind === "hold") {
    return after.hold !== null;
  }
  if (kind === "cancel") {
    return after.pending === null;
  }
  if (kind === "abortRamp") {
    return after.ramp === null;
  }
  if (kind === "pauseRamp" || kind === "resumeRamp") {
    return after.ramp?.status === (kind === "pauseRamp" ? "paused" : "running");
  }
  if (after.repeated && kind !== "lift") {
    return after.repeated.stands;
  }
  if (after.pending) {
    return kind === "unpin" ? after.pending.action === kind : after.pending.version?.version_number === version;
  }
  if (kind === "unpin" || kind === "lift") {
    return kind === "unpin" ? !after.pinned : !after.hold;
  }

  return !MOVES.has(kind) || after.active?.version_number === version;
};

/** The answer to a change: the state that it led to, or the canary runs that it started. */
export type Answer = Partial<ReleaseState> & { replays?: Record<string, string>; run_ids?: Array<string> };

/**
 * Describe the outcome from the server's answer. A request that is replayed after its answer was lost is not carried
 * out again, and someone may have changed the Dag in between; the server's warning says who.
 */
export const outcomeOf = (action: Action, before: ReleaseState, after: Answer): Outcome => ({
  moved: MOVES.has(action.kind),
  revision: after.revision ?? before.revision,
  text: !isInEffect(action, after)
    ? "Done, but someone has changed it since."
    : after.run_ids
      ? Object.keys(after.replays ?? {}).length > 0
        ? `Started ${plural(after.run_ids.length, "replay")} of live runs with version ${action.version}.`
        : `Started ${plural(after.run_ids.length, "canary run")} of version ${action.version}.`
      : TIMED.has(action.kind) && after.pending
        ? `Runs due at ${absolute(after.pending.effective_from)} or later use ${
            action.kind === "unpin" ? "the latest version" : `version ${action.version}`
          }. Earlier ones keep using the active version.`
        : wordingOf(action, before).done,
  warnings: [...describeRepair(after), ...(after.warnings ?? [])],
  ...(after.run_ids && {
    runsPath: `/dags/${encodeURIComponent(before.dag_id)}/runs?run_id_pattern=canary__v${action.version}__`,
  }),
});

/** Say which runs a rollback canceled, reran and left alone. */
const describeRepair = ({ repair }: Answer): Array<string> =>
  repair && repair.canceled.length + repair.rerun.length + repair.blocked.length > 0
    ? [
        `${plural(repair.canceled.length, "run")} canceled, ${plural(repair.rerun.length, "run")} queued to rerun.`,
        ...repair.blocked.slice(0, BLOCKED_SHOWN).map(({ message }) => message),
      ]
    : [];

/** How many of the runs that could not be repaired are named. */
const BLOCKED_SHOWN = 10;

/** A prefilled reason, so that a rollback takes two clicks; empty for the other actions. */
export const defaultReason = (action: Action, state: ReleaseState): string =>
  action.kind === "rollback" ? `Roll back from version ${state.active?.version_number ?? "?"}` : "";

/** Why the input cannot be sent; undefined if it can. */
export const validationError = (action: Action, choices: Choices, needsOverride = false): string | undefined => {
  if (!choices.reason.trim()) {
    return "Enter a reason.";
  }
  if (needsOverride && !choices.override.trim()) {
    return "Enter an override reason.";
  }
  if (TIMED.has(action.kind) && choices.from !== "") {
    const from = momentOf(choices.from);

    if (action.kind === "rollback" && repairOf(choices) !== undefined) {
      return "Only an immediate rollback can stop or rerun runs. Clear the time, or keep the runs.";
    }

    return from !== undefined && new Date(from).getTime() > Date.now() ? undefined : "Enter a time in the future.";
  }
  if (action.kind !== "canary") {
    return undefined;
  }
  const count = choices.inputs === "replay" ? choices.last : choices.count;

  if (!Number.isInteger(count) || count < 1 || count > MAX_CANARY_RUNS) {
    return `The number of runs must be between 1 and ${MAX_CANARY_RUNS}.`;
  }
  if (choices.inputs === "replay") {
    return problem(choices.isolation);
  }

  return readConf(choices.conf) === undefined
    ? "The configuration must be a valid JSON object."
    : problem(choices.isolation);
};

const repairOf = ({ finished, skipBlocked, unfinished }: Choices) =>
  finished === "keep" && unfinished === "keep"
    ? undefined
    : {
        finished: finished === "keep" ? "keep" : "rerun",
        only_failed: finished === "failed",
        skip_blocked: skipBlocked,
        unfinished,
      };

/** Build the request; `base` is the state that the user saw, and `rules` the release rules. */
export const requestOf = (
  action: Action,
  choices: Choices,
  base: ReleaseState,
  key: string,
  rules?: SeenRules,
): Request & { path: string } => {
  const dag = dagPath(base.dag_id);
  const reason = choices.reason.trim();
  const overridden = choices.override.trim();
  // What the user did not see is not overridden.
  const override = overridden ? { ...rules, override_reason: overridden } : {};
  const common = { expected_revision: base.revision, idempotency_key: key, reason };
  const seen = {
    expected_bundle_version: action.versionCode,
    expected_dag_hash: action.versionHash,
    expected_revision: base.revision,
  };

  const timed = {
    effective_from: momentOf(choices.from),
    // The dialog says that it cancels the change or aborts the ramp that was shown; another one since is another revision.
    supersede: base.pending || base.ramp ? true : undefined,
  };

  switch (action.kind) {
    case "abortRamp":
    case "pauseRamp":
    case "promoteRamp":
    case "resumeRamp":
      return {
        body: {
          ...common,
          action: RAMP_ACTIONS[action.kind],
          expected_version: action.version,
          ...override,
        },
        method: "PATCH",
        path: `${dag}/ramp`,
      };
    case "acknowledge":
      return { body: common, method: "POST", path: `${dag}/acknowledgements` };
    case "approve":
      return {
        body: {
          expected_bundle_version: action.versionCode,
          expected_dag_hash: action.versionHash,
          idempotency_key: key,
          reason,
        },
        method: "POST",
        path: `${dag}/versions/${action.version}/approvals`,
      };
    case "canary":
      return {
        body: {
          ...seen,
          ...(choices.inputs === "replay"
            ? { replay: { last: choices.last }, ...(choices.baseline && { replay_baseline: true }) }
            : {
                conf: choices.conf.trim() ? (JSON.parse(choices.conf) as unknown) : undefined,
                count: choices.count,
                partition_key: choices.partition.trim() || undefined,
              }),
          idempotency_key: key,
          isolation: chosen(choices.isolation),
          note: reason,
          ...override,
          version_number: action.version,
        },
        method: "POST",
        path: `${dag}/canaryRuns`,
      };
    case "cancel":
      return { method: "DELETE", path: `${dag}/pending`, query: common };
    case "hold":
      return { body: { ...common, until: momentOf(choices.until) }, method: "PUT", path: `${dag}/hold` };
    case "lift":
      return { method: "DELETE", path: `${dag}/hold`, query: common };
    case "pin":
      return {
        body: {
          ...common,
          ...seen,
          ...timed,
          ...override,
          version_number: action.version,
        },
        method: "PUT",
        path: `${dag}/pin`,
      };
    case "reject":
    case "repair":
    case "restore":
      return {
        body: { ...common, ...seen },
        method: "POST",
        path: `${dag}/versions/${action.version}/${action.kind}`,
      };
    case "rollback":
      return {
        body: {
          ...common,
          ...(timed.effective_from === undefined ? {} : timed),
          expected_version: base.active?.version_number,
          hold: choices.hold,
          hold_until: choices.hold ? momentOf(choices.until) : undefined,
          ...override,
          reject_current: choices.rejectCurrent,
          repair: repairOf(choices),
          to_version: action.version,
        },
        method: "POST",
        path: `${dag}/rollback`,
      };
    case "unpin":
      return {
        method: "DELETE",
        path: `${dag}/pin`,
        query: { ...common, ...seen, ...timed, expected_version: action.version, ...override },
      };
  }
};
