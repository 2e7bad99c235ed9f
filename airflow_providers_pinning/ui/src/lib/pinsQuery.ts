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

/** The query of the overview, to and from the page's URL. */

import type { PinsQuery } from "src/api/requests";
import type { PinOrder } from "src/api/types";

export const PAGE_SIZES = [25, 50, 100, 200] as const;
const COLUMNS = ["actor", "dag_id", "failed_runs", "pinned_at", "versions_behind"] as const;

export type PinColumn = (typeof COLUMNS)[number];

/** What is found by a word, by its name in the URL. */
const WORDS = { actor: "actor", bundle: "bundle", owner: "owner", tag: "tag", text: "dag_id_pattern" } as const;
const SWITCHES = ["behind", "failing", "held", "scheduled", "unapproved", "unhealthy", "waiting"] as const;

/** A query without any filter. */
export const UNFILTERED = {
  actor: "",
  behind: false,
  bundle: "",
  failing: false,
  held: false,
  offset: 0,
  owner: "",
  scheduled: false,
  tag: "",
  text: "",
  unapproved: false,
  unhealthy: false,
  waiting: false,
} satisfies Partial<PinsQuery>;

export const isFiltered = (query: PinsQuery): boolean =>
  SWITCHES.some((name) => query[name]) || Object.keys(WORDS).some((name) => query[name as keyof typeof WORDS] !== "");

const isOrder = (text: string): text is PinOrder =>
  (COLUMNS as ReadonlyArray<string>).includes(text.replace(/^-/u, ""));

const wholeNumber = (text: string | null, fallback: number): number => {
  const number = Number(text ?? Number.NaN);

  return Number.isInteger(number) && number >= 0 ? number : fallback;
};

export const fromParams = (params: URLSearchParams): PinsQuery => {
  const order = params.get("order_by") ?? "";
  const limit = wholeNumber(params.get("limit"), PAGE_SIZES[0]);

  const word = (name: keyof typeof WORDS): string => params.get(WORDS[name]) ?? "";
  const isOn = (name: (typeof SWITCHES)[number]): boolean => params.get(name) === "true";

  return {
    actor: word("actor"),
    behind: isOn("behind"),
    bundle: word("bundle"),
    failing: isOn("failing"),
    held: isOn("held"),
    limit: (PAGE_SIZES as ReadonlyArray<number>).includes(limit) ? limit : PAGE_SIZES[0],
    offset: wholeNumber(params.get("offset"), 0),
    order: isOrder(order) ? order : "dag_id",
    owner: word("owner"),
    scheduled: isOn("scheduled"),
    tag: word("tag"),
    text: word("text"),
    unapproved: isOn("unapproved"),
    unhealthy: isOn("unhealthy"),
    waiting: isOn("waiting"),
  };
};

export const toParams = (query: PinsQuery): URLSearchParams => {
  const params = new URLSearchParams();
  const given: Array<[string, string]> = [
    ...Object.entries(WORDS).map(([name, given]): [string, string] => [given, query[name as keyof typeof WORDS]]),
    ...SWITCHES.map((name): [string, string] => [name, query[name] ? "true" : ""]),
    ["order_by", query.order === "dag_id" ? "" : query.order],
    ["limit", query.limit === PAGE_SIZES[0] ? "" : String(query.limit)],
    ["offset", query.offset === 0 ? "" : String(query.offset)],
  ];

  for (const [name, value] of given) {
    if (value) {
      params.set(name, value);
    }
  }

  return params;
};

/** Where the last page begins. */
export const lastOffset = (total: number, limit: number): number => Math.max(Math.ceil(total / limit) - 1, 0) * limit;

/** The order after a click on a column: the most or newest first, and reversed by the next click. */
export const nextOrder = (column: PinColumn, current: PinOrder): PinOrder => {
  const descendingFirst = column === "versions_behind" || column === "pinned_at" || column === "failed_runs";

  if (current.replace(/^-/u, "") !== column) {
    return descendingFirst ? `-${column}` : column;
  }

  return current.startsWith("-") ? column : `-${column}`;
};

export const directionOf = (column: PinColumn, current: PinOrder): "ascending" | "descending" | undefined =>
  current === column ? "ascending" : current === `-${column}` ? "descending" : undefined;
