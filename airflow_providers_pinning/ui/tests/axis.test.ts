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

import { placesOf, ticksOf } from "src/lib/axis";

const TIMES = ["2026-11-01T00:00:00Z", "2026-11-01T00:30:00Z", "2026-11-01T02:00:00Z"];
const SHAPE = { columns: 4, size: 20 };

describe("placesOf", () => {
  it("spaces columns evenly", () => {
    expect(placesOf(TIMES, { ...SHAPE, toScale: false })).toEqual([10, 30, 50, 70]);
  });

  it("spaces columns by their times, within the same room", () => {
    expect(placesOf(TIMES, { ...SHAPE, toScale: true })).toEqual([10, 20, 50, 70]);
  });

  it("spaces columns of one moment evenly", () => {
    const same = ["2026-11-01T00:00:00Z", "2026-11-01T00:00:00Z"];

    expect(placesOf(same, { columns: 3, size: 20, toScale: true })).toEqual([10, 30, 50]);
    expect(placesOf([], { columns: 1, size: 20, toScale: true })).toEqual([10]);
  });
});

describe("ticksOf", () => {
  it("labels moments at even distances", () => {
    expect(ticksOf(TIMES, { ...SHAPE, room: 20 })).toEqual([
      { moment: "2026-11-01T00:00:00.000Z", x: 10 },
      { moment: "2026-11-01T01:00:00.000Z", x: 30 },
    ]);
    expect(ticksOf(TIMES, { ...SHAPE, room: 1000 })).toHaveLength(1);
    expect(ticksOf([], { ...SHAPE, room: 20 })).toEqual([]);
  });
});
