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

import { Box, Heading, Link, Skeleton, Stack, Text } from "@chakra-ui/react";
import { useEffect } from "react";
import { Link as RouterLink, useSearchParams } from "react-router-dom";

import { getComponents, getPins } from "src/api/requests";
import { DeploymentBanner } from "src/components/HealthBanner";
import { PinFilters } from "src/components/overview/PinFilters";
import { PinPages } from "src/components/overview/PinPages";
import { PinsTable } from "src/components/overview/PinsTable";
import { Trouble } from "src/components/Trouble";
import { usePinsQuestion } from "src/hooks/usePinsQuestion";
import { HEALTH_INTERVAL, usePolled } from "src/hooks/usePolled";
import { lastOffset } from "src/lib/question";
import { plural } from "src/lib/versions";
import { DagPage } from "src/pages/DagPage";

/** Every pin that the user may see. */
const AllPins = () => {
  const { ask, question } = usePinsQuestion();
  const pins = usePolled((signal) => getPins(question, signal), JSON.stringify(question), { keep: true });
  const components = usePolled(getComponents, "components", { interval: HEALTH_INTERVAL });
  const filtered = question.text !== "" || question.behind || question.unhealthy;
  const beyond = !pins.waiting && pins.data !== undefined && question.offset > 0 && question.offset >= pins.data.total;
  const last = lastOffset(pins.data?.total ?? 0, question.limit);

  useEffect(() => {
    if (beyond) {
      ask({ offset: last });
    }
  }, [beyond, last]);

  return (
    <Stack gap={3} maxW="full" minW={0} p={2}>
      <Heading as="h1" size="lg">
        Pinned Dags
      </Heading>
      <DeploymentBanner components={components.data} />
      <Trouble error={pins.error} onRetry={pins.refresh} stale={pins.data !== undefined} />
      <PinFilters onChange={ask} question={question} />
      {pins.data === undefined ? (
        pins.error === undefined ? (
          <Skeleton aria-busy="true" aria-label="Loading" h="12rem" role="status" />
        ) : undefined
      ) : (
        <Box aria-busy={pins.waiting} opacity={pins.waiting ? 0.6 : 1}>
          <Text aria-live="polite" color="fg.muted" fontSize="sm">
            {plural(pins.data.total, "pinned Dag")}
            {filtered ? " found" : ""}
          </Text>
          {pins.data.total === 0 ? (
            <Text py={8} textAlign="center">
              {filtered
                ? "No pin is like that."
                : "No Dag is pinned: every Dag runs its latest version. Pin one on its Pinning tab."}
            </Text>
          ) : (
            <PinsTable onOrder={(order) => ask({ offset: 0, order })} order={question.order} pins={pins.data.items} />
          )}
          <PinPages onChange={ask} question={question} total={pins.data.total} />
        </Box>
      )}
    </Stack>
  );
};

/** The page in the navigation: all pins, or one that Airflow's own page of the Dag cannot show. */
export const PinsPage = () => {
  const [params] = useSearchParams();
  const dagId = params.get("dag_id");

  return dagId === null ? (
    <AllPins />
  ) : (
    <Stack gap={1} maxW="full" minW={0} p={2}>
      <Heading as="h1" overflowWrap="anywhere" px={2} size="lg">
        Pin of {dagId}
      </Heading>
      <Link asChild color="fg.info" px={2}>
        <RouterLink to="/plugin/pins">All pinned Dags</RouterLink>
      </Link>
      <DagPage dagId={dagId} key={dagId} />
    </Stack>
  );
};
