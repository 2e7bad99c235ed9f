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

/** Sizes in the chart, in pixels. */

/** Narrowest and widest column. */
export const COLUMNS = [14, 26] as const;
export const ROW = 34;
export const RADIUS = 6;
export const TOP = 6;
export const AXIS = 22;

/** Width of a column, so that the chart fills its box, or scrolls if it does not fit. */
export const columnWidth = (columns: number, available: number): number =>
  Math.min(Math.max(available / columns, COLUMNS[0]), COLUMNS[1]);

export const yOf = (row: number): number => TOP + row * ROW + ROW / 2;

/** Color of a state in Airflow's theme, light or dark. */
export const colorOf = (state: string): string => {
  const known = ["failed", "queued", "running", "success"].includes(state) ? state : "none";

  return `var(--chakra-colors-${known}-solid)`;
};

export const PIN_COLOR = "var(--chakra-colors-brand-fg)";
export const ROLLBACK_COLOR = "var(--chakra-colors-failed-solid)";
export const MUTED_COLOR = "var(--chakra-colors-fg-muted)";
export const LINE_COLOR = "var(--chakra-colors-border)";
export const GROUND_COLOR = "var(--chakra-colors-bg)";
