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

/** The criteria of a Dag as a form. */

import type { Criteria } from "src/api/types";

interface NumberField {
  field: string;
  /** Whether only whole numbers are taken. */
  isCount: boolean;
  label: string;
  max?: number;
  min: number;
  /** What is shown while the field is empty: the default. */
  placeholder: string;
}

const count = (field: string, label: string, placeholder: string, min = 0): NumberField => ({
  field,
  isCount: true,
  label,
  min,
  placeholder,
});

const measure = (field: string, label: string, placeholder: string, max?: number): NumberField => ({
  field,
  isCount: false,
  label,
  ...(max === undefined ? {} : { max }),
  min: 0,
  placeholder,
});

export const NUMBERS: ReadonlyArray<NumberField> = [
  count("min_runs", "Finished runs required", "3", 1),
  count("consecutive_successes", "Successful runs in a row required", "None", 1),
  count("max_failures", "Failed runs tolerated", "0"),
  count("max_output_differences", "Differing outputs tolerated", "Not judged"),
  measure("min_duration", "Minimum evaluation (seconds)", "0"),
  measure("inconclusive_after", "Inconclusive after (seconds)", "Never"),
];

/** Judged only if the comparison is. */
export const COMPARED: ReadonlyArray<NumberField> = [
  measure("max_duration_ratio", "Maximum duration ratio", "1.5"),
  measure("max_failure_rate_increase", "Maximum failure rate increase (0 to 1)", "0.05", 1),
  measure("min_duration_difference", "Ignore differences below (seconds)", "5"),
  count("min_duration_runs", "Successful runs required on each side", "3", 1),
];

/** What was entered, by field; what is missing or empty is the default. */
export type Entered = Record<string, string>;

export const entered = ({ stored }: Criteria): Entered =>
  Object.fromEntries(Object.entries(stored).map(([field, value]) => [field, String(value)]));

/** Why the criteria cannot be sent; undefined if they can. */
export const problem = (criteria: Entered): string | undefined =>
  [...NUMBERS, ...COMPARED]
    .filter(({ field, isCount, max, min }) => {
      const text = (criteria[field] ?? "").trim();
      const value = Number(text);

      return (
        text !== "" &&
        (!Number.isFinite(value) || value < min || value > (max ?? value) || (isCount && !Number.isInteger(value)))
      );
    })
    .map(({ isCount, label, max, min }) =>
      max === undefined
        ? `${label}: enter ${isCount ? "a whole number" : "a number"} of at least ${min}.`
        : `${label}: enter a number from ${min} to ${max}.`,
    )
    .at(0);

/** The criteria to send. */
export const chosen = (criteria: Entered): Record<string, boolean | number | string> => {
  const numbers = new Set([...NUMBERS, ...COMPARED].map(({ field }) => field));

  return Object.fromEntries(
    Object.entries(criteria)
      .filter(([, text]) => text.trim() !== "")
      .map(([field, text]) => [
        field,
        numbers.has(field) ? Number(text) : field === "compare" ? text === "true" : text.trim(),
      ]),
  );
};
