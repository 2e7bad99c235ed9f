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

import type { Identity, ReleaseState, Version } from "src/api/types";
import { absolute } from "src/lib/time";

/** Whether the code of a version can be had again; without that it is never pinned, and runs no canaries. */
export const isVersioned = ({ bundle_version: version }: Pick<Identity, "bundle_version">): boolean => version !== null;

export const VERSIONED_REMEDY =
  "Serve the Dag from a bundle that supports versioning, such as GitDagBundle, and do not set disable_bundle_versioning.";

/** The newest version above the active one that changes something of the Dag and is not rejected. */
const newestNewer = (newestFirst: ReadonlyArray<Version>, active: number): Version | undefined =>
  newestFirst.find(
    (version) =>
      version.version_number > active &&
      !version.is_active &&
      version.state !== "rejected" &&
      version.rejection_held === null &&
      version.related_to_active !== false,
  );

/** Why none of the versions above the active one is to become active. */
const whyNotLatest = (latest: number | undefined, versions: ReadonlyArray<Version>): string => {
  const unrelated = versions.some(
    (version) =>
      version.version_number === latest && version.related_to_active === false && version.state !== "rejected",
  );

  return unrelated
    ? `Nothing related to the Dag changed up to the latest version (${latest}).`
    : `Latest version (${latest}) is rejected.`;
};

/**
 * The version to evaluate: the newest one under evaluation, else the newest above the active version.
 *
 * A candidate below the active version, which was restored or overtaken, comes last.
 */
export const candidateOf = (versions: ReadonlyArray<Version>, active: number | undefined): Version | null => {
  const newestFirst = [...versions].sort((one, other) => other.version_number - one.version_number);
  const now = active ?? 0;

  return (
    newestFirst.find(
      (version) => version.state === "candidate" && !version.is_active && version.version_number > now,
    ) ??
    newestNewer(newestFirst, now) ??
    newestFirst.find((version) => version.state === "candidate" && !version.is_active) ??
    null
  );
};

/**
 * The next version to become active, and how many newer versions there are up to it; else why there is none.
 *
 * @param versions newest first
 */
export const nextVersionOf = (
  { active, latest, versions_behind: behind }: ReleaseState,
  versions: ReadonlyArray<Version>,
): string | { newer: number; version: Version } => {
  const next = newestNewer(versions, active?.version_number ?? 0);

  if (next) {
    const rejected = versions.filter(({ version_number: number }) => number > next.version_number).length;

    return { newer: behind - rejected, version: next };
  }
  if (active === null && latest === null) {
    return "None";
  }
  const ahead = (latest?.version_number ?? 0) - (active?.version_number ?? 0);

  return ahead > 0
    ? `None. ${whyNotLatest(latest?.version_number, versions)}`
    : ahead < 0
      ? "None. There is no newer version."
      : "Up to date";
};

/** Why there is no candidate. */
export const whyNoCandidate = ({ active, latest, related_versions_behind: related }: ReleaseState): string => {
  const ahead = (latest?.version_number ?? 0) - (active?.version_number ?? 0);

  return active === null && latest === null
    ? "No candidate. No version parsed yet."
    : ahead > 0
      ? related === 0
        ? "No candidate. No newer version changes anything related to the Dag."
        : `No candidate. The latest version (${latest?.version_number}) is rejected.`
      : ahead < 0
        ? "No candidate. There is no newer version."
        : "No candidate. The latest version is already active.";
};

/** The commit, or another name that the bundle gives the version, shortened. */
export const shortCode = (version: Pick<Identity, "bundle_version"> | null): string => {
  const code = version?.bundle_version ?? "";

  return /^[0-9a-f]{16,}$/u.test(code) ? code.slice(0, 8) : code.length > 24 ? `${code.slice(0, 23)}…` : code;
};

export const countRuns = (version: Pick<Version, "run_counts">): number =>
  Object.values(version.run_counts).reduce((sum, count) => sum + count, 0);

export const plural = (count: number, one: string, many = `${one}s`): string => `${count} ${count === 1 ? one : many}`;

/** What speaks for or against a version: how its runs ended, until when it was active, and whether it is rejected. */
export const evidenceOf = (version: Version): string =>
  [
    `${version.run_counts.success ?? 0} ok, ${version.run_counts.failed ?? 0} failed`,
    version.active_until === null ? "" : `active until ${absolute(version.active_until)}`,
    version.state === "rejected" ? "rejected" : "",
    version.code_state === "missing" ? "code missing" : "",
  ]
    .filter(Boolean)
    .join(", ");

/** The numbers of the rejected versions. */
export const rejectedOf = (versions: ReadonlyArray<Version>): ReadonlySet<number> =>
  new Set(versions.filter(({ state }) => state === "rejected").map((version) => version.version_number));
