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
import { Moment } from "src/components/Moment";
import { Prose } from "src/components/Prose";
import { Section } from "src/components/Section";
import { TableBox } from "src/components/TableBox";

const PALETTES: Record<string, string> = {
  canary: "purple",
  candidate: "purple",
  pinned: "brand",
  rejected: "red",
  restored: "green",
  repaired: "green",
  acknowledged: "gray",
  rolled_back: "red",
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

/** Who changed what, when and why. */
export const HistoryTable = ({ events }: { readonly events: List<Event> }) => (
  <Section title="History">
    {events.items.length === 0 ? (
      <Text color="fg.muted">Nothing was changed yet.</Text>
    ) : (
      <TableBox caption="History of changes, newest first">
        <Table.Header>
          <Table.Row>
            <Table.ColumnHeader scope="col">When</Table.ColumnHeader>
            <Table.ColumnHeader scope="col">What</Table.ColumnHeader>
            <Table.ColumnHeader scope="col">Version</Table.ColumnHeader>
            <Table.ColumnHeader scope="col">Who</Table.ColumnHeader>
            <Table.ColumnHeader scope="col">Why</Table.ColumnHeader>
          </Table.Row>
        </Table.Header>
        <Table.Body>
          {events.items.map((event) => (
            <Table.Row key={event.id}>
              <Table.Cell>
                <Moment exact value={event.created_at} />
              </Table.Cell>
              <Table.Cell>
                <Badge colorPalette={PALETTES[event.kind] ?? "gray"}>{event.kind.replaceAll("_", " ")}</Badge>
              </Table.Cell>
              <Table.Cell whiteSpace="nowrap">{change(event)}</Table.Cell>
              <Table.Cell minW="11rem">
                <Prose>{`${event.actor}${source(event)}`}</Prose>
              </Table.Cell>
              <Table.Cell minW="14rem">
                <Prose>{event.reason}</Prose>
                {event.override_reason === null ? undefined : (
                  <Text color="fg.muted">
                    Overridden: <Prose>{event.override_reason}</Prose>
                  </Text>
                )}
              </Table.Cell>
            </Table.Row>
          ))}
        </Table.Body>
      </TableBox>
    )}
    {events.total > events.items.length ? (
      <Text color="fg.muted" fontSize="sm" mt={2}>
        The newest {events.items.length} of {events.total} changes are shown.
      </Text>
    ) : undefined}
  </Section>
);
