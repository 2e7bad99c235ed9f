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

import { expect, it } from "vitest";

import { EMPTY, fromParams, isFiltered, toParams } from "src/lib/feedQuery";

it("the query stands in the address and is read from it", () => {
  const query = {
    actor: "jan",
    before: 41,
    dags: "a&b",
    event: 7,
    kind: "rolled_back",
    since: "2026-01-01",
    text: "totals",
    until: "2026-01-02",
  };

  expect(fromParams(toParams(query))).toEqual(query);
  expect(toParams(EMPTY).toString()).toBe("view=history");
});

it("an address that asks for what there is not asks for nothing", () => {
  const params = new URLSearchParams("before=-1&event=x&kind=toString&since=yesterday&until=2026-13-01");

  expect(fromParams(params)).toEqual(EMPTY);
});

it("a page further back is no filter", () => {
  expect(isFiltered({ ...EMPTY, before: 7 })).toBe(false);
  expect(isFiltered({ ...EMPTY, text: "totals" })).toBe(true);
  expect(isFiltered({ ...EMPTY, event: 7 })).toBe(true);
});
