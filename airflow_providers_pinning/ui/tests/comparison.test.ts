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

import { describe, expect, it } from "vitest";

import type { Comparison } from "src/api/types";
import {
  describeField,
  diffLines,
  groupsOf,
  show,
  describeFiles,
  fileLabel,
  rowsOf,
  verdictOf,
} from "src/lib/comparison";

import { identity } from "./build";

const SAME: Comparison = {
  assets: [],
  dag_id: "orders",
  from_version: identity(1),
  commits: { commits: [], note: null, taken_back: false, total: 0 },
  files: { changed: [], ignored_files: 0, left_out: 0, note: null, other_dags_files: 0, related: false },
  identical: true,
  limits: [],
  other: [],
  params: [],
  schedule: {
    after: "@daily",
    before: "@daily",
    changed: false,
    next_runs_after: [],
    next_runs_before: [],
    note: null,
  },
  source: { after_path: null, before_path: null, diff: null, note: null },
  tasks: { added: [], changed: [], removed: [] },
  to_version: identity(2),
  warnings: [],
};

describe("a comparison", () => {
  it("is empty for identical versions", () => {
    expect(groupsOf(SAME)).toEqual([]);
  });

  it("warns of what comes of it, first of all", () => {
    const groups = groupsOf({ ...SAME, params: [], warnings: ["Dag 'producer' uses another one."] });

    expect(groups).toEqual([{ lines: ["Dag 'producer' uses another one."], title: "Warnings" }]);
  });

  it("lists the differences by group", () => {
    const groups = groupsOf({
      ...SAME,
      assets: [{ kind: "added", name: "raw", role: "outlet", task_id: "load", uri: null }],
      limits: [{ after: 4, before: 16, kind: "changed", name: "max_active_runs" }],
      schedule: { ...SAME.schedule, after: "@hourly", changed: true, note: "Runs more often." },
      tasks: {
        added: ["check"],
        changed: [{ fields: [{ after: 2, before: 1, kind: "changed", name: "retries" }], task_id: "load" }],
        removed: ["old"],
      },
    });

    expect(groups).toEqual([
      { lines: ["+ check", "− old", "~ load (retries)"], title: "Tasks" },
      { lines: ["@daily → @hourly", "Runs more often."], title: "Schedule" },
      { lines: ["max_active_runs: 16 → 4"], title: "Limits" },
      { lines: ["+ outlet raw of load"], title: "Assets" },
    ]);
  });
});

describe("a field", () => {
  it.each([
    ["added", null, 1, "size: 1 (new)"],
    ["removed", { a: 1 }, null, 'size: {"a":1} (removed)'],
    ["changed", "x", null, "size: x → none"],
  ] as const)("that was %s says so", (kind, before, after, text) => {
    expect(describeField({ after, before, kind, name: "size" })).toBe(text);
  });

  it("is cut short if it is endless", () => {
    expect(show("x".repeat(500))).toHaveLength(120);
  });
});

it("the lines of a difference know what they are", () => {
  const kinds = diffLines("--- a\n+++ b\n@@ -1 +1 @@\n-old\n+new\n same\n").map(({ kind }) => kind);

  expect(kinds).toEqual(["header", "header", "header", "removed", "added", "context"]);
});

it("a line that is removed is one also if it begins like the name of a file", () => {
  const kinds = diffLines("--- a\n+++ b\n@@ -1 +1 @@\n--- a comment in SQL\n+++ x\n").map(({ kind }) => kind);

  expect(kinds).toEqual(["header", "header", "header", "removed", "added"]);
});

describe("a comparison as rows", () => {
  it("has the values before and after of everything", () => {
    const rows = rowsOf({
      ...SAME,
      assets: [{ kind: "added", name: "raw", role: "outlet", task_id: "load", uri: null }],
      params: [{ after: { default: 2 }, before: { default: 1 }, kind: "changed", name: "size" }],
      tasks: {
        added: ["check"],
        changed: [{ fields: [{ after: 3, before: 0, kind: "changed", name: "retries" }], task_id: "load" }],
        removed: [],
      },
    });

    expect(rows.map(({ after, before, name, what }) => [what, name, before, after])).toEqual([
      ["Task", "check", "", "added"],
      ["Task", "load: retries", "0", "3"],
      ["Parameter", "size", '{\n "default": 1\n}', '{\n "default": 2\n}'],
      ["Asset (outlet)", "load: raw", "", "added"],
    ]);
  });

  it("says what of the files is not listed", () => {
    const { files } = SAME;

    expect(
      describeFiles({ ...files, ignored_files: 1, left_out: 9_801, note: "Not known.", other_dags_files: 2 }),
    ).toEqual([
      "Not known.",
      "9801 more files that may matter not shown.",
      "2 files of other Dags differ.",
      "1 ignored file differs.",
    ]);
  });

  it("names a file with what became of it", () => {
    const file = {
      before_path: null,
      diff: null,
      is_binary: false,
      kind: "added",
      lines_added: null,
      lines_removed: null,
      note: null,
      path: "sql/a b.sql",
      role: "unknown",
    } as const;

    expect(fileLabel(file)).toBe("sql/a b.sql, added, possibly used");
    expect(fileLabel({ ...file, before_path: "old.py", kind: "renamed", role: "dag" })).toBe(
      "sql/a b.sql (was old.py)",
    );
  });

  it("has a verdict", () => {
    const differing = { ...SAME, identical: false };

    expect(verdictOf(SAME)).toContain("are the same");
    expect(verdictOf(differing)).toBe("Nothing related to the Dag differs.");
    expect(verdictOf({ ...differing, files: { ...SAME.files, related: null } })).toContain("not been compared yet");
    expect(verdictOf({ ...differing, files: { ...SAME.files, related: true } })).toBe("The versions differ.");
  });
});
