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

import { Box, Button, Heading, HStack, Link, Skeleton, Stack, Text } from "@chakra-ui/react";
import { useEffect, useState } from "react";
import { Link as RouterLink, useSearchParams } from "react-router-dom";

import { getComponents, getPins } from "src/api/requests";
import { DeploymentBanner } from "src/components/HealthBanner";
import { BulkActions } from "src/components/overview/BulkActions";
import { Notice } from "src/components/Notice";
import { Inbox } from "src/components/overview/Inbox";
import { PinFilters } from "src/components/overview/PinFilters";
import { PinPages } from "src/components/overview/PinPages";
import { PinsTable } from "src/components/overview/PinsTable";
import { HistoryLink, PoliciesLink, ReleasesLink } from "src/components/Links";
import { ErrorNotice } from "src/components/ErrorNotice";
import { usePinsQuery } from "src/hooks/usePinsQuery";
import { HEALTH_INTERVAL, usePolled } from "src/hooks/usePolled";
import { useSelection } from "src/hooks/useSelection";
import { isFiltered, lastOffset, UNFILTERED } from "src/lib/pinsQuery";
import { plural } from "src/lib/versions";
import { ComparePage } from "src/pages/ComparePage";
import { DagPage } from "src/pages/DagPage";
import { FeedPage } from "src/pages/FeedPage";
import { PoliciesPage } from "src/pages/PoliciesPage";
import { ReleasesPage } from "src/pages/ReleasesPage";
import { UnpinnedPage } from "src/pages/UnpinnedPage";

/** All pins that the user may read. */
const AllPins = () => {
  const { query, setQuery } = usePinsQuery();
  const pins = usePolled((signal) => getPins(query, signal), JSON.stringify(query), { keep: true });
  const components = usePolled(getComponents, "components", { interval: HEALTH_INTERVAL });
  const { clear, select, selected } = useSelection();
  const [done, setDone] = useState("");
  const filtered = isFiltered(query);
  const beyond = !pins.waiting && pins.data !== undefined && query.offset > 0 && query.offset >= pins.data.total;
  const last = lastOffset(pins.data?.total ?? 0, query.limit);

  useEffect(() => {
    if (beyond) {
      setQuery({ offset: last });
    }
  }, [beyond, last, setQuery]);

  return (
    <Stack gap={3} maxW="full" minW={0} p={2}>
      <Heading as="h1" size="lg">
        Pinned Dags
      </Heading>
      <HStack gap={4} wrap="wrap">
        <HistoryLink>History of all Dags</HistoryLink>
        <ReleasesLink />
        <PoliciesLink />
      </HStack>
      <DeploymentBanner components={components.data} />
      <ErrorNotice error={pins.error} onRetry={pins.refresh} stale={pins.data !== undefined} />
      <Inbox onChange={setQuery} query={query} />
      <PinFilters onChange={setQuery} query={query} />
      {pins.data === undefined ? (
        pins.error === undefined ? (
          <Skeleton aria-busy="true" aria-label="Loading" h="12rem" role="status" />
        ) : undefined
      ) : (
        <Box aria-busy={pins.waiting} opacity={pins.waiting ? 0.6 : 1}>
          <Box role="status">{done === "" ? undefined : <Notice status="success" title={done} />}</Box>
          <Text aria-live="polite" color="fg.muted" fontSize="sm">
            {plural(pins.data.total, "pinned Dag")}
            {filtered ? (pins.data.total === 1 ? " matches" : " match") : ""}
          </Text>
          {pins.data.total === 0 ? (
            <Stack align="center" py={8}>
              <Text textAlign="center">
                {filtered
                  ? "No pinned Dags match these filters."
                  : "No pinned Dags. Every Dag runs its latest version. Open a Dag's Pinning tab to pin it."}
              </Text>
              {filtered ? (
                <Button onClick={() => setQuery(UNFILTERED)} size="sm" variant="outline">
                  Clear filters
                </Button>
              ) : undefined}
            </Stack>
          ) : (
            <>
              <BulkActions
                onDone={(text) => {
                  clear();
                  setDone(text);
                  pins.refresh();
                }}
                selected={pins.data.items.filter(({ dag_id: dagId, editable }) => editable && selected.has(dagId))}
              />
              <PinsTable
                onOrder={(order) => setQuery({ offset: 0, order })}
                onSelect={(dagIds, chosen) => {
                  setDone("");
                  select(dagIds, chosen);
                }}
                order={query.order}
                pins={pins.data.items}
                selected={selected}
              />
            </>
          )}
          <PinPages onChange={setQuery} query={query} total={pins.data.total} />
        </Box>
      )}
    </Stack>
  );
};

/** The page in the navigation: all pins, or one Dag, such as one whose own page Airflow cannot show. */
export const PinsPage = () => {
  const [params] = useSearchParams();
  const dagId = params.get("dag_id");

  return dagId === null ? (
    params.get("view") === "history" ? (
      <FeedPage />
    ) : params.get("view") === "releases" ? (
      <ReleasesPage />
    ) : params.get("view") === "policies" ? (
      <PoliciesPage />
    ) : params.get("view") === "unpinned" ? (
      <UnpinnedPage />
    ) : (
      <AllPins />
    )
  ) : params.get("view") === "compare" ? (
    <ComparePage dagId={dagId} key={dagId} />
  ) : (
    <Stack gap={1} maxW="full" minW={0} p={2}>
      <Heading as="h1" overflowWrap="anywhere" px={2} size="lg">
        {dagId} / Pinning
      </Heading>
      <Link asChild color="fg.info" px={2}>
        <RouterLink to="/plugin/pins">All pinned Dags</RouterLink>
      </Link>
      <DagPage dagId={dagId} key={dagId} />
    </Stack>
  );
};
