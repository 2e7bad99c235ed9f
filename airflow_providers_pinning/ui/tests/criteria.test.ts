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

import type { Criteria } from "src/api/types";
import { chosen, entered, problem } from "src/lib/criteria";

const stored = (values: Record<string, unknown>): Criteria => ({
  actor: "jan",
  criteria: {},
  dag_id: "orders",
  reason: "why",
  revision: 1,
  stored: values,
});

it("criteria that are stored stand in the form, and are sent as they were", () => {
  const values = { compare: true, failed_tasks: "ignore", max_duration_ratio: 1.2, min_runs: 5, run_kinds: "live" };

  expect(chosen(entered(stored(values)))).toEqual(values);
});

it("empty fields are the defaults, which are not sent", () => {
  expect(chosen({ compare: "", failed_tasks: "", max_failures: "0", min_runs: " " })).toEqual({ max_failures: 0 });
});

it("a criterion that a later release stored is kept", () => {
  expect(chosen(entered(stored({ min_rows: "many" })))).toEqual({ min_rows: "many" });
});

it.each([
  [{ min_runs: "0" }, "Finished runs required: enter a whole number of at least 1."],
  [{ max_failures: "1.5" }, "Failed runs tolerated: enter a whole number of at least 0."],
  [{ min_duration: "soon" }, "Minimum evaluation (seconds): enter a number of at least 0."],
  [{ max_failure_rate_increase: "2" }, "Maximum failure rate increase (0 to 1): enter a number from 0 to 1."],
])("%o is refused with what to enter", (criteria, message) => {
  expect(problem(criteria)).toBe(message);
});

it("numbers within their limits are sent", () => {
  expect(problem({ max_duration_ratio: "1.5", min_duration: "0.5", min_runs: "3" })).toBeUndefined();
});
