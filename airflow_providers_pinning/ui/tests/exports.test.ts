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

import { afterEach, expect, it, vi } from "vitest";

import { csvOf, everyChange, MAX_EXPORTED } from "src/lib/exports";
import { EMPTY } from "src/lib/feedQuery";

import { event } from "./build";

afterEach(() => vi.unstubAllGlobals());

it("changes are CSV with the columns of the command line", () => {
  const [header, row] = csvOf([event("pinned", 1, 2, 10)]).split("\n");

  expect(header).toBe(
    "id,created_at,dag_id,kind,revision,from_version,to_version,actor,actor_kind,reason,override_reason,source,release_id,commit,commit_author,commit_message",
  );
  expect(row).toBe("10,2026-01-01T00:10:00.000Z,orders,pinned,1,1,2,maria,user,because,,,,,,");
});

it("the commit of a change stands beside it, without formulas", () => {
  const commit = { author: "=kim", bundle_version: "sha2", committed_at: null, message: "Load twice", url: null };

  expect(csvOf([{ ...event("pinned", 1, 2, 10), commit }])).toContain(",sha2,'=kim,Load twice\n");
});

it.each([
  ["=1+1", ",'=1+1,"],
  ["-2", ",'-2,"],
  ['say "no", then', ',"say ""no"", then",'],
  ["two\nlines", ',"two\nlines",'],
])("the reason %j is harmless in a spreadsheet", (reason, found) => {
  expect(csvOf([{ ...event("pinned", 1, 2, 10), reason }])).toContain(found);
});

it("every page is read, from the newest change on, and not without end", async () => {
  const asked: Array<string> = [];
  const pages = (endless: boolean) => (address: string) => {
    asked.push(new URL(address).searchParams.get("before") ?? "");
    const more = endless || asked.length < 3;
    const events = Array.from({ length: endless ? 1000 : 1 }, () => event("pinned", 1, 2, asked.length));

    return Promise.resolve(new Response(JSON.stringify({ events, next_before: more ? 100 - asked.length : null })));
  };
  vi.stubGlobal("document", { baseURI: "http://airflow/" });
  vi.stubGlobal("fetch", pages(false));

  const found = await everyChange({ ...EMPTY, before: 40 }, new AbortController().signal);

  expect(found.map(({ id }) => id)).toEqual([1, 2, 3]);
  expect(asked).toEqual(["", "99", "98"]);
  vi.stubGlobal("fetch", pages(true));
  expect(await everyChange(EMPTY, new AbortController().signal)).toHaveLength(MAX_EXPORTED);
});
