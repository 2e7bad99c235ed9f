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

import { Badge, Box, chakra, Heading, Stack, Table, Text } from "@chakra-ui/react";

import type { Freeze, PolicyOverview } from "src/api/types";
import { ExpandableText } from "src/components/ExpandableText";
import { RelativeTime } from "src/components/RelativeTime";
import { ScrollableTable } from "src/components/ScrollableTable";
import { Section } from "src/components/Section";
import { describeEnd, describeMatch, turns } from "src/lib/policy";
import { absolute } from "src/lib/time";
import { plural } from "src/lib/versions";

/** How many windows that are closed, and how many openings and closings, are listed. */
const SHOWN = 10;

const Present = ({ freeze }: { readonly freeze: Freeze }) => (
  <Box as="li">
    <Badge colorPalette="orange">Frozen</Badge> {describeMatch(freeze.match)}
    {freeze.until === null ? ", until somebody lifts it" : `, until ${absolute(freeze.until)}`}
    {`. ${freeze.actor} (freeze ${freeze.id}), `}
    <RelativeTime value={freeze.created_at} />
    {": "}
    <ExpandableText>{freeze.reason}</ExpandableText>
  </Box>
);

const Past = ({ freezes }: { readonly freezes: ReadonlyArray<Freeze> }) => (
  <details>
    <chakra.summary color="fg.muted" cursor="pointer" fontSize="sm">
      {`Past: ${plural(freezes.length, "freeze")}`}
    </chakra.summary>
    <ScrollableTable caption="Past freezes, newest first">
      <Table.Header>
        <Table.Row>
          {["Time", "Dags", "User", "Reason", "End"].map((name) => (
            <Table.ColumnHeader key={name} scope="col">
              {name}
            </Table.ColumnHeader>
          ))}
        </Table.Row>
      </Table.Header>
      <Table.Body>
        {freezes.map((freeze) => {
          const end = freeze.lifted_at ?? freeze.until;

          return (
            <Table.Row key={freeze.id}>
              <Table.Cell>
                <RelativeTime exact value={freeze.created_at} />
              </Table.Cell>
              <Table.Cell minW="8rem" overflowWrap="anywhere">
                {describeMatch(freeze.match)}
              </Table.Cell>
              <Table.Cell overflowWrap="anywhere">{freeze.actor}</Table.Cell>
              <Table.Cell minW="10rem">
                <ExpandableText>{freeze.reason}</ExpandableText>
              </Table.Cell>
              <Table.Cell minW="10rem">
                {end === null ? undefined : <RelativeTime exact value={end} />}
                <ExpandableText>{describeEnd(freeze) ?? "Ended by itself"}</ExpandableText>
              </Table.Cell>
            </Table.Row>
          );
        })}
      </Table.Body>
    </ScrollableTable>
  </details>
);

interface Props {
  /** Those that are in force. */
  readonly freezes: ReadonlyArray<Freeze>;
  /** Those that are over, newest first. */
  readonly past: ReadonlyArray<Freeze>;
  readonly policies: ReadonlyArray<PolicyOverview>;
}

/** What stops changes now, what opens or closes next, and what stopped them before. */
export const FreezesSection = ({ freezes: present, past, policies }: Props) => {
  const shut = policies.filter(({ window }) => window !== null && !window.is_open);
  const next = turns(present, policies);

  return (
    <Section title="Freezes and windows">
      <Stack gap={3} overflowWrap="anywhere">
        <Heading as="h3" size="sm">
          Now
        </Heading>
        {present.length + shut.length === 0 ? (
          <Text>No freeze is in force, and no window is closed.</Text>
        ) : (
          <Box aria-label="Now" as="ul" listStyleType="disc" ps={5}>
            {present.map((freeze) => (
              <Present freeze={freeze} key={freeze.id} />
            ))}
            {shut.slice(0, SHOWN).map(({ name, window }) => (
              <li key={name}>
                <Badge colorPalette="orange">Closed</Badge> {`The windows of ${name}: ${window?.reason ?? ""}`}
              </li>
            ))}
            {shut.length > SHOWN ? <li>{`and the windows of ${shut.length - SHOWN} more policies`}</li> : undefined}
          </Box>
        )}
        <Heading as="h3" size="sm">
          Next
        </Heading>
        {next.length === 0 ? (
          <Text>Nothing that is known ends, opens or closes.</Text>
        ) : (
          <Box aria-label="Next" as="ul" listStyleType="disc" ps={5}>
            {next.slice(0, SHOWN).map(({ at, text }) => (
              <li key={text}>{`${absolute(at)}: ${text}`}</li>
            ))}
            {next.length > SHOWN ? <li>{`and ${next.length - SHOWN} more`}</li> : undefined}
          </Box>
        )}
        {past.length === 0 ? undefined : <Past freezes={past} />}
      </Stack>
    </Section>
  );
};
