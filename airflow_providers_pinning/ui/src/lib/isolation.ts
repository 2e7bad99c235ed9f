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

/** How canary runs are kept apart from live runs. */

import type { Run } from "src/api/types";
import { plural } from "src/lib/versions";

type Field =
  "alerts" | "assets" | "connections" | "executor" | "pool" | "queue" | "slots" | "state" | "triggers" | "variables";

/** What was chosen; a field that is missing or empty has its default, which is the safe choice. */
export type Isolation = Partial<Record<Field, string>>;

interface Choice {
  field: Field;
  helper: string;
  label: string;
  options: ReadonlyArray<readonly [value: string, text: string]>;
}

export const CHOICES: ReadonlyArray<Choice> = [
  {
    field: "assets",
    helper: "Live Dags run on published asset events.",
    label: "Asset events",
    options: [
      ["", "Withhold, and record them with the run"],
      ["publish", "Publish"],
    ],
  },
  {
    field: "alerts",
    helper: "Deadlines, Dag callbacks, and emails that Airflow itself sends. Callbacks write to live state.",
    label: "Alerts",
    options: [
      ["", "Withhold, and record them with the run"],
      ["send", "Send"],
    ],
  },
  {
    field: "state",
    helper: "Variables and the state of assets, such as watermarks.",
    label: "Written state",
    options: [
      ["", "Withhold: only the run itself reads it"],
      ["write", "Write"],
    ],
  },
  {
    field: "triggers",
    helper: "A triggered run is a live run of the other Dag.",
    label: "Triggered runs",
    options: [
      ["", "Refuse: the task fails"],
      ["allow", "Allow"],
    ],
  },
  {
    field: "slots",
    helper: "Live runs wait for canary runs that count as live runs.",
    label: "Slots",
    options: [
      ["", "Default: use no slots of live runs"],
      ["gap", "Run in a gap between live runs, one at a time"],
      ["shared", "Count as live runs"],
    ],
  },
];

export const PLACES: ReadonlyArray<readonly [field: Field, label: string]> = [
  ["pool", "Pool"],
  ["queue", "Queue"],
  ["executor", "Executor"],
];

export const SUBSTITUTES: ReadonlyArray<readonly [field: Field, label: string, placeholder: string]> = [
  ["connections", "Substitutes for connections", "warehouse=warehouse_canary"],
  ["variables", "Substitutes for Variables", "bucket=bucket_canary"],
];

const SUBSTITUTE_FIELDS = new Set<string>(SUBSTITUTES.map(([field]) => field));

/** Names and their substitutes, as in "warehouse=warehouse_canary, lake=lake_canary". */
const pairs = (text: string): Array<[name: string, substitute: string]> =>
  text
    .split(/[,\n]/)
    .filter((part) => part.trim())
    .map((part) => {
      const [name = "", ...rest] = part.split("=");

      return [name.trim(), rest.join("=").trim()];
    });

/** Why the fields cannot be sent; undefined if they can. */
export const problem = (isolation: Isolation): string | undefined =>
  isolation.alerts && !isolation.state
    ? "To send alerts, choose to write state as well: callbacks run outside the run."
    : SUBSTITUTES.filter(([field]) => pairs(isolation[field] ?? "").some((pair) => pair.includes("")))
        .map(([, label, example]) => `${label} must be written as in ${example}.`)
        .at(0);

/** The fields to send; undefined if all have their defaults. */
export const chosen = (isolation: Isolation): Record<string, Record<string, string> | string> | undefined => {
  const fields = Object.entries(isolation).flatMap(([field, value]) =>
    value.trim()
      ? [[field, SUBSTITUTE_FIELDS.has(field) ? Object.fromEntries(pairs(value)) : value.trim()] as const]
      : [],
  );

  return fields.length > 0 ? Object.fromEntries(fields) : undefined;
};

/** The choices that are not said, as they are the safe ones. */
const SAFE: Record<string, ReadonlyArray<string>> = {
  alerts: ["withhold"],
  assets: ["withhold"],
  slots: ["behind", "gap"],
  state: ["withhold"],
  triggers: ["refuse"],
};

/** How a run was kept apart, as far as not in the safe way, such as `assets: publish, pool: spare`. */
export const describeIsolation = (isolation: Run["isolation"]): string =>
  Object.entries(isolation)
    .filter(([field, value]) => !(SAFE[field] ?? []).includes(String(value)))
    .map(
      ([field, value]) =>
        `${field}: ${
          typeof value === "string"
            ? value
            : Object.entries(value)
                .map(([name, substitute]) => `${name} → ${substitute}`)
                .join(", ")
        }`,
    )
    .join(", ") || "default";

const EFFECTS: Record<string, readonly [one: string, many?: string]> = {
  asset_event: ["asset event"],
  asset_state: ["asset state", "asset states"],
  callback: ["callback"],
  deadline: ["deadline"],
  variable: ["Variable"],
};

/** What of a run was withheld from live runs, such as `2 asset events, 1 deadline`. */
export const describeWithheld = ({ withheld }: Pick<Run, "withheld">): string =>
  Object.entries(withheld)
    .map(([kind, count]) => plural(count, ...(EFFECTS[kind] ?? [kind.replaceAll("_", " ")])))
    .join(", ");
