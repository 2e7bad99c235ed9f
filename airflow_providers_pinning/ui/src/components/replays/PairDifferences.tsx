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

import { Box, chakra, Code, Heading, Stack, Text } from "@chakra-ui/react";

import type { Difference, Pair } from "src/api/types";
import { ExpandableText } from "src/components/ExpandableText";
import { byTask, describeHidden, labelOf } from "src/lib/replays";

const Value = ({ children }: { readonly children: string | null }) =>
  children === null ? (
    <Text as="span" color="fg.muted">
      nothing
    </Text>
  ) : (
    <Code bg="bg.muted" color="fg" overflowWrap="anywhere" size="sm" whiteSpace="pre-wrap">
      <ExpandableText>{children}</ExpandableText>
    </Code>
  );

const DifferenceRow = ({ difference }: { readonly difference: Difference }) => (
  <tr>
    <chakra.th fontWeight="medium" overflowWrap="anywhere" pe={3} scope="row" textAlign="start" verticalAlign="top">
      {labelOf(difference)}
    </chakra.th>
    <chakra.td pe={3} verticalAlign="top">
      <Value>{difference.original}</Value>
    </chakra.td>
    <chakra.td verticalAlign="top">
      <Value>{difference.replay}</Value>
    </chakra.td>
  </tr>
);

/** What differs between a replay and its original, task by task. */
export const PairDifferences = ({ pair }: { readonly pair: Pair }) => (
  <Stack gap={3}>
    {pair.problem ? <Text>{pair.problem}</Text> : undefined}
    {byTask(pair).map(({ differences, name, tries }) => (
      <Box key={name}>
        <Heading as="h4" fontFamily="mono" overflowWrap="anywhere" size="xs">
          {name}
        </Heading>
        {tries === undefined ? undefined : <Text color="fg.muted">{tries}</Text>}
        {differences.length === 0 ? undefined : (
          <chakra.table mt={1} tableLayout="fixed" w="full">
            <chakra.caption srOnly>Differences in task {name}</chakra.caption>
            <thead>
              <tr>
                {["Output", "Original", "Replay"].map((title) => (
                  <chakra.th color="fg.muted" fontWeight="normal" key={title} pe={3} scope="col" textAlign="start">
                    {title}
                  </chakra.th>
                ))}
              </tr>
            </thead>
            <tbody>
              {differences.map((difference) => (
                <DifferenceRow difference={difference} key={`${difference.what}-${difference.key ?? ""}`} />
              ))}
            </tbody>
          </chakra.table>
        )}
      </Box>
    ))}
    {pair.set_aside.length > 0 ? (
      <Text>Set aside, as two runs of the active version differ in them too: {pair.set_aside.join(", ")}</Text>
    ) : undefined}
    {pair.tasks_added.length > 0 ? <Text>Only the replay has: {pair.tasks_added.join(", ")}</Text> : undefined}
    {pair.tasks_removed.length > 0 ? <Text>Only the original has: {pair.tasks_removed.join(", ")}</Text> : undefined}
    <Text _empty={{ display: "none" }} color="fg.muted">
      {describeHidden(pair)}
    </Text>
  </Stack>
);
