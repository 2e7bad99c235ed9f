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

import { Box, Heading, HStack, Link, Skeleton, Stack, Text } from "@chakra-ui/react";
import { Link as RouterLink, useSearchParams } from "react-router-dom";

import { getPoliciesOverview, getReleaseRules, type ReleaseRules } from "src/api/requests";
import type { Policies } from "src/api/types";
import { ErrorNotice } from "src/components/ErrorNotice";
import { ExpandableText } from "src/components/ExpandableText";
import { Notice } from "src/components/Notice";
import { Pages } from "src/components/Pages";
import { FreezesSection } from "src/components/policies/FreezesSection";
import { PolicyEntry } from "src/components/policies/PolicyEntry";
import { YamlText } from "src/components/policies/YamlText";
import { RelativeTime } from "src/components/RelativeTime";
import { Section } from "src/components/Section";
import { HEALTH_INTERVAL, usePolled } from "src/hooks/usePolled";
import { POLICIES_ADDRESS } from "src/lib/policy";
import { plural } from "src/lib/versions";

/** How many policies are shown at once, of up to thousands. */
const POLICIES_SHOWN = 50;

const Revision = ({ actor, created_at: at, document, reason, revision }: Policies) =>
  revision === 0 ? (
    <Text>
      No policies were ever applied, so every change of a pin is allowed unless a freeze stops it. Write some, and apply
      them: airflow pinning policy apply FILE
    </Text>
  ) : (
    <Box overflowWrap="anywhere">
      {`Revision ${revision}, ${plural(document.policies.length, "policy", "policies")}, applied by ${actor ?? ""} `}
      {at ? <RelativeTime exact value={at} /> : undefined}
      <ExpandableText>{reason ?? ""}</ExpandableText>
    </Box>
  );

const Rules = ({ freezes, past, policies }: ReleaseRules) => {
  const [params, setParams] = useSearchParams();
  // Which Dags are selected changes with every file that is parsed, and is asked of all of them.
  const { data, error, refresh } = usePolled(getPoliciesOverview, String(policies.revision), {
    interval: HEALTH_INTERVAL,
  });
  const known = data?.revision === policies.revision ? data : undefined;
  const overviews = new Map(known?.policies.map((one) => [one.name, one]));
  const offset = Math.max(Number.parseInt(params.get("offset") ?? "0", 10) || 0, 0);
  const all = policies.document.policies;

  if (params.get("document") !== null) {
    return (
      <>
        <ErrorNotice error={error} onRetry={refresh} stale={known !== undefined} />
        {known === undefined ? undefined : (
          <YamlText label="The document as YAML">
            {all.length === 0 ? "policies: []\n" : `policies:\n${known.policies.map(({ text }) => text).join("")}`}
          </YamlText>
        )}
      </>
    );
  }

  return (
    <>
      <ErrorNotice error={error} onRetry={refresh} stale={known !== undefined} />
      <FreezesSection freezes={freezes} past={past} policies={known?.policies ?? []} />
      {all.length === 0 ? undefined : (
        <Section title="Policies">
          {known === undefined ? undefined : (
            <Text mb={3}>
              {`${known.bound} of ${plural(known.dags, "Dag")} that you may read ${known.bound === 1 ? "is" : "are"} bound by a policy.`}
            </Text>
          )}
          <Box as="ul" listStyleType="none">
            {all.slice(offset, offset + POLICIES_SHOWN).map((policy) => (
              <PolicyEntry key={policy.name} overview={overviews.get(policy.name)} policy={policy} />
            ))}
          </Box>
          <Pages
            limit={POLICIES_SHOWN}
            offset={offset}
            onMove={(next) =>
              setParams((before) => {
                before.set("offset", String(next));

                return before;
              })
            }
            total={all.length}
          />
        </Section>
      )}
    </>
  );
};

/** The release policies and the freezes that are in force. */
export const PoliciesPage = () => {
  const [params] = useSearchParams();
  const isDocument = params.get("document") !== null;
  const { data, error, refresh } = usePolled(getReleaseRules, "rules");

  return (
    <Stack gap={3} maxW="full" minW={0} p={2}>
      <Heading as="h1" size="lg">
        Release policies and freezes
      </Heading>
      <HStack gap={4} wrap="wrap">
        <Link asChild color="fg.info" fontSize="sm">
          <RouterLink to="/plugin/pins">All pinned Dags</RouterLink>
        </Link>
        {data === undefined ? undefined : (
          <Link asChild color="fg.info" fontSize="sm">
            <RouterLink to={isDocument ? POLICIES_ADDRESS : `${POLICIES_ADDRESS}&document=yes`}>
              {isDocument ? "The rules in words" : "The document as YAML"}
            </RouterLink>
          </Link>
        )}
      </HStack>
      {error?.status === 403 ? (
        <Notice live status="warning" title="You may not read release policies">
          {`${error.message} Ask whoever administers Airflow for it.`}
        </Notice>
      ) : (
        <ErrorNotice error={error} onRetry={refresh} stale={data !== undefined} />
      )}
      {data !== undefined && error?.status !== 403 ? (
        <>
          <Revision {...data.policies} />
          <Rules {...data} />
        </>
      ) : error === undefined ? (
        <Skeleton aria-busy="true" aria-label="Loading" h="12rem" role="status" />
      ) : undefined}
    </Stack>
  );
};
