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

import { Badge, Button, HStack, Table } from "@chakra-ui/react";

import type { PinOrder, PinSummary } from "src/api/types";
import { HealthBadge } from "src/components/HealthBadge";
import { BundleVersion, PinningLink, VersionLink } from "src/components/Links";
import { RelativeTime } from "src/components/RelativeTime";
import { ExpandableText, MultilineText } from "src/components/ExpandableText";
import { ScrollableTable } from "src/components/ScrollableTable";
import { SelectAllHeader, SelectBox } from "src/components/SelectBox";
import { describePending } from "src/lib/actions";
import { rampMark, rampTitle } from "src/lib/ramps";
import { describeOutcomes } from "src/lib/runs";
import { directionOf, nextOrder, type PinColumn } from "src/lib/pinsQuery";

interface HeaderProps {
  readonly children: string;
  readonly column: PinColumn;
  readonly onOrder: (order: PinOrder) => void;
  readonly order: PinOrder;
}

const ARROWS = { ascending: " ▲", descending: " ▼" } as const;

const SortableHeader = ({ children, column, onOrder, order }: HeaderProps) => {
  const direction = directionOf(column, order);

  return (
    <Table.ColumnHeader aria-sort={direction ?? "none"} scope="col">
      <Button
        color="inherit"
        fontSize="inherit"
        fontWeight="inherit"
        h="auto"
        onClick={() => onOrder(nextOrder(column, order))}
        minW={0}
        p={0}
        size="sm"
        variant="plain"
      >
        {children}
        <span aria-hidden="true">{direction ? ARROWS[direction] : ""}</span>
      </Button>
    </Table.ColumnHeader>
  );
};

const COLUMNS = 9;

interface RowProps {
  /** Undefined if no row can be selected. */
  readonly onSelect: ((dagIds: ReadonlyArray<string>, selected: boolean) => void) | undefined;
  readonly selected: boolean;
  readonly summary: PinSummary;
}

const PinRow = ({ onSelect, selected, summary }: RowProps) => {
  const {
    active,
    dag_id: dagId,
    head,
    health,
    hold,
    latest_version_number: latest,
    pending,
    pin,
    ramp,
    runs,
  } = summary;
  const behind = summary.versions_behind;
  const edge = health.problems.length > 0 ? { borderBottomWidth: 0 } : {};

  return (
    <>
      <Table.Row>
        {onSelect ? (
          <Table.Cell {...edge}>
            {summary.editable ? (
              <SelectBox
                checked={selected}
                label={`Select ${dagId}`}
                onChange={(chosen) => onSelect([dagId], chosen)}
              />
            ) : undefined}
          </Table.Cell>
        ) : undefined}
        <Table.Cell {...edge} minW="10rem">
          <PinningLink dagId={dagId} here={health.status === "broken"} />
        </Table.Cell>
        <Table.Cell {...edge}>
          <HStack gap={1} wrap="wrap">
            <HealthBadge health={health} />
            {head.message === null ? undefined : <Badge title={head.message}>{head.status} at HEAD</Badge>}
            {pending ? (
              <Badge
                colorPalette="blue"
                title={`${describePending(pending)} at ${pending.effective_from}: ${pending.reason}`}
              >
                change pending
              </Badge>
            ) : undefined}
            {ramp ? (
              <Badge
                colorPalette={ramp.message === null ? "blue" : "orange"}
                title={`${rampTitle(ramp)}. ${ramp.reason} (${ramp.actor})${ramp.message === null ? "" : ` Waiting: ${ramp.message}`}`}
              >
                {rampMark(ramp)}
              </Badge>
            ) : undefined}
            {hold === null ? undefined : (
              <Badge colorPalette="orange" title={`${hold.actor}: ${hold.reason}`}>
                on hold
              </Badge>
            )}
          </HStack>
        </Table.Cell>
        <Table.Cell {...edge} whiteSpace="nowrap">
          {runs.failing ? (
            <Badge colorPalette="red" title="The newest finished run since the pin failed.">
              failing
            </Badge>
          ) : undefined}{" "}
          {describeOutcomes(runs)}
        </Table.Cell>
        <Table.Cell {...edge} whiteSpace="nowrap">
          <VersionLink dagId={dagId} version={active} /> <BundleVersion version={active} />
        </Table.Cell>
        <Table.Cell {...edge}>{latest ?? "none"}</Table.Cell>
        <Table.Cell {...edge}>{behind > 0 ? <Badge colorPalette="orange">{behind}</Badge> : 0}</Table.Cell>
        <Table.Cell {...edge}>
          <RelativeTime value={pin.pinned_at} />
        </Table.Cell>
        <Table.Cell {...edge} minW="6rem">
          <ExpandableText>{pin.actor}</ExpandableText>
        </Table.Cell>
        <Table.Cell {...edge} maxW="24rem" minW="12rem">
          <ExpandableText>{pin.reason}</ExpandableText>
        </Table.Cell>
      </Table.Row>
      {health.problems.length > 0 ? (
        <Table.Row>
          <Table.Cell color="red.fg" colSpan={COLUMNS + (onSelect ? 1 : 0)} fontSize="sm" pt={0}>
            <MultilineText>{health.problems.map(({ message }) => message).join("\n")}</MultilineText>
          </Table.Cell>
        </Table.Row>
      ) : undefined}
    </>
  );
};

interface Props {
  readonly onOrder: (order: PinOrder) => void;
  readonly order: PinOrder;
  readonly onSelect: (dagIds: ReadonlyArray<string>, selected: boolean) => void;
  readonly pins: ReadonlyArray<PinSummary>;
  readonly selected: ReadonlySet<string>;
}

/** One row per pin. */
export const PinsTable = ({ onOrder, onSelect, order, pins, selected }: Props) => {
  const editable = pins.filter((pin) => pin.editable).map(({ dag_id: dagId }) => dagId);
  const select = editable.length > 0 ? onSelect : undefined;

  return (
    <ScrollableTable caption="Pinned Dags">
      <Table.Header>
        <Table.Row>
          {select ? <SelectAllHeader dagIds={editable} onSelect={select} selected={selected} /> : undefined}
          <SortableHeader column="dag_id" onOrder={onOrder} order={order}>
            Dag
          </SortableHeader>
          <Table.ColumnHeader scope="col">Enforcement</Table.ColumnHeader>
          <SortableHeader column="failed_runs" onOrder={onOrder} order={order}>
            Runs since pinned
          </SortableHeader>
          <Table.ColumnHeader scope="col">Active</Table.ColumnHeader>
          <Table.ColumnHeader scope="col">Latest</Table.ColumnHeader>
          <SortableHeader column="versions_behind" onOrder={onOrder} order={order}>
            Behind
          </SortableHeader>
          <SortableHeader column="pinned_at" onOrder={onOrder} order={order}>
            Pinned
          </SortableHeader>
          <SortableHeader column="actor" onOrder={onOrder} order={order}>
            By
          </SortableHeader>
          <Table.ColumnHeader scope="col">Reason</Table.ColumnHeader>
        </Table.Row>
      </Table.Header>
      <Table.Body>
        {pins.map((pin) => (
          <PinRow key={pin.dag_id} onSelect={select} selected={selected.has(pin.dag_id)} summary={pin} />
        ))}
      </Table.Body>
    </ScrollableTable>
  );
};
