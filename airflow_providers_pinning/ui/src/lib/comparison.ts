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
