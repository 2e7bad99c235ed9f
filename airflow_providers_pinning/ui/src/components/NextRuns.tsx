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

import { chakra } from "@chakra-ui/react";

import type { Comparison } from "src/api/types";
import { absolute } from "src/lib/time";

interface Props {
  readonly from: number;
  readonly schedule: Comparison["schedule"];
  readonly to: number;
}

/** The next scheduled runs of two versions, beside each other. */
export const NextRuns = ({ from, schedule, to }: Props) => {
  const { next_runs_after: after, next_runs_before: before } = schedule;
  const longer = after.length > before.length ? after : before;
  const [next] = after;

  return longer.length === 0 ? undefined : (
    <details>
      <chakra.summary color="fg.muted" cursor="pointer" fontSize="sm">
        {next === undefined ? "No scheduled runs" : `Next scheduled run: ${absolute(next)}`}
      </chakra.summary>
      <chakra.table fontSize="sm">
        <chakra.caption textAlign="start">Next runs</chakra.caption>
        <thead>
          <tr>
            <chakra.th fontWeight="semibold" pe={4} scope="col" textAlign="start">
              Version {from}
            </chakra.th>
            <chakra.th fontWeight="semibold" scope="col" textAlign="start">
              Version {to}
            </chakra.th>
          </tr>
        </thead>
        <tbody>
          {longer.map((_, index) => (
            // Rows have no identity other than their position.
            <tr key={index}>
              <chakra.td pe={4}>{before[index] === undefined ? "–" : absolute(before[index])}</chakra.td>
              <td>{after[index] === undefined ? "–" : absolute(after[index])}</td>
            </tr>
          ))}
        </tbody>
      </chakra.table>
    </details>
  );
};
