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

import { Badge, Table, Text } from "@chakra-ui/react";

import type { Event } from "src/api/types";
import type { List } from "src/api/requests";
import { RelativeTime } from "src/components/RelativeTime";
import { ExpandableText } from "src/components/ExpandableText";
import { Section } from "src/components/Section";
import { ScrollableTable } from "src/components/ScrollableTable";

const PALETTES: Record<string, string> = {
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
  confirmed: "hold removed",
  criteria_set: "criteria set",
  failing: "failing since pinned",
  forgotten: "Dag deleted",
};

const change = ({ from_version: from, kind, to_version: to }: Event): string => {
  const [before, after] = [from?.version_number, to?.version_number];

  return ["pinned", "rolled_back", "unpinned"].includes(kind) && before !== undefined && before !== after
    ? `${before} → ${after ?? "none"}`
    : String(after ?? before ?? "");
};

const source = (event: Event): string => {
  const { dag_id: dagId, task_id: taskId } = event.source ?? {};

  return typeof dagId === "string" ? ` (${dagId}.${String(taskId)})` : "";
};

/** The changes of a Dag's versions, newest first. */
export const HistoryTable = ({ events }: { readonly events: List<Event> }) => (
  <Section title="History">
    {events.items.length === 0 ? (
      <Text color="fg.muted">No changes yet.</Text>
    ) : (
      <ScrollableTable caption="History of changes, newest first">
        <Table.Header>
          <Table.Row>
            <Table.ColumnHeader scope="col">Time</Table.ColumnHeader>
            <Table.ColumnHeader scope="col">Action</Table.ColumnHeader>
            <Table.ColumnHeader scope="col">Version</Table.ColumnHeader>
            <Table.ColumnHeader scope="col">User</Table.ColumnHeader>
            <Table.ColumnHeader scope="col">Reason</Table.ColumnHeader>
          </Table.Row>
        </Table.Header>
        <Table.Body>
          {events.items.map((event) => (
            <Table.Row key={event.id}>
              <Table.Cell>
                <RelativeTime exact value={event.created_at} />
              </Table.Cell>
              <Table.Cell>
                <Badge colorPalette={PALETTES[event.kind] ?? "gray"}>
                  {LABELS[event.kind] ?? event.kind.replaceAll("_", " ")}
                </Badge>
              </Table.Cell>
              <Table.Cell whiteSpace="nowrap">{change(event)}</Table.Cell>
              <Table.Cell minW="11rem">
                <ExpandableText>{`${event.actor}${source(event)}`}</ExpandableText>
              </Table.Cell>
              <Table.Cell minW="14rem">
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
