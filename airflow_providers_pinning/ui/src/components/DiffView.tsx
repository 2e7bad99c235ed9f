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

import { diffLines, diffStat, type DiffLine } from "src/lib/comparison";

const LINE_COLORS: Record<DiffLine["kind"], string> = {
  added: "green.fg",
  context: "fg.muted",
  header: "fg.muted",
  removed: "red.fg",
};

interface Props {
  readonly diff: string;
  readonly label: string;
  readonly open?: boolean;
}

/** A unified diff that can be folded; it takes focus, so that keys scroll it. */
export const DiffView = ({ diff, label, open = false }: Props) => {
  const lines = diffLines(diff);

  return (
    <chakra.details maxW="full" minW={0} open={open}>
      <chakra.summary cursor="pointer" fontSize="sm" overflowWrap="anywhere">
        {label} ({diffStat(lines)})
      </chakra.summary>
      <chakra.pre
        aria-label={`${label} diff`}
        bg="bg.muted"
        fontSize="xs"
        maxH="24rem"
        overflow="auto"
        p={2}
        role="region"
        tabIndex={0}
      >
        {lines.map((line, index) => (
          <chakra.span color={LINE_COLORS[line.kind]} display="block" key={index}>
            {line.text || " "}
          </chakra.span>
        ))}
      </chakra.pre>
    </chakra.details>
  );
};
