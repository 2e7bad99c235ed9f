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

import { repairedOf } from "src/lib/events";

import { event } from "./build";

const repaired = (repair: Record<string, number>) => ({
  ...event("runs_repaired", 2, 1, 10),
  evidence: { repair: { version_number: 2, ...repair } },
});

it("a repair says how many runs it stopped, reran and left alone", () => {
  expect(repairedOf(repaired({ blocked: 0, canceled: 1, rerun: 6 }))).toBe("Runs of version 2: 1 canceled, 6 rerun.");
  expect(repairedOf(repaired({ blocked: 3, canceled: 0, rerun: 0 }))).toBe("Runs of version 2: 3 left alone.");
  expect(repairedOf(repaired({ blocked: 0, canceled: 0, rerun: 0 }))).toBe("Runs of version 2: none.");
});

it("another change says nothing of repaired runs", () => {
  expect(repairedOf({ ...repaired({ rerun: 6 }), kind: "rolled_back" })).toBeUndefined();
  expect(repairedOf(event("runs_repaired", 2, 1, 10))).toBeUndefined();
});
