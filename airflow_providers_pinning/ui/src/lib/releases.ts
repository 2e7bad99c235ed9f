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

/** Releases of many Dags, in words and addresses. */

import type { Release, ReleaseBody } from "src/api/types";
import { plural } from "src/lib/versions";

type ReleasedDag = Release["dags"][number];

export const RELEASES_ADDRESS = "/plugin/pins?view=releases";

export const releaseAddress = (id: string): string => `${RELEASES_ADDRESS}&release_id=${encodeURIComponent(id)}`;

const numberOf = (version: ReleasedDag["from_version"]): string =>
  version === null ? "none" : String(version.version_number);

/** Say which version was active before and which one is afterwards. */
export const versionsOf = ({ from_version: from, to_version: to }: Pick<ReleasedDag, "from_version" | "to_version">) =>
  from?.version_number === to?.version_number ? numberOf(to) : `${numberOf(from)} → ${numberOf(to)}`;

/** One page of a release's Dags, of which there may be thousands. */
export const dagsPage = <T>(dags: ReadonlyArray<T>, offset: number, limit: number): ReadonlyArray<T> =>
  dags.slice(offset, offset + limit);

export const PLAN_ADDRESS = `${RELEASES_ADDRESS}&plan=yes`;

/** What is entered to plan a release. */
export interface Draft {
  action: "commit" | "latest" | "newest" | "rollback" | "unpin";
  bundle: string;
  commit: string;
  /** Ids and patterns of Dags; for a commit empty if the scope says which. */
  dags: string;
  exclude: string;
  override: string;
  scope: NonNullable<ReleaseBody["scope"]>;
}

export const EMPTY: Draft = {
  action: "commit",
  bundle: "",
  commit: "",
  dags: "",
  exclude: "",
  override: "",
  scope: "changed",
};

/** A draft about some Dags, as the state of a link to the page that plans it. */
export const planOf = (action: Draft["action"], dagIds: ReadonlyArray<string>): { draft: Draft } => ({
  draft: { ...EMPTY, action, dags: dagIds.join("\n") },
});

/** The draft that a link brought along. */
export const draftIn = (state: unknown): Draft | undefined =>
  typeof state === "object" && state !== null && "draft" in state ? (state as { draft: Draft }).draft : undefined;

/** What the button is called that carries out a plan. */
export const confirmOf = ({ action }: Pick<Draft, "action">, { counts }: Pick<Release, "counts">): string =>
  `${action === "rollback" ? "Roll back" : "Release"} ${plural(counts.changed ?? 0, "Dag")}`;

const namesIn = (text: string): Array<string> =>
  [...new Set(text.split(/[\n,]+/u).map((name) => name.trim()))].filter(Boolean);

const isPattern = (name: string): boolean => /[*?]/u.test(name);

/** Why the draft cannot be planned; undefined if it can. */
export const draftProblem = ({ action, commit, dags }: Draft): string | undefined =>
  action === "commit"
    ? commit.trim()
      ? undefined
      : "Enter a commit."
    : namesIn(dags).length > 0
      ? undefined
      : "Enter the Dags.";

/** The request, without its reason. */
export const bodyOf = ({
  action,
  bundle,
  commit,
  dags,
  exclude,
  override,
  scope,
}: Draft): Omit<ReleaseBody, "reason"> => {
  const names = namesIn(dags);
  const ids = names.filter((name) => !isPattern(name));
  const patterns = names.filter(isPattern);

  return {
    action: action === "unpin" || action === "rollback" ? action : "pin",
    ...(action === "commit" && {
      bundle_name: bundle.trim() || null,
      bundle_version: commit.trim(),
      ...(names.length === 0 && { scope }),
    }),
    ...((action === "latest" || action === "newest") && { [action]: true }),
    // Names and patterns are two conditions, of which both would have to hold.
    ...(patterns.length > 0 ? { dag_id_patterns: names } : ids.length > 0 && { dag_ids: ids }),
    ...(namesIn(exclude).length > 0 && { exclude: namesIn(exclude) }),
    ...(override.trim() && { override_reason: override.trim() }),
  };
};

/** Leave the Dags out that block a plan. */
export const withoutBlocked = (draft: Draft, { dags }: Pick<Release, "dags">): Draft => ({
  ...draft,
  exclude: [
    ...namesIn(draft.exclude),
    ...dags.filter(({ outcome }) => outcome === "blocked").map(({ dag_id: dagId }) => dagId),
  ].join("\n"),
});

const CONCERN: Record<string, number> = { blocked: 0, changed: 1, left: 2, unchanged: 3 };

/** The Dags of a plan: first what blocks it, then what it changes. */
export const byConcern = (dags: ReadonlyArray<ReleasedDag>): Array<ReleasedDag> =>
  [...dags].sort((one, other) => (CONCERN[one.outcome] ?? 4) - (CONCERN[other.outcome] ?? 4));

/** Say what a release does, or would do. */
export const describeCounts = ({ counts, hidden }: Pick<Release, "counts" | "hidden">): string =>
  `${Object.entries(counts)
    .map(([outcome, count]) => `${outcome}: ${count}`)
    .join(", ")}${hidden === 0 ? "" : `. ${plural(hidden, "more Dag")} you may not see`}`;

/** Bind a change to the plan that was shown; what an override passes over, to the release rules that were. */
export const boundTo = (
  {
    freeze_id: freeze,
    plan_hash: plan,
    policy_revision: revision,
  }: Pick<Release, "freeze_id" | "plan_hash" | "policy_revision">,
  override: string,
) => ({
  expected_plan: plan,
  ...(override.trim() && {
    expected_freeze_id: freeze ?? null,
    expected_policy_revision: revision ?? null,
    override_reason: override.trim(),
  }),
});

/** Whether a plan can be carried out. */
export const canRelease = ({ counts }: Pick<Release, "counts">): boolean =>
  (counts.blocked ?? 0) === 0 && (counts.changed ?? 0) + (counts.scheduled ?? 0) + (counts.canceled ?? 0) > 0;

const STANDING = new Set<Release["status"]>(["incomplete", "released", "scheduled"]);

/** Whether a release can be rolled back; one that waits for its time is canceled. */
export const canRollBack = ({ status }: Pick<Release, "status">): boolean => STANDING.has(status);
