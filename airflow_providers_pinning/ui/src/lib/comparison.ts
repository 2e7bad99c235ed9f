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

/** A comparison of two versions as lines of text. */

import type { Comparison, FieldChange } from "src/api/types";
import { plural } from "src/lib/versions";

export interface Group {
  lines: Array<string>;
  title: string;
}

const LONGEST = 120;

export const show = (value: unknown): string => {
  const text =
    value === null || value === undefined ? "none" : typeof value === "string" ? value : JSON.stringify(value);

  return text.length > LONGEST ? `${text.slice(0, LONGEST - 1)}…` : text;
};

export const describeField = ({ after, before, kind, name }: FieldChange): string =>
  kind === "added"
    ? `${name}: ${show(after)} (new)`
    : kind === "removed"
      ? `${name}: ${show(before)} (removed)`
      : `${name}: ${show(before)} → ${show(after)}`;

export const groupsOf = (comparison: Comparison): Array<Group> => {
  const { assets, limits, other, params, schedule, tasks, warnings } = comparison;
  const groups: Array<Group> = [
    { lines: warnings, title: "Warnings" },
    {
      lines: [
        ...tasks.added.map((task) => `+ ${task}`),
        ...tasks.removed.map((task) => `− ${task}`),
        ...tasks.changed.map(
          ({ fields, task_id }) =>
            `~ ${task_id}${fields.length ? ` (${fields.map(({ name }) => name).join(", ")})` : ""}`,
        ),
      ],
      title: "Tasks",
    },
    {
      lines: [
        ...(schedule.changed ? [`${schedule.before} → ${schedule.after}`] : []),
        ...(schedule.note ? [schedule.note] : []),
      ],
      title: "Schedule",
    },
    { lines: params.map(describeField), title: "Parameters" },
    { lines: limits.map(describeField), title: "Limits" },
    {
      lines: assets.map(
        ({ kind, name, role, task_id }) =>
          `${kind === "added" ? "+" : "−"} ${role} ${name}${task_id ? ` of ${task_id}` : ""}`,
      ),
      title: "Assets",
    },
    { lines: other.map(describeField), title: "Other" },
  ];

  return groups.filter(({ lines }) => lines.length > 0);
};

/** The numbers of added and removed lines, such as `+3 -1`. */
export const diffStat = (lines: ReadonlyArray<DiffLine>): string => {
  const count = (kind: DiffLine["kind"]) => lines.filter((line) => line.kind === kind).length;

  return `+${count("added")} -${count("removed")}`;
};

export interface DiffLine {
  kind: "added" | "context" | "header" | "removed";
  text: string;
}

/** Only the lines before the first `@@` name the files; after it, `-- ` may be how a removed line begins. */
export const diffLines = (diff: string): Array<DiffLine> => {
  const lines = diff.replace(/\n$/u, "").split("\n");
  const first = lines.findIndex((text) => text.startsWith("@@"));

  return lines.map((text, index) => ({
    kind:
      index < first || text.startsWith("@@")
        ? "header"
        : text.startsWith("+")
          ? "added"
          : text.startsWith("-")
            ? "removed"
            : "context",
    text,
  }));
};

export interface ChangedRow {
  after: string;
  before: string;
  name: string;
  what: string;
}

const LONGEST_VALUE = 2_000;

const whole = (value: unknown): string => {
  const text =
    value === null || value === undefined ? "" : typeof value === "string" ? value : JSON.stringify(value, null, 1);

  return text.length > LONGEST_VALUE ? `${text.slice(0, LONGEST_VALUE - 1)}…` : text;
};

const rowOf = (what: string, { after, before, name }: FieldChange, prefix = ""): ChangedRow => ({
  after: whole(after),
  before: whole(before),
  name: `${prefix}${name}`,
  what,
});

const came = (what: string, name: string, kind: "added" | "removed"): ChangedRow => ({
  after: kind === "added" ? "added" : "",
  before: kind === "removed" ? "removed" : "",
  name,
  what,
});

/** Every difference of the Dag itself, one a row, with its values before and after. */
export const rowsOf = ({ assets, limits, other, params, schedule, tasks }: Comparison): Array<ChangedRow> => [
  ...(schedule.changed ? [{ after: schedule.after, before: schedule.before, name: "", what: "Schedule" }] : []),
  ...tasks.added.map((task) => came("Task", task, "added")),
  ...tasks.removed.map((task) => came("Task", task, "removed")),
  ...tasks.changed.flatMap(({ fields, task_id: task }) => fields.map((field) => rowOf("Task", field, `${task}: `))),
  ...params.map((field) => rowOf("Parameter", field)),
  ...limits.map((field) => rowOf("Limit", field)),
  ...assets.map(({ kind, name, role, task_id: task }) =>
    came(`Asset (${role})`, task ? `${task}: ${name}` : name, kind),
  ),
  ...other.map((field) => rowOf("Other", field)),
];

type Files = Comparison["files"];

/** What is to be said of the files besides those that are listed. */
export const describeFiles = (files: Files): Array<string> => [
  ...(files.note ? [files.note] : []),
  ...(files.left_out ? [`${plural(files.left_out, "more file")} that may matter not shown.`] : []),
  ...(files.other_dags_files
    ? [`${plural(files.other_dags_files, "file of other Dags differs", "files of other Dags differ")}.`]
    : []),
  ...(files.ignored_files ? [`${plural(files.ignored_files, "ignored file differs", "ignored files differ")}.`] : []),
];

/** A changed file in a line. */
export const fileLabel = ({ before_path: before, kind, path, role }: Files["changed"][number]): string =>
  `${path}${before === null ? "" : ` (was ${before})`}${kind === "added" || kind === "removed" ? `, ${kind}` : ""}${
    role === "unknown" ? ", possibly used" : ""
  }`;

/** Whether the versions differ, in a sentence. */
export const verdictOf = ({ files, from_version: from, identical, to_version: to }: Comparison): string =>
  identical
    ? `New runs of version ${from.version_number} and version ${to.version_number} are the same.`
    : files.related === false
      ? "Nothing related to the Dag differs."
      : files.related === null
        ? "The files of the Dag have not been compared yet."
        : "The versions differ.";
