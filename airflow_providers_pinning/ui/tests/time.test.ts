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

import { absolute, age, axisFormat, duration, momentOf } from "src/lib/time";

const NOW = Date.UTC(2026, 5, 15, 12);
const ago = (seconds: number) => age(new Date(NOW - seconds * 1000).toISOString(), NOW);

describe("an age", () => {
  it.each([
    [0, "just now"],
    [4, "just now"],
    [42, "42 seconds ago"],
    [60, "1 minute ago"],
    [3599, "59 minutes ago"],
    [3600, "1 hour ago"],
    [86_400 * 2, "2 days ago"],
    [86_400 * 45, "1 month ago"],
    [86_400 * 800, "2 years ago"],
  ])("of %d seconds is %s", (seconds, text) => {
    expect(ago(seconds)).toBe(text);
  });

  it("can be in the future", () => {
    expect(ago(-7200)).toBe("in 2 hours");
  });
});

describe("a duration", () => {
  it.each([
    [0.44, "0.4 s"],
    [12.4, "12 s"],
    [60, "1 min"],
    [7500, "2 h 5 min"],
    [7200, "2 h"],
    [93_600, "1 d 2 h"],
  ])("of %d seconds is %s", (seconds, text) => {
    expect(duration(seconds)).toBe(text);
  });
});

describe("a time", () => {
  it("is shown in the selected time zone", () => {
    expect(absolute("2026-01-31T23:30:00Z", "moment", "UTC")).toBe("2026-01-31 23:30:00 UTC");
    expect(absolute("2026-01-31T23:30:00Z", "time", "Asia/Tokyo")).toBe("08:30");
    expect(absolute("2026-01-31T23:30:00Z", "day", "Asia/Tokyo")).toBe("Feb 1");
  });
});

describe("a time that is entered", () => {
  it.each([
    ["2026-01-31T13:01:00", "UTC", "2026-01-31T13:01:00.000Z"],
    ["2026-07-01T13:01:07", "Europe/Berlin", "2026-07-01T11:01:07.000Z"],
    ["2026-01-31T13:01", "Asia/Kathmandu", "2026-01-31T07:16:00.000Z"],
    // There twice: the first one.
    ["2026-10-25T02:30:00", "Europe/Berlin", "2026-10-25T00:30:00.000Z"],
    // Not there: as much later.
    ["2026-03-29T02:30:00", "Europe/Berlin", "2026-03-29T01:30:00.000Z"],
    ["2026-01-01T00:00:00", "Pacific/Kiritimati", "2025-12-31T10:00:00.000Z"],
  ])("as %s in %s is %s", (local, zone, moment) => {
    expect(momentOf(local, zone)).toBe(moment);
  });

  it.each(["", "soon"])("as %j is none", (local) => {
    expect(momentOf(local, "UTC")).toBeUndefined();
  });
});

describe("a time axis", () => {
  it.each([
    [["2026-01-31T08:00:00Z", "2026-02-01T07:59:00Z"], "time"],
    [["2026-01-31T08:00:00Z", "2026-02-01T08:00:00Z"], "day"],
    [[], "day"],
  ] as const)("of %j is labeled by %s", (times, format) => {
    expect(axisFormat(times)).toBe(format);
  });
});
