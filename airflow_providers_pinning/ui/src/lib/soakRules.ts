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

/** What policies ask of the runs of a version, in words. */

import { percent } from "src/lib/ramps";
import { duration } from "src/lib/time";

const KINDS: Record<string, string> = { any: "all runs", canary: "canary runs", live: "live runs" };

type Words = (value: number) => string;

const WORDS: Record<string, Words> = {
  consecutive_successes: (count) => `${count} successful in a row`,
  inconclusive_after: (seconds) => `inconclusive after ${duration(seconds)}`,
  max_duration_ratio: (ratio) => `at most ${ratio} times as long as the active version's`,
  max_failure_rate_increase: (share) => `a failure rate at most ${percent(share)} above the active version's`,
  max_failures: (count) => (count === 0 ? "none failed" : `at most ${count} failed`),
  max_output_differences: (count) => (count === 0 ? "no output differs" : `at most ${count} outputs differ`),
  min_duration: (seconds) => (seconds === 0 ? "" : `over at least ${duration(seconds)}`),
  min_duration_difference: (seconds) => `slower only from ${duration(seconds)} on`,
  min_duration_runs: (count) => `${count} successful on each side`,
  min_runs: (count) => `at least ${count} finished`,
};

const describe = (name: string, value: unknown): string => {
  const words = WORDS[name];

  if (words !== undefined && typeof value === "number") {
    return words(value);
  }
  if (name === "compare") {
    return value === true ? "compared with the active version" : "";
  }
  if (name === "failed_tasks") {
    return value === "ignore" ? "failed tasks do not count" : "";
  }

  return `${name} ${String(value)}`;
};

/** Criteria of a soak in one line. */
export const describeSoak = (criteria: Record<string, unknown>): string => {
  const { run_kinds: kinds = "canary", ...others } = criteria;
  const parts = Object.entries(others)
    .sort(([one], [other]) => Object.keys(WORDS).indexOf(other) - Object.keys(WORDS).indexOf(one))
    .map(([name, value]) => describe(name, value))
    .filter(Boolean);

  return [`A soak of ${KINDS[String(kinds)] ?? String(kinds)}`, parts.join(", ")].filter(Boolean).join(": ");
};
