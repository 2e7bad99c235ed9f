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

import { colorOf, GROUND_COLOR, MUTED_COLOR, RADIUS } from "src/components/timeline/geometry";

interface Props {
  /** How many runs the mark stands for. */
  readonly count?: number;
  readonly kind: string;
  readonly state: string;
  readonly x: number;
  readonly y: number;
}

const HOLLOW = new Set(["queued", "running"]);

/** A run: circles are live runs, diamonds canary runs; a cross marks a failure, a hollow mark an unfinished run, a number several runs. */
export const RunMark = ({ count = 1, kind, state, x, y }: Props) => {
  const color = colorOf(state);
  const look = { fill: HOLLOW.has(state) ? GROUND_COLOR : color, stroke: color, strokeWidth: 2 };
  const half = RADIUS + 1.5;
  const arm = RADIUS / 2.4;

  return (
    <>
      {kind === "canary" ? (
        <path d={`M${x} ${y - half}L${x + half} ${y}L${x} ${y + half}L${x - half} ${y}Z`} {...look} />
      ) : (
        <circle cx={x} cy={y} r={RADIUS} {...look} />
      )}
      {state === "failed" ? (
        <path
          d={`M${x - arm} ${y - arm}L${x + arm} ${y + arm}M${x - arm} ${y + arm}L${x + arm} ${y - arm}`}
          stroke={GROUND_COLOR}
          strokeWidth={1.6}
        />
      ) : undefined}
      {state === "running" ? <circle cx={x} cy={y} fill={color} r={2} /> : undefined}
      {count > 1 ? (
        <text fill={MUTED_COLOR} style={{ fontSize: 9 }} textAnchor="middle" x={x} y={y + RADIUS + 9}>
          {count}
        </text>
      ) : undefined}
    </>
  );
};
