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

import type { ReleaseState, Run, Version } from "src/api/types";
import { HealthBadge } from "src/components/HealthBadge";
import { BundleVersion, VersionLink } from "src/components/Links";
import { RelativeTime } from "src/components/RelativeTime";
import { ExpandableText } from "src/components/ExpandableText";
import { Section } from "src/components/Section";
import { describeOutcomes, runsSincePin } from "src/lib/runs";
import { summaryOf } from "src/lib/text";
import { nextVersionOf, plural } from "src/lib/versions";

interface FactProps {
  readonly children: ReactNode;
  readonly label: string;
}

const Term = ({ children, label }: FactProps) => (
  <>
    <Text as="dt" color="fg.muted" fontSize="xs" fontWeight="semibold">
      {label}
    </Text>
    <Box as="dd" fontSize="sm" m={0}>
      {children}
    </Box>
  </>
);

const Fact = (props: FactProps) => (
  <Box minW={0}>
    <Term {...props} />
  </Box>
);

interface Props {
  readonly actions?: ReactNode;
  readonly candidate: Version | null;
  /** The newest runs; null if the user may not read them. */
  readonly runs: ReadonlyArray<Run> | null;
  readonly state: ReleaseState;
  readonly versions: ReadonlyArray<Version>;
}

/** The active version, the next one, and why. */
export const StateCard = ({ actions, candidate, runs, state, versions }: Props) => {
  const { active, dag_id: dagId, health, hold, pin, pinned } = state;
  const next = nextVersionOf(state, versions);
  const commit = versions.find((version) => version.dag_version_id === active?.dag_version_id)?.commit;
  const outcomes = runs === null ? undefined : runsSincePin(runs, state);

  return (
    <Section actions={actions} title="Version status">
      <Grid as="dl" gap={4} m={0} templateColumns="repeat(auto-fit, minmax(min(100%, 10rem), 1fr))">
        <Fact label="Active version">
          {active === null ? (
            "No version parsed yet."
          ) : (
            <>
              <HStack fontSize="lg" wrap="wrap">
                <VersionLink dagId={dagId} version={active} />
                <Badge colorPalette={pinned ? "brand" : "gray"} variant={pinned ? "solid" : "subtle"}>
                  {pinned ? "pinned" : "not pinned"}
                </Badge>
              </HStack>
              <BundleVersion version={active} />
              {commit ? (
                <Text color="fg.muted" fontSize="sm" overflowWrap="anywhere">
                  {summaryOf(commit)}
                </Text>
              ) : undefined}
              {health.status === "broken" ? <Text color="red.fg">New runs are blocked.</Text> : undefined}
            </>
          )}
        </Fact>
        <Fact label="Next version">
          {typeof next === "string" ? (
            next
          ) : (
            <>
              <HStack fontSize="lg" wrap="wrap">
                <VersionLink dagId={dagId} version={next.version} />
                <Badge colorPalette="orange">{plural(next.newer, "newer version")}</Badge>
              </HStack>
              <BundleVersion version={next.version} />
              {candidate && candidate.dag_version_id !== next.version.dag_version_id ? (
                <Text>Version {candidate.version_number} is under evaluation.</Text>
              ) : undefined}
            </>
          )}
        </Fact>
        <Fact label="Reason">
          {pin === null ? (
            "Not pinned: new runs use the latest version."
          ) : (
            <>
              <ExpandableText>{pin.reason}</ExpandableText>
              <Text color="fg.muted">
                <ExpandableText>{pin.actor}</ExpandableText>, <RelativeTime value={pin.pinned_at} />
              </Text>
            </>
          )}
        </Fact>
        {pinned || health.problems.length > 0 ? (
          <Box minW={0}>
            <Term label="Pin enforcement">
              <Flex mb={1}>
                <HealthBadge health={health} />
              </Flex>
            </Term>
            {outcomes === undefined ? undefined : (
              <Term label="Runs since pinned">
                <Text as="span" color={outcomes.failed > 0 ? "red.fg" : undefined}>
                  {describeOutcomes(outcomes)}
                </Text>
              </Term>
            )}
          </Box>
        ) : undefined}
        {hold === null ? undefined : (
          <Fact label="On hold">
            <ExpandableText>{hold.reason}</ExpandableText>
            <Text color="fg.muted">
              <ExpandableText>{hold.actor}</ExpandableText>, <RelativeTime value={hold.held_at} />
            </Text>
            {hold.until === null ? undefined : (
              <Text color="fg.muted">
                until <RelativeTime exact value={hold.until} />
              </Text>
            )}
          </Fact>
        )}
      </Grid>
    </Section>
  );
};
