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

import type { Identity, Version } from "src/api/types";

/**
 * The version that waits: the newest one under evaluation, else the latest if it is not active.
 *
 * One that is older than the active version waits only if nothing else does: it was restored, or overtaken.
 */
export const candidateOf = (versions: ReadonlyArray<Version>, active = 0): Version | null => {
  const newestFirst = [...versions].sort((one, other) => other.version_number - one.version_number);

  return (
    newestFirst.find(
      (version) => version.state === "candidate" && !version.is_active && version.version_number > active,
    ) ??
    newestFirst.find((version) => version.is_latest && !version.is_active && version.state !== "rejected") ??
    newestFirst.find((version) => version.state === "candidate" && !version.is_active) ??
    null
  );
};

/** The commit, or what else the bundle calls its version, as short as people write it. */
export const shortCode = (version: Pick<Identity, "bundle_version"> | null): string => {
  const code = version?.bundle_version ?? "";

  return /^[0-9a-f]{16,}$/u.test(code) ? code.slice(0, 8) : code.length > 24 ? `${code.slice(0, 23)}…` : code;
};

export const countRuns = (version: Pick<Version, "run_counts">): number =>
  Object.values(version.run_counts).reduce((sum, count) => sum + count, 0);

export const plural = (count: number, one: string, many = `${one}s`): string => `${count} ${count === 1 ? one : many}`;
