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

/** What a person can do to a Dag's versions: how it is called, what it does, and the request that does it. */

import { dagPath, type Request } from "src/api/client";
import type { Identity, ReleaseState, RollbackTarget } from "src/api/types";

export type ActionKind =
  "acknowledge" | "canary" | "lift" | "pin" | "reject" | "repair" | "restore" | "rollback" | "unpin";

export interface Action {
  kind: ActionKind;
  /** What a rollback passes over, and why. */
  passedOver?: RollbackTarget["passed_over"];
  /** Whether the version is rejected: that does not stop anybody from unpinning, which makes it live. */
  rejected?: boolean;
  /** The version that it is about; a rollback's target. */
  version: number;
  /** What that version was when it was offered: as long as it is not managed, a commit may rewrite it. */
  versionCode?: string;
  versionHash?: string;
}

/** An action on a version as it is shown now. */
export const actionOn = (kind: ActionKind, version: Identity): Action => ({
  kind,
  version: version.version_number,
  versionCode: version.bundle_version ?? undefined,
  versionHash: version.dag_hash,
});

/** Say which versions are passed over by a rollback, and why; nothing if none is. */
export const passedOver = (versions: RollbackTarget["passed_over"] = []): string =>
  versions.map(({ message, version_number: number }) => `Version ${number} is passed over: ${message}`).join("\n");

/** The action to offer again after the server told another state: unpinning is about what is the latest by now. */
export const offeredAgain = (action: Action, state: ReleaseState): Action =>
  action.kind === "unpin" && state.latest ? actionOn("unpin", state.latest) : action;

export interface Choices {
  conf: string;
  count: number;
  hold: boolean;
  override: string;
  reason: string;
  rejectCurrent: boolean;
}

export interface Wording {
  confirm: string;
  done: string;
  effect: string;
  title: string;
}

/** What changes which version is active. */
const MOVES = new Set<ActionKind>(["pin", "rollback", "unpin"]);

const of = (state: ReleaseState): string => (state.active ? ` instead of version ${state.active.version_number}` : "");

const heldBy = ({ hold }: ReleaseState): string => (hold ? ` It was put on hold by ${hold.actor}: ${hold.reason}` : "");

const WORDINGS: Record<ActionKind, (action: Action, state: ReleaseState) => Wording> = {
  acknowledge: ({ version }) => ({
    confirm: "Acknowledge runs",
    done: "The runs are acknowledged: they are no longer reported.",
    effect: `Stops reporting the runs that do not use the pinned version ${version}. The runs stay as they are. To move a run to the pinned version instead, clear it with the option to run on the latest version.`,
    title: "Acknowledge runs that do not use the pinned version",
  }),
  canary: ({ version }, state) => ({
    confirm: "Start canary runs",
    done: `Canary runs of version ${version} are created.`,
    effect: `Creates runs of version ${version} now, with its own code; all other runs go on using version ${
      state.active?.version_number ?? "none"
    }. What the tasks of a canary run do is real.`,
    title: `Start canary runs of version ${version}`,
  }),
  lift: ({ version }, state) => ({
    confirm: "Lift hold",
    done: "The hold is lifted: the pin may be changed again.",
    effect: `Lets promotions change the pin of this Dag again; new runs go on using version ${version}.${heldBy(state)}`,
    title: "Lift the hold",
  }),
  pin: ({ version }, state) => ({
    confirm: `Pin version ${version}`,
    done: `Version ${version} is pinned: every new run uses it.`,
    effect:
      state.active?.version_number === version
        ? `New runs go on using version ${version}, also when newer versions are registered.`
        : `Every new run uses version ${version}${of(state)}, from now on. Runs that exist keep their version.`,
    title: `Pin version ${version}`,
  }),
  reject: ({ version }) => ({
    confirm: `Reject version ${version}`,
    done: `Version ${version} is rejected.`,
    effect: `Marks version ${version} as not to be pinned, and ends its queued canary runs. Runs that are running go on until you mark them as failed. The version can be restored.`,
    title: `Reject version ${version}`,
  }),
  repair: ({ version }) => ({
    confirm: `Repair version ${version}`,
    done: `Version ${version} is what it was when it was pinned: runs are created again.`,
    effect: `Writes version ${version} again as it was when it was pinned, so that runs are created again. What it was rewritten to becomes a version of its own when its file is parsed the next time. End the process that rewrote it first, or it may do so again.`,
    title: `Repair version ${version}`,
  }),
  restore: ({ version }) => ({
    confirm: `Restore version ${version}`,
    done: `Version ${version} may be pinned again.`,
    effect: `Allows the rejected version ${version} to be pinned again.`,
    title: `Restore version ${version}`,
  }),
  rollback: ({ passedOver: without, version }, state) => ({
    confirm: `Roll back to version ${version}`,
    done: `Rolled back: every new run uses version ${version}.`,
    effect: [
      `Every new run uses version ${version}${of(state)}, from now on. Runs that exist keep their version.`,
      passedOver(without),
    ]
      .filter(Boolean)
      .join("\n"),
    title: `Roll back to version ${version}`,
  }),
  unpin: ({ rejected, version }, state) => ({
    confirm: "Unpin",
    done: "Unpinned: every new run uses the latest version.",
    effect: `${rejected ? `Version ${version} was rejected, and goes live all the same. ` : ""}Every new run uses the latest version, now ${version},${of(state)}. Versions registered later go live at once.`,
    title: "Unpin",
  }),
};

export const wordingOf = (action: Action, state: ReleaseState): Wording => WORDINGS[action.kind](action, state);

export interface Outcome {
  /** Whether another version may be active now, which Airflow's own header does not notice. */
  moved: boolean;
  /** Revision as of which this is so. */
  revision: number;
  text: string;
  warnings: Array<string>;
}

const stands = ({ kind, version }: Action, after: Partial<ReleaseState>): boolean => {
  if (after.repeated && kind !== "lift") {
    return after.repeated.stands;
  }
  if (kind === "unpin" || kind === "lift") {
    return kind === "unpin" ? !after.pinned : !after.hold;
  }

  return !MOVES.has(kind) || after.active?.version_number === version;
};

/**
 * Tell what was done, from the state that the server answered with: a request that is repeated after its answer was
 * lost is not carried out again, and somebody may have changed the Dag in between. The server's warning says who.
 */
export const outcomeOf = (action: Action, before: ReleaseState, after: Partial<ReleaseState>): Outcome => ({
  moved: MOVES.has(action.kind),
  revision: after.revision ?? before.revision,
  text: stands(action, after) ? wordingOf(action, before).done : "This was done, but it was changed again since.",
  warnings: after.warnings ?? [],
});

/** A reason to begin with, where a second click must be enough; for others the person writes one. */
export const firstReason = (action: Action, state: ReleaseState): string =>
  action.kind === "rollback" ? `Roll back from version ${state.active?.version_number ?? "?"}` : "";

/** Why what was entered cannot be sent, if so. */
export const complaint = (action: Action, choices: Choices, mustOverride = false): string | undefined => {
  if (!choices.reason.trim()) {
    return "Say why.";
  }
  if (mustOverride && !choices.override.trim()) {
    return "Say why it is done all the same.";
  }
  if (action.kind !== "canary") {
    return undefined;
  }
  if (!Number.isInteger(choices.count) || choices.count < 1 || choices.count > 100) {
    return "The number of runs must be from 1 to 100.";
  }
  try {
    const conf: unknown = choices.conf.trim() ? JSON.parse(choices.conf) : {};

    return typeof conf === "object" && conf !== null && !Array.isArray(conf)
      ? undefined
      : "The configuration must be a JSON object.";
  } catch {
    return "The configuration is not valid JSON.";
  }
};

/** Build the request; `base` is the state that the person saw. */
export const requestOf = (
  action: Action,
  choices: Choices,
  base: ReleaseState,
  key: string,
): Request & { path: string } => {
  const dag = dagPath(base.dag_id);
  const reason = choices.reason.trim();
  const override = choices.override.trim() || undefined;
  const common = { expected_revision: base.revision, idempotency_key: key, reason };
  const seen = {
    expected_bundle_version: action.versionCode,
    expected_dag_hash: action.versionHash,
    expected_revision: base.revision,
  };

  switch (action.kind) {
    case "acknowledge":
      return { body: common, method: "POST", path: `${dag}/acknowledgements` };
    case "canary":
      return {
        body: {
          ...seen,
          conf: choices.conf.trim() ? (JSON.parse(choices.conf) as unknown) : undefined,
          count: choices.count,
          idempotency_key: key,
          note: reason,
          override_reason: override,
          version_number: action.version,
        },
        method: "POST",
        path: `${dag}/canaryRuns`,
      };
    case "lift":
    case "pin":
      return {
        body: {
          ...common,
          ...seen,
          override_reason: action.kind === "lift" ? reason : override,
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
          from_version: base.active?.version_number,
          hold: choices.hold,
          override_reason: override,
          reject_current: choices.rejectCurrent,
          to_version: action.version,
        },
        method: "POST",
        path: `${dag}/rollback`,
      };
    case "unpin":
      return {
        method: "DELETE",
        path: `${dag}/pin`,
        query: { ...common, ...seen, expected_version: action.version, override_reason: override },
      };
  }
};
