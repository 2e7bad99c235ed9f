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

import { Box, chakra, Flex, Heading, Skeleton, Stack, Table, Text } from "@chakra-ui/react";
import { useSearchParams } from "react-router-dom";

import { getVersionPair, type VersionPair } from "src/api/requests";
import type { Comparison } from "src/api/types";
import { DiffView } from "src/components/DiffView";
import { ErrorNotice } from "src/components/ErrorNotice";
import { MultilineText } from "src/components/ExpandableText";
import { CommitLink, PinningLink } from "src/components/Links";
import { NextRuns } from "src/components/NextRuns";
import { Notice } from "src/components/Notice";
import { RelativeTime } from "src/components/RelativeTime";
import { ScrollableTable } from "src/components/ScrollableTable";
import { Section } from "src/components/Section";
import { HEALTH_INTERVAL, usePolled } from "src/hooks/usePolled";
import { describeFiles, fileLabel, rowsOf, verdictOf } from "src/lib/comparison";
import { plural, shortCode } from "src/lib/versions";

interface PickerProps {
  readonly label: string;
  readonly onChange: (version: string) => void;
  readonly value: number;
  readonly versions: VersionPair["versions"];
}

const Picker = ({ label, onChange, value, versions }: PickerProps) => (
  <chakra.label fontSize="sm">
    {label}{" "}
    <chakra.select
      bg="bg"
      borderRadius="md"
      borderWidth={1}
      maxW="full"
      onChange={({ target }) => onChange(target.value)}
      p={1}
      value={String(value)}
    >
      {versions.some(({ version_number: number }) => number === value) ? undefined : (
        <option value={value}>Version {value}</option>
      )}
      {versions.map((version) => (
        <option key={version.dag_version_id} value={version.version_number}>
          Version {version.version_number} ({shortCode(version)}){version.is_active ? ", active" : ""}
          {version.is_latest ? ", latest" : ""}
        </option>
      ))}
    </chakra.select>
  </chakra.label>
);

const Structure = ({ comparison }: { readonly comparison: Comparison }) => {
  const rows = rowsOf(comparison);

  return (
    <Section title="Dag">
      {rows.length === 0 ? (
        <Text fontSize="sm">Tasks, schedule, parameters, limits and assets are the same.</Text>
      ) : (
        <ScrollableTable caption="What differs in the Dag">
          <Table.Header>
            <Table.Row>
              <Table.ColumnHeader scope="col">What</Table.ColumnHeader>
              <Table.ColumnHeader scope="col">Version {comparison.from_version.version_number}</Table.ColumnHeader>
              <Table.ColumnHeader scope="col">Version {comparison.to_version.version_number}</Table.ColumnHeader>
            </Table.Row>
          </Table.Header>
          <Table.Body>
            {rows.map(({ after, before, name, what }, index) => (
              <Table.Row key={index}>
                <Table.Cell minW="8rem" overflowWrap="anywhere">
                  <Text color="fg.muted" fontSize="xs">
                    {what}
                  </Text>
                  {name}
                </Table.Cell>
                {[before, after].map((value, side) => (
                  <Table.Cell key={side} minW="8rem" overflowWrap="anywhere" verticalAlign="top" whiteSpace="pre-wrap">
                    {value}
                  </Table.Cell>
                ))}
              </Table.Row>
            ))}
          </Table.Body>
        </ScrollableTable>
      )}
      {comparison.schedule.note ? (
        <Text color="fg.muted" fontSize="sm">
          {comparison.schedule.note}
        </Text>
      ) : undefined}
      <NextRuns
        from={comparison.from_version.version_number}
        schedule={comparison.schedule}
        to={comparison.to_version.version_number}
      />
    </Section>
  );
};

const Files = ({ comparison: { files, source } }: { readonly comparison: Comparison }) => {
  const ownIsListed = files.changed.some(({ path }) => path === source.after_path);

  return (
    <Section title="Files">
      <Stack gap={2}>
        {describeFiles(files).map((line) => (
          <Text fontSize="sm" key={line}>
            {line}
          </Text>
        ))}
        {source.note ? (
          <Text color="fg.muted" fontSize="sm">
            {source.note}
          </Text>
        ) : undefined}
        {source.diff && !ownIsListed ? (
          <DiffView diff={source.diff} label={source.after_path ?? "Dag file"} open />
        ) : undefined}
        {files.changed.map((file) => (
          <Box key={file.path} minW={0}>
            {file.diff ? (
              <DiffView diff={file.diff} label={fileLabel(file)} open={files.changed.length <= 5} />
            ) : (
              <Text fontSize="sm" overflowWrap="anywhere">
                {fileLabel(file)}
              </Text>
            )}
            {file.note ? (
              <Text color="fg.muted" fontSize="sm">
                {file.note}
              </Text>
            ) : undefined}
          </Box>
        ))}
      </Stack>
    </Section>
  );
};

const Commits = ({ commits }: { readonly commits: Comparison["commits"] }) => (
  <Section title={commits.taken_back ? "Commits undone" : "Commits"}>
    {commits.note ? <Text fontSize="sm">{commits.note}</Text> : undefined}
    {commits.total === 0 && !commits.note ? <Text fontSize="sm">Both versions have the same commit.</Text> : undefined}
    <Stack as="ol" gap={2} listStyleType="none" m={0} p={0}>
      {commits.commits.map((commit) => (
        <Box as="li" fontSize="sm" key={commit.bundle_version} overflowWrap="anywhere">
          <CommitLink commit={commit} />{" "}
          <Text as="span" color="fg.muted">
            {commit.author}
            {commit.committed_at ? (
              <>
                , <RelativeTime value={commit.committed_at} />
              </>
            ) : undefined}
          </Text>
          <Box>
            <MultilineText>{commit.message}</MultilineText>
          </Box>
        </Box>
      ))}
    </Stack>
    {commits.total > commits.commits.length ? (
      <Text color="fg.muted" fontSize="sm">
        {plural(commits.total - commits.commits.length, "older commit")} not shown.
      </Text>
    ) : undefined}
  </Section>
);

const asNumber = (value: string | null): number | undefined =>
  value !== null && /^[1-9]\d{0,8}$/u.test(value) ? Number(value) : undefined;

/** Two versions of a Dag beside each other, at an address that names both. */
export const ComparePage = ({ dagId }: { readonly dagId: string }) => {
  const [params, setParams] = useSearchParams();
  const [from, to] = [asNumber(params.get("from_version")), asNumber(params.get("to_version"))];
  const pair = usePolled((signal) => getVersionPair(dagId, { from, to }, signal), `${dagId} ${from} ${to}`, {
    interval: HEALTH_INTERVAL,
    keep: true,
  });
  const shown = pair.data?.comparison;
  const choose = (before: number | string, after: number | string) =>
    setParams({ dag_id: dagId, from_version: String(before), to_version: String(after), view: "compare" });

  return (
    <Stack gap={3} maxW="full" minW={0} p={2}>
      <Heading as="h1" overflowWrap="anywhere" size="lg">
        {dagId} / Compare versions
      </Heading>
      <Text fontSize="sm">
        <PinningLink dagId={dagId} here label="Pinning of this Dag" />
      </Text>
      <ErrorNotice error={pair.error} onRetry={pair.refresh} stale={pair.data !== undefined} />
      {shown === undefined || pair.data === undefined ? (
        pair.error === undefined ? (
          <Skeleton aria-busy="true" aria-label="Loading" h="12rem" role="status" />
        ) : undefined
      ) : (
        <Stack aria-busy={pair.waiting} gap={3} minW={0} opacity={pair.waiting ? 0.6 : 1}>
          <Flex align="center" gap={3} wrap="wrap">
            <Picker
              label="From"
              onChange={(version) => choose(version, shown.to_version.version_number)}
              value={shown.from_version.version_number}
              versions={pair.data.versions}
            />
            <Picker
              label="To"
              onChange={(version) => choose(shown.from_version.version_number, version)}
              value={shown.to_version.version_number}
              versions={pair.data.versions}
            />
            <chakra.button
              color="fg.info"
              cursor="pointer"
              fontSize="sm"
              onClick={() => choose(shown.to_version.version_number, shown.from_version.version_number)}
              type="button"
            >
              Swap
            </chakra.button>
          </Flex>
          <Text aria-live="polite" fontWeight="semibold">
            {verdictOf(shown)}
          </Text>
          {shown.warnings.length > 0 ? (
            <Notice status="warning" title="If the other version is pinned">
              {shown.warnings.join(" ")}
            </Notice>
          ) : undefined}
          <Structure comparison={shown} />
          <Files comparison={shown} />
          <Commits commits={shown.commits} />
        </Stack>
      )}
    </Stack>
  );
};
