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

import { chakra, Flex } from "@chakra-ui/react";

import { MUTED_COLOR, PIN_COLOR, ROLLBACK_COLOR } from "src/components/timeline/geometry";
import { RunMark } from "src/components/timeline/RunMark";

const MARKS = [
  ["live", "success", "live run"],
  ["canary", "success", "canary run"],
  ["live", "failed", "failed"],
  ["live", "running", "running"],
  ["live", "queued", "queued"],
] as const;
const LINES = [
  [PIN_COLOR, undefined, "pinned"],
  [MUTED_COLOR, "3 4", "not pinned"],
  [ROLLBACK_COLOR, undefined, "rollback"],
] as const;

/** The legend of the chart. */
export const Legend = () => (
  <Flex
    as="ul"
    color="fg.muted"
    columnGap={4}
    fontSize="xs"
    listStyleType="none"
    m={0}
    mt={2}
    p={0}
    rowGap={1}
    wrap="wrap"
  >
    {MARKS.map(([kind, state, text]) => (
      <Flex align="center" as="li" gap={1} key={text}>
        <svg aria-hidden="true" height={18} width={18}>
          <RunMark kind={kind} state={state} x={9} y={9} />
        </svg>
        <chakra.span>{text}</chakra.span>
      </Flex>
    ))}
    {LINES.map(([color, dashes, text]) => (
      <Flex align="center" as="li" gap={1} key={text}>
        <svg aria-hidden="true" height={18} width={24}>
          <path d="M1 9H23" stroke={color} strokeDasharray={dashes} strokeWidth={dashes ? 2 : 4} />
        </svg>
        <chakra.span>{text}</chakra.span>
      </Flex>
    ))}
  </Flex>
);
