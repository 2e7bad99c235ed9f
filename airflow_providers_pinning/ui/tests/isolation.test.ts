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

import { describeIsolation, describeWithheld } from "src/lib/isolation";

const SAFE = { alerts: "withhold", assets: "withhold", slots: "behind", triggers: "refuse" };

it("isolation is described as far as it is not the safe choice", () => {
  expect(describeIsolation(SAFE)).toBe("default");
  expect(describeIsolation({ ...SAFE, assets: "publish", pool: "spare" })).toBe("assets: publish, pool: spare");
  expect(describeIsolation({ ...SAFE, slots: "shared" })).toBe("slots: shared");
});

it("substitutes are named with what they stand for", () => {
  expect(describeIsolation({ ...SAFE, connections: { warehouse: "scratch" } })).toBe(
    "connections: warehouse → scratch",
  );
});

it("withheld effects are counted by kind", () => {
  expect(describeWithheld({ withheld: { asset_event: 2, deadline: 1 } })).toBe("2 asset events, 1 deadline");
  expect(describeWithheld({ withheld: {} })).toBe("");
  expect(describeWithheld({ withheld: { new_kind: 2 } })).toBe("2 new kinds");
});
