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

import { Badge, Box, Code, Heading, HStack, Link, Skeleton, Stack, Table, Text } from "@chakra-ui/react";
import { useState } from "react";
import { Link as RouterLink, useSearchParams } from "react-router-dom";

import { DAGS_SHOWN, getRelease, getReleases, RELEASES_SHOWN } from "src/api/requests";
import type { Release } from "src/api/types";
import { ErrorNotice } from "src/components/ErrorNotice";
import { ExpandableText } from "src/components/ExpandableText";
import { Pages } from "src/components/Pages";
import { ReleaseDags } from "src/components/releases/ReleaseDags";
import { ReleasePlan } from "src/components/releases/ReleasePlan";
import { ReleaseRollback } from "src/components/releases/ReleaseRollback";
import { RelativeTime } from "src/components/RelativeTime";
import { ScrollableTable } from "src/components/ScrollableTable";
import { usePolled } from "src/hooks/usePolled";
import { canRollBack, describeCounts, PLAN_ADDRESS, releaseAddress, RELEASES_ADDRESS } from "src/lib/releases";

const Waiting = () => <Skeleton aria-busy="true" aria-label="Loading" h="12rem" role="status" />;

const ReleaseLink = ({ id }: { readonly id: string }) => (
  <Link asChild color="fg.info" overflowWrap="anywhere">
    <RouterLink to={releaseAddress(id)}>{id}</RouterLink>
  </Link>
);

interface OffsetProps {
  readonly offset: number;
  readonly onMove: (offset: number) => void;
}

const ReleaseList = ({ offset, onMove }: OffsetProps) => {
  const list = usePolled((signal) => getReleases(offset, signal), String(offset), { keep: true });

  return (
    <>
      <ErrorNotice error={list.error} onRetry={list.refresh} stale={list.data !== undefined} />
      {list.data === undefined ? (
        list.error === undefined ? (
          <Waiting />
        ) : undefined
      ) : list.data.total === 0 ? (
        <Text py={8} textAlign="center">
          No releases yet. A release pins, unpins or rolls back many Dags together: airflow pinning release --help
        </Text>
      ) : (
        <Box aria-busy={list.waiting} opacity={list.waiting ? 0.6 : 1}>
          <ScrollableTable caption="Releases, newest first">
            <Table.Header>
              <Table.Row>
                {["Time", "Release", "Action", "Commit", "Dags changed", "User", "Reason"].map((name) => (
                  <Table.ColumnHeader key={name} scope="col">
                    {name}
                  </Table.ColumnHeader>
                ))}
              </Table.Row>
            </Table.Header>
            <Table.Body>
              {list.data.items.map((one) => (
                <Table.Row key={one.release_id}>
                  <Table.Cell>
                    <RelativeTime exact value={one.created_at} />
                  </Table.Cell>
                  <Table.Cell minW="8rem">
                    <ReleaseLink id={one.release_id} />
                  </Table.Cell>
                  <Table.Cell>
                    {one.action} <Badge>{one.status}</Badge>
                  </Table.Cell>
                  <Table.Cell>
                    {one.bundle_version === null ? "" : <Code>{one.bundle_version.slice(0, 12)}</Code>}
                  </Table.Cell>
                  <Table.Cell>{one.changed}</Table.Cell>
                  <Table.Cell overflowWrap="anywhere">{one.actor}</Table.Cell>
                  <Table.Cell minW="10rem">
                    <ExpandableText>{one.reason}</ExpandableText>
                  </Table.Cell>
                </Table.Row>
              ))}
            </Table.Body>
          </ScrollableTable>
          <Pages limit={RELEASES_SHOWN} offset={offset} onMove={onMove} total={list.data.total} />
        </Box>
      )}
    </>
  );
};

interface OneProps extends OffsetProps {
  readonly release: Release;
}

const OneRelease = ({ offset, onMove, release }: OneProps) => (
  <Stack gap={3}>
    <Text overflowWrap="anywhere">
      {`${release.action} by ${release.actor ?? ""}: ${release.reason ?? ""} `}
      <Badge>{release.status}</Badge>
    </Text>
    {release.bundle_version === null ? undefined : (
      <Text>
        {`Commit of bundle ${release.bundle_name ?? ""}: `}
        <Code overflowWrap="anywhere">{release.bundle_version}</Code>
      </Text>
    )}
    {release.effective_from === null ? undefined : (
      <Text>
        {release.status === "scheduled" ? "Takes effect: " : "Was to take effect: "}
        <RelativeTime exact value={release.effective_from} />
      </Text>
    )}
    {release.rolls_back === null ? undefined : (
      <Text>
        Rolls back <ReleaseLink id={release.rolls_back} />
      </Text>
    )}
    {release.rolled_back_by === null ? undefined : (
      <Text>
        Rolled back by <ReleaseLink id={release.rolled_back_by} />
      </Text>
    )}
    <Text color="fg.muted" fontSize="sm">
      {describeCounts(release)}
    </Text>
    <ReleaseDags caption="Dags of the release" dags={release.dags} />
    <Pages limit={DAGS_SHOWN} offset={offset} onMove={onMove} total={release.total_entries} />
  </Stack>
);

/** A release changes only when it is rolled back, so it is asked for once; one that waits for its time is watched. */
const LoadedRelease = ({ id, offset, onMove }: OffsetProps & { readonly id: string }) => {
  const [watched, setWatched] = useState(false);
  const { data, error, refresh, waiting } = usePolled((signal) => getRelease(id, offset, signal), `${id} ${offset}`, {
    interval: watched ? 10_000 : null,
    keep: true,
  });

  if (data !== undefined && (data.status === "scheduled") !== watched) {
    setWatched(!watched);
  }

  return (
    <>
      <ErrorNotice error={error} onRetry={refresh} stale={data !== undefined} />
      {data === undefined ? (
        error === undefined ? (
          <Waiting />
        ) : undefined
      ) : (
        <Stack aria-busy={waiting} gap={3} opacity={waiting ? 0.6 : 1}>
          {canRollBack(data) ? <ReleaseRollback id={id} /> : undefined}
          <OneRelease offset={offset} onMove={onMove} release={data} />
        </Stack>
      )}
    </>
  );
};

/** The releases of many Dags, or one of them. */
export const ReleasesPage = () => {
  const [params, setParams] = useSearchParams();
  const id = params.get("release_id");
  const plans = params.get("plan") !== null;
  const offset = Math.max(Number.parseInt(params.get("offset") ?? "0", 10) || 0, 0);
  const move = (next: number) =>
    setParams((before) => {
      before.set("offset", String(next));

      return before;
    });

  return (
    <Stack gap={3} maxW="full" minW={0} p={2}>
      <Heading as="h1" overflowWrap="anywhere" size="lg">
        {plans ? "Plan a release" : id === null ? "Releases" : `Release ${id}`}
      </Heading>
      <HStack gap={4} wrap="wrap">
        <Link asChild color="fg.info">
          <RouterLink to={id === null && !plans ? "/plugin/pins" : RELEASES_ADDRESS}>
            {id === null && !plans ? "All pinned Dags" : "All releases"}
          </RouterLink>
        </Link>
        {id === null && !plans ? (
          <Link asChild color="fg.info">
            <RouterLink to={PLAN_ADDRESS}>Plan a release</RouterLink>
          </Link>
        ) : undefined}
      </HStack>
      {plans ? (
        <ReleasePlan />
      ) : id === null ? (
        <ReleaseList offset={offset} onMove={move} />
      ) : (
        <LoadedRelease id={id} key={id} offset={offset} onMove={move} />
      )}
    </Stack>
  );
};
