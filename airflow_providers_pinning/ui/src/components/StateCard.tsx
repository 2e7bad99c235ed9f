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

import { Badge, Box, Flex, Grid, HStack, Text } from "@chakra-ui/react";
import type { ReactNode } from "react";

import type { ReleaseState, Version } from "src/api/types";
import { HealthBadge } from "src/components/HealthBadge";
import { BundleVersion, VersionLink } from "src/components/Links";
import { Moment } from "src/components/Moment";
import { Prose } from "src/components/Prose";
import { Section } from "src/components/Section";
import { plural, waitingOf } from "src/lib/versions";

interface FactProps {
  readonly children: ReactNode;
  readonly label: string;
}

const Fact = ({ children, label }: FactProps) => (
  <Box minW={0}>
    <Text as="dt" color="fg.muted" fontSize="xs" fontWeight="semibold">
      {label}
    </Text>
    <Box as="dd" fontSize="sm" m={0}>
      {children}
    </Box>
  </Box>
);

interface Props {
  readonly actions?: ReactNode;
  readonly candidate: Version | null;
  readonly state: ReleaseState;
  readonly versions: ReadonlyArray<Version>;
}

/** What runs, what waits, and why. */
export const StateCard = ({ actions, candidate, state, versions }: Props) => {
  const { active, dag_id: dagId, health, hold, pin, pinned } = state;
  const waiting = waitingOf(state, versions);

  return (
    <Section actions={actions} title="Release state">
      <Grid as="dl" gap={4} m={0} templateColumns="repeat(auto-fit, minmax(min(100%, 12rem), 1fr))">
        <Fact label="What runs">
          {active === null ? (
            "Nothing: no version is registered."
          ) : (
            <>
              <HStack fontSize="lg" wrap="wrap">
                <VersionLink dagId={dagId} version={active} />
                <Badge colorPalette={pinned ? "brand" : "gray"} variant={pinned ? "solid" : "subtle"}>
                  {pinned ? "pinned" : "not pinned"}
                </Badge>
              </HStack>
              <BundleVersion version={active} />
              {health.status === "broken" ? (
                <Text color="red.fg">No new run can be made or do its work.</Text>
              ) : undefined}
            </>
          )}
        </Fact>
        <Fact label="What waits">
          {typeof waiting === "string" ? (
            waiting
          ) : (
            <>
              <HStack fontSize="lg" wrap="wrap">
                <VersionLink dagId={dagId} version={waiting.version} />
                <Badge colorPalette="orange">{plural(waiting.ahead, "version")} ahead</Badge>
              </HStack>
              <BundleVersion version={waiting.version} />
              {candidate && candidate.dag_version_id !== waiting.version.dag_version_id ? (
                <Text>Version {candidate.version_number} is under evaluation.</Text>
              ) : undefined}
            </>
          )}
        </Fact>
        <Fact label="Why">
          {pin === null ? (
            "New runs use the latest version, because no version is pinned."
          ) : (
            <>
              <Prose>{pin.reason}</Prose>
              <Text color="fg.muted">
                <Prose>{pin.actor}</Prose>, <Moment value={pin.pinned_at} />
              </Text>
            </>
          )}
        </Fact>
        <Fact label="Health">
          <Flex>
            <HealthBadge health={health} />
          </Flex>
        </Fact>
        {hold === null ? undefined : (
          <Fact label="On hold">
            <Prose>{hold.reason}</Prose>
            <Text color="fg.muted">
              <Prose>{hold.actor}</Prose>, <Moment value={hold.held_at} />
            </Text>
          </Fact>
        )}
      </Grid>
    </Section>
  );
};
