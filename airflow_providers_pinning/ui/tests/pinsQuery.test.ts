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

import { directionOf, fromParams, isFiltered, lastOffset, nextOrder, toParams, UNFILTERED } from "src/lib/pinsQuery";

const asked = (address: string) => fromParams(new URLSearchParams(address));

describe("what the overview asks for", () => {
  it("is everything by id if the address says nothing", () => {
    expect(asked("")).toEqual({
      ...UNFILTERED,
      limit: 25,
      order: "dag_id",
    });
    expect(toParams(asked("")).toString()).toBe("");
  });

  it("comes back from the address as it went there", () => {
    const address =
      "actor=jan&bundle=dags&owner=kim&tag=tier-1&dag_id_pattern=a%26b&behind=true&failing=true&held=true&scheduled=true" +
      "&unapproved=true&unhealthy=true&waiting=true&order_by=-pinned_at&limit=50&offset=100";

    expect(toParams(asked(address)).toString()).toBe(address);
  });

  it.each([
    "tag=a",
    "owner=a",
    "bundle=a",
    "actor=a",
    "dag_id_pattern=a",
    "held=true",
    "waiting=true",
    "unapproved=true",
    "scheduled=true",
  ])("is filtered by %s", (address) => {
    expect(isFiltered(asked(address))).toBe(true);
    expect(isFiltered({ ...asked(address), ...UNFILTERED })).toBe(false);
  });

  it("is not filtered by its order or its page", () => {
    expect(isFiltered(asked("order_by=-pinned_at&limit=50&offset=100"))).toBe(false);
  });

  it("ignores invalid values in the URL", () => {
    expect(asked("order_by=reason&limit=7&offset=-1")).toMatchObject({ limit: 25, offset: 0, order: "dag_id" });
  });
});

it.each([
  [0, 0],
  [25, 0],
  [26, 25],
  [75, 50],
])("the last page of %d begins at %d", (total, offset) => {
  expect(lastOffset(total, 25)).toBe(offset);
});

describe("a click on a column", () => {
  it("sorts text upwards first, and numbers and times downwards", () => {
    expect(nextOrder("actor", "dag_id")).toBe("actor");
    expect(nextOrder("versions_behind", "dag_id")).toBe("-versions_behind");
    expect(nextOrder("pinned_at", "dag_id")).toBe("-pinned_at");
  });

  it("turns the order round the second time", () => {
    expect(nextOrder("actor", "actor")).toBe("-actor");
    expect(nextOrder("actor", "-actor")).toBe("actor");
  });

  it("is announced to screen readers", () => {
    expect([directionOf("actor", "actor"), directionOf("actor", "-actor"), directionOf("actor", "dag_id")]).toEqual([
      "ascending",
      "descending",
      undefined,
    ]);
  });
});
