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

import { describeCron } from "src/lib/cron";

describe("the starts of a window", () => {
  it.each([
    ["0 9 * * 1-4", "Mon–Thu at 09:00"],
    ["30 6,18 * * *", "each day at 06:30, 18:30"],
    ["0 0 * * 6,0", "Sat, Sun at 00:00"],
    ["0 0 * * sat-7", "Sat–Sun at 00:00"],
    ["0 0 20 12 *", "20 Dec of each year at 00:00"],
    ["5 4 1 * *", "day 1 of each month at 04:05"],
  ])("%s are %s", (cron, words) => {
    expect(describeCron(cron)).toBe(words);
  });

  it.each([
    "*/5 * * * *",
    "0 0 13 * 5",
    "0 0 L * *",
    "0 9 * * 1#2",
    "@daily",
    "0 0 * 1-3 *",
    "0 9 * * 1-4-5",
    "0 24 * * *",
  ])("%s stay as they are written", (cron) => {
    expect(describeCron(cron)).toBe(cron);
  });
});
