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

import { Badge, Box, Table, Text } from "@chakra-ui/react";

import type { Event } from "src/api/types";
import { ExpandableText } from "src/components/ExpandableText";
import { CommitLink, EventLink, PinningLink } from "src/components/Links";
import { RelativeTime } from "src/components/RelativeTime";
import { ScrollableTable } from "src/components/ScrollableTable";
import { summaryOf } from "src/lib/text";
import { changeOf, isAboutEveryDag, labelOf, PALETTES, repairedOf, whoDid } from "src/lib/events";

interface Props {
  readonly events: ReadonlyArray<Event>;
  /** Whether the changes are of several Dags. */
  readonly withDags?: boolean;
}

/** Changes, newest first. */
export const EventsTable = ({ events, withDags = false }: Props) => (
  <ScrollableTable caption="History of changes, newest first">
    <Table.Header>
      <Table.Row>
        <Table.ColumnHeader scope="col">Time</Table.ColumnHeader>
        {withDags ? <Table.ColumnHeader scope="col">Dag</Table.ColumnHeader> : undefined}
        <Table.ColumnHeader scope="col">Action</Table.ColumnHeader>
        <Table.ColumnHeader scope="col">Version</Table.ColumnHeader>
        <Table.ColumnHeader display={{ base: "none", md: "table-cell" }} scope="col">
          User
        </Table.ColumnHeader>
        <Table.ColumnHeader display={{ base: "none", md: "table-cell" }} scope="col">
          Reason
        </Table.ColumnHeader>
      </Table.Row>
    </Table.Header>
    <Table.Body>
      {events.map((event) => (
        <Table.Row id={`event-${event.id}`} key={event.id}>
          <Table.Cell>
            <EventLink id={event.id}>
              <RelativeTime exact value={event.created_at} />
            </EventLink>
          </Table.Cell>
          {withDags ? (
            <Table.Cell minW="8rem">
              {isAboutEveryDag(event) ? (
                "All Dags"
              ) : (
                <PinningLink dagId={event.dag_id} here={event.kind === "forgotten"} />
              )}
            </Table.Cell>
          ) : undefined}
          <Table.Cell>
            <Badge colorPalette={PALETTES[event.kind] ?? "gray"}>{labelOf(event)}</Badge>
            <Box display={{ base: "block", md: "none" }} minW="9rem" mt={1}>
              <Text color="fg.muted">{whoDid(event)}</Text>
              <ExpandableText>{event.reason}</ExpandableText>
            </Box>
          </Table.Cell>
          <Table.Cell>
            <Text whiteSpace="nowrap">{changeOf(event)}</Text>
            {event.commit ? (
              <Text color="fg.muted" fontSize="xs" maxW="16rem" minW="8rem" overflowWrap="anywhere">
                <CommitLink commit={event.commit} /> {summaryOf(event.commit)}
              </Text>
            ) : undefined}
          </Table.Cell>
          <Table.Cell display={{ base: "none", md: "table-cell" }} minW="11rem">
            <ExpandableText>{whoDid(event)}</ExpandableText>
          </Table.Cell>
          <Table.Cell display={{ base: "none", md: "table-cell" }} minW="14rem">
            <ExpandableText>{event.reason}</ExpandableText>
            <Text color="fg.muted">{repairedOf(event)}</Text>
            {event.override_reason === null ? undefined : (
              <Text color="fg.muted">
                Override reason: <ExpandableText>{event.override_reason}</ExpandableText>
              </Text>
            )}
          </Table.Cell>
        </Table.Row>
      ))}
    </Table.Body>
  </ScrollableTable>
);
