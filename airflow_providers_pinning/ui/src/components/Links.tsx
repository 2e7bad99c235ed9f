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

import { Code, Link } from "@chakra-ui/react";
import type { ReactNode } from "react";
import { Link as RouterLink } from "react-router-dom";

import type { Commit, FailedTask, Identity } from "src/api/types";
import { POLICIES_ADDRESS } from "src/lib/policy";
import { RELEASES_ADDRESS } from "src/lib/releases";
import { shortCode } from "src/lib/versions";

const dagAddress = (dagId: string): string => `/dags/${encodeURIComponent(dagId)}`;

export const runAddress = (dagId: string, runId: string): string =>
  `${dagAddress(dagId)}/runs/${encodeURIComponent(runId)}`;

interface VersionProps {
  readonly dagId: string;
  readonly version: Identity;
}

/** A version number that links to its code. */
export const VersionLink = ({ dagId, version }: VersionProps) => (
  <Link asChild color="fg.info" fontWeight="semibold">
    <RouterLink to={`${dagAddress(dagId)}/code?version_number=${version.version_number}`}>
      Version {version.version_number}
    </RouterLink>
  </Link>
);

/** The bundle's name for the version, such as a commit. */
export const BundleVersion = ({ version }: { readonly version: Identity }) =>
  version.bundle_version === null ? undefined : (
    <Code overflowWrap="anywhere" title={`${version.bundle_name ?? ""} at ${version.bundle_version}`}>
      {shortCode(version)}
    </Code>
  );

/** A commit, which links to where it can be seen if that is known. */
export const CommitLink = ({ commit }: { readonly commit: Commit }) => {
  const name = <Code overflowWrap="anywhere">{shortCode(commit)}</Code>;

  return commit.url !== null && /^https?:/iu.test(commit.url) ? (
    <Link aria-label={`Commit ${shortCode(commit)}`} color="fg.info" href={commit.url} rel="noreferrer" target="_blank">
      {name}
    </Link>
  ) : (
    name
  );
};

interface CompareProps {
  readonly children: ReactNode;
  readonly dagId: string;
  readonly from: number;
  readonly label?: string;
  readonly to: number;
}

/** A link to the page on which two versions are compared. */
export const CompareLink = ({ children, dagId, from, label, to }: CompareProps) => (
  <Link aria-label={label} asChild color="fg.info">
    <RouterLink
      to={`/plugin/pins?dag_id=${encodeURIComponent(dagId)}&from_version=${from}&to_version=${to}&view=compare`}
    >
      {children}
    </RouterLink>
  </Link>
);

export const RunLink = ({ dagId, runId }: { readonly dagId: string; readonly runId: string }) => (
  <Link asChild color="fg.info" overflowWrap="anywhere">
    <RouterLink to={runAddress(dagId, runId)}>{runId}</RouterLink>
  </Link>
);

/** A task instance's page, which shows its log. */
export const logAddress = (
  dagId: string,
  { map_index: index, run_id: runId, task_id: taskId, try_number: tryNumber }: FailedTask,
): string =>
  `${runAddress(dagId, runId)}/tasks/${encodeURIComponent(taskId)}${index < 0 ? "" : `/mapped/${index}`}?try_number=${tryNumber}`;

export const LogLink = ({ dagId, task }: { readonly dagId: string; readonly task: FailedTask }) => (
  <Link asChild color="fg.info" overflowWrap="anywhere">
    <RouterLink to={logAddress(dagId, task)}>
      Log of {task.task_id}
      {task.map_index < 0 ? "" : ` [${task.map_index}]`}
    </RouterLink>
  </Link>
);

/** The canary runs of a version, in Airflow's list of runs. */
export const CanaryRunsLink = ({ dagId, version }: VersionProps) => (
  <Link asChild color="fg.info" fontSize="sm">
    <RouterLink to={`${dagAddress(dagId)}/runs?run_id_pattern=canary__v${version.version_number}__`}>
      Canary runs of version {version.version_number}
    </RouterLink>
  </Link>
);

/** The page with the changes of all Dags. */
export const HistoryLink = ({ children }: { readonly children: ReactNode }) => (
  <Link asChild color="fg.info" fontSize="sm">
    <RouterLink to="/plugin/pins?view=history">{children}</RouterLink>
  </Link>
);

/** The page with one change alone. */
export const EventLink = ({ children, id }: { readonly children: ReactNode; readonly id: number }) => (
  <Link asChild color="inherit">
    <RouterLink to={`/plugin/pins?view=history&event=${id}`}>{children}</RouterLink>
  </Link>
);

/** The page with the Dags that are not pinned. */
export const UnpinnedLink = ({ children }: { readonly children: ReactNode }) => (
  <Link asChild color="fg.info" fontSize="sm">
    <RouterLink to="/plugin/pins?view=unpinned">{children}</RouterLink>
  </Link>
);

export const ReleasesLink = () => (
  <Link asChild color="fg.info" fontSize="sm">
    <RouterLink to={RELEASES_ADDRESS}>Releases</RouterLink>
  </Link>
);

export const PoliciesLink = () => (
  <Link asChild color="fg.info" fontSize="sm">
    <RouterLink to={POLICIES_ADDRESS}>Release policies and freezes</RouterLink>
  </Link>
);

interface PinningProps {
  readonly dagId: string;
  /** Whether to link to the overview instead of the Dag's page, which Airflow cannot show without the version's rows. */
  readonly here: boolean;
  readonly label?: string;
}

export const PinningLink = ({ dagId, here, label = dagId }: PinningProps) => (
  <Link asChild color="fg.info" fontWeight="semibold" overflowWrap="anywhere">
    <RouterLink to={here ? `/plugin/pins?dag_id=${encodeURIComponent(dagId)}` : `${dagAddress(dagId)}/plugin/pinning`}>
      {label}
    </RouterLink>
  </Link>
);
