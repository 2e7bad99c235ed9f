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

/** The query of the history of all Dags, to and from the page's URL. */

import type { FeedQuery } from "src/api/requests";
import { LABELS } from "src/lib/events";

const NAMES = {
  actor: "actor",
  dags: "dag_id_pattern",
  kind: "kind",
  since: "since",
  text: "text",
  until: "until",
} as const;

const FIELDS = Object.keys(NAMES) as Array<keyof typeof NAMES>;

export const EMPTY: FeedQuery = { actor: "", before: 0, dags: "", event: 0, kind: "", since: "", text: "", until: "" };

const isDay = (text: string): boolean => /^\d{4}-\d{2}-\d{2}$/u.test(text) && !Number.isNaN(Date.parse(text));

/** What an address asks for; a day or an action that is none is left out, as the server would refuse it. */
export const fromParams = (params: URLSearchParams): FeedQuery => {
  const of = (field: keyof typeof NAMES): string => params.get(NAMES[field]) ?? "";
  const day = (field: "since" | "until"): string => (isDay(of(field)) ? of(field) : "");
  const id = (name: "before" | "event"): number => {
    const number = Number(params.get(name) ?? 0);

    return Number.isSafeInteger(number) && number > 0 ? number : 0;
  };

  return {
    actor: of("actor"),
    before: id("before"),
    dags: of("dags"),
    event: id("event"),
    kind: Object.hasOwn(LABELS, of("kind")) ? of("kind") : "",
    since: day("since"),
    text: of("text"),
    until: day("until"),
  };
};

export const toParams = (query: FeedQuery): URLSearchParams => {
  const params = new URLSearchParams({ view: "history" });

  for (const field of FIELDS) {
    if (query[field]) {
      params.set(NAMES[field], query[field]);
    }
  }
  for (const name of ["before", "event"] as const) {
    if (query[name] > 0) {
      params.set(name, String(query[name]));
    }
  }

  return params;
};

export const isFiltered = (query: FeedQuery): boolean => query.event > 0 || FIELDS.some((field) => query[field] !== "");
