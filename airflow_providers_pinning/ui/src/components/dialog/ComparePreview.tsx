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

import { Box, Heading, Spinner, Text } from "@chakra-ui/react";
import { useEffect, useState } from "react";

import { ApiError } from "src/api/client";
import { getComparison } from "src/api/requests";
import type { Comparison } from "src/api/types";
import { CompareLink } from "src/components/Links";
import { DiffView } from "src/components/DiffView";
import { NextRuns } from "src/components/NextRuns";
import { describeFiles, fileLabel, groupsOf } from "src/lib/comparison";

/** How many files are shown here besides the Dag's own. */
const FILES_SHOWN = 5;

const SourceDiff = ({ source }: { readonly source: Comparison["source"] }) => (
  <>
    {source.note ? (
      <Text color="fg.muted" fontSize="sm">
        {source.note}
      </Text>
    ) : undefined}
    {source.diff ? <DiffView diff={source.diff} label="Dag file" /> : undefined}
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
          {describeFiles(answer.comparison.files).map((line) => (
            <Text fontSize="sm" key={line}>
              {line}
            </Text>
          ))}
          {answer.comparison.files.changed
            .filter(({ diff, path }) => diff && path !== answer.comparison.source.after_path)
            .slice(0, FILES_SHOWN)
            .map((file) => (
              <DiffView diff={file.diff ?? ""} key={file.path} label={fileLabel(file)} />
            ))}
          <Text fontSize="sm">
            <CompareLink dagId={dagId} from={from} to={to}>
              Everything that differs
            </CompareLink>
          </Text>
        </>
      )}
    </Box>
  );
};
