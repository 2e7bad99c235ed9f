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

import type { Release } from "src/api/types";

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
