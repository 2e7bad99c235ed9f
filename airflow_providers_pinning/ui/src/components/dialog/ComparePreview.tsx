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

import { Box, chakra, Heading, Spinner, Text } from "@chakra-ui/react";
import { useEffect, useState } from "react";

import { ApiError } from "src/api/client";
import { getComparison } from "src/api/requests";
import type { Comparison } from "src/api/types";
import { diffLines, diffStat, groupsOf, type DiffLine } from "src/lib/comparison";
import { absolute } from "src/lib/time";

const LINE_COLORS: Record<DiffLine["kind"], string> = {
  added: "green.fg",
  context: "fg.muted",
  header: "fg.muted",
  removed: "red.fg",
};

interface NextRunsProps {
  readonly from: number;
  readonly schedule: Comparison["schedule"];
  readonly to: number;
}

const NextRuns = ({ from, schedule, to }: NextRunsProps) => {
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

const SourceDiff = ({ source }: { readonly source: Comparison["source"] }) => (
  <>
    {source.note ? (
      <Text color="fg.muted" fontSize="sm">
        {source.note}
      </Text>
    ) : undefined}
    {source.diff ? (
      <details>
        <chakra.summary cursor="pointer" fontSize="sm">
          Dag file diff ({diffStat(diffLines(source.diff))})
        </chakra.summary>
        <chakra.pre
          aria-label="Dag file diff"
          bg="bg.muted"
          fontSize="xs"
          maxH="16rem"
          overflow="auto"
          p={2}
          role="region"
          tabIndex={0}
        >
          {diffLines(source.diff).map((line, index) => (
            <chakra.span color={LINE_COLORS[line.kind]} display="block" key={index}>
              {line.text || " "}
            </chakra.span>
          ))}
        </chakra.pre>
      </details>
    ) : undefined}
  </>
);

interface Props {
  readonly dagId: string;
  readonly from: number;
  /** The expected hash of version `to`. */
  readonly hash: string | undefined;
  readonly to: number;
}

type Answer = { comparison: Comparison } | { error: string } | undefined;

/** The changes that another version would bring; mount it again for another pair of versions. */
export const ComparePreview = ({ dagId, from, hash, to }: Props) => {
  const [answer, setAnswer] = useState<Answer>();

  useEffect(() => {
    const controller = new AbortController();

    getComparison(dagId, { from, hash, to }, controller.signal)
      .then((comparison) => setAnswer({ comparison }))
      .catch((error: unknown) => {
        if (!controller.signal.aborted) {
          setAnswer({ error: error instanceof ApiError ? error.message : String(error) });
        }
      });

    return () => controller.abort();
  }, [dagId, from, hash, to]);

  return (
    <Box aria-busy={answer === undefined} as="section" borderWidth={1} borderRadius="md" p={3}>
      <Heading as="h3" mb={1} size="sm">
        Changes: version {from} to version {to}
      </Heading>
      {answer === undefined ? (
        <Spinner aria-label="Comparing" size="sm" />
      ) : "error" in answer ? (
        <Text color="fg.muted" fontSize="sm">
          Couldn't compare the versions: {answer.error}
        </Text>
      ) : (
        <>
          {answer.comparison.identical ? <Text fontSize="sm">No changes.</Text> : undefined}
          {groupsOf(answer.comparison).map(({ lines, title }) => (
            <Box fontSize="sm" key={title} mb={1}>
              <Text fontWeight="semibold">{title}</Text>
              <Box as="ul" listStyleType="none" m={0} overflowWrap="anywhere" ps={2}>
                {lines.map((line, index) => (
                  <li key={index}>{line}</li>
                ))}
              </Box>
            </Box>
          ))}
          <NextRuns from={from} schedule={answer.comparison.schedule} to={to} />
          <SourceDiff source={answer.comparison.source} />
        </>
      )}
    </Box>
  );
};
