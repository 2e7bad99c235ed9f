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

import { Badge, Box, Input, Table, Text } from "@chakra-ui/react";
import { useState } from "react";

import type { Event } from "src/api/types";
import type { List } from "src/api/requests";
import { RelativeTime } from "src/components/RelativeTime";
import { ExpandableText } from "src/components/ExpandableText";
import { Section } from "src/components/Section";
import { ScrollableTable } from "src/components/ScrollableTable";

/** Shorter histories are read rather than searched. */
const SEARCHED_FROM = 5;

const PALETTES: Record<string, string> = {
  held: "orange",
  unheld: "green",
  canary: "purple",
  candidate: "purple",
  pinned: "brand",
  rejected: "red",
  restored: "green",
  repaired: "green",
  acknowledged: "gray",
  failing: "red",
  rolled_back: "red",
};

const LABELS: Record<string, string> = {
  acknowledged: "escaped runs acknowledged",
  canary: "canary started",
  candidate: "marked as candidate",
  confirmed: "confirmed",
  criteria_set: "criteria set",
  failing: "failing since pinned",
  forgotten: "Dag deleted",
  held: "put on hold",
  unheld: "hold removed",
};

const labelOf = ({ kind }: Event): string => LABELS[kind] ?? kind.replaceAll("_", " ");

const change = ({ from_version: from, kind, to_version: to }: Event): string => {
  const [before, after] = [from?.version_number, to?.version_number];

  return ["pinned", "rolled_back", "unpinned"].includes(kind) && before !== undefined && before !== after
    ? `${before} → ${after ?? "none"}`
    : String(after ?? before ?? "");
};

/** Who made the change; a name from the command line is what the operating system or the caller says. */
const who = (event: Event): string =>
  `${event.actor}${event.actor_kind === "cli" ? " (command line)" : ""}${source(event)}`;

const matches = (event: Event, text: string): boolean =>
  [labelOf(event), event.actor, event.reason, event.override_reason ?? "", change(event)].some((value) =>
    value.toLowerCase().includes(text.trim().toLowerCase()),
  );

const source = (event: Event): string => {
  const { dag_id: dagId, task_id: taskId } = event.source ?? {};

  return typeof dagId === "string" ? ` (${dagId}.${String(taskId)})` : "";
};

/** The changes of a Dag's versions, newest first. */
export const HistoryTable = ({ events }: { readonly events: List<Event> }) => {
  const [text, setText] = useState("");
  const shown = events.items.filter((event) => matches(event, text));

  return (
    <Section title="History">
      {events.items.length > SEARCHED_FROM ? (
        <Input
          aria-label="Search the history"
          maxW="20rem"
          mb={2}
          onChange={({ target }) => setText(target.value)}
          placeholder="Search action, user or reason"
          size="sm"
          value={text}
        />
      ) : undefined}
      {events.items.length === 0 ? (
        <Text color="fg.muted">No changes yet.</Text>
      ) : (
        <ScrollableTable caption="History of changes, newest first">
          <Table.Header>
            <Table.Row>
              <Table.ColumnHeader scope="col">Time</Table.ColumnHeader>
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
            {shown.map((event) => (
              <Table.Row id={`event-${event.id}`} key={event.id}>
                <Table.Cell>
                  <RelativeTime exact value={event.created_at} />
                </Table.Cell>
                <Table.Cell>
                  <Badge colorPalette={PALETTES[event.kind] ?? "gray"}>{labelOf(event)}</Badge>
                  <Box display={{ base: "block", md: "none" }} minW="9rem" mt={1}>
                    <Text color="fg.muted">{who(event)}</Text>
                    <ExpandableText>{event.reason}</ExpandableText>
                  </Box>
                </Table.Cell>
                <Table.Cell whiteSpace="nowrap">{change(event)}</Table.Cell>
                <Table.Cell display={{ base: "none", md: "table-cell" }} minW="11rem">
                  <ExpandableText>{who(event)}</ExpandableText>
                </Table.Cell>
                <Table.Cell display={{ base: "none", md: "table-cell" }} minW="14rem">
                  <ExpandableText>{event.reason}</ExpandableText>
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
      )}
      {events.total > events.items.length ? (
        <Text color="fg.muted" fontSize="sm" mt={2}>
          Showing the latest {events.items.length} of {events.total} changes.
        </Text>
      ) : undefined}
    </Section>
  );
};
