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

import { getFeed, type FeedQuery } from "src/api/requests";
import type { Event } from "src/api/types";

/** More changes than these are exported with `airflow pinning history`. */
export const MAX_EXPORTED = 5000;

/** The columns of `airflow pinning history -o csv`; `tests/unit/test_vocabulary.py` compares the two. */
const COLUMNS = [
  "id",
  "created_at",
  "dag_id",
  "kind",
  "revision",
  "from_version",
  "to_version",
  "actor",
  "actor_kind",
  "reason",
  "override_reason",
  "source",
  "release_id",
  "commit",
  "commit_author",
  "commit_message",
] as const;

/** One field of CSV; an apostrophe keeps a spreadsheet from executing a user's text as a formula. */
const field = (value: unknown): string => {
  const text = value === null || value === undefined ? "" : String(value);
  const harmless = typeof value === "string" && /^[=+\-@\t\r]/u.test(text) ? `'${text}` : text;

  return /[",\r\n]/u.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
};

type Column = (typeof COLUMNS)[number];

/** What is not written as it is. */
const VALUES: Partial<Record<Column, (event: Event) => unknown>> = {
  commit: ({ commit }) => commit?.bundle_version,
  commit_author: ({ commit }) => commit?.author,
  commit_message: ({ commit }) => commit?.message,
  from_version: ({ from_version: version }) => version?.version_number,
  source: ({ source }) => source && JSON.stringify(source),
  to_version: ({ to_version: version }) => version?.version_number,
};

const valueOf = (event: Event, column: Column): unknown => {
  const read = VALUES[column];

  return read ? read(event) : event[column as keyof Event];
};

/** Changes as CSV. */
export const csvOf = (events: ReadonlyArray<Event>): string =>
  [COLUMNS, ...events.map((event) => COLUMNS.map((column) => valueOf(event, column)))]
    .map((row) => `${row.map(field).join(",")}\n`)
    .join("");

/** Read every change that a query finds, newest first, up to the most that is exported. */
export const everyChange = async (query: FeedQuery, signal: AbortSignal): Promise<Array<Event>> => {
  const found: Array<Event> = [];
  let before: number | null = 0;

  while (before !== null && found.length < MAX_EXPORTED) {
    const page = await getFeed({ ...query, before }, signal);

    found.push(...page.events);
    before = page.next_before ?? null;
  }

  return found.slice(0, MAX_EXPORTED);
};
