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

import { Box, chakra, Heading, Table, Text } from "@chakra-ui/react";
import { useId, useState } from "react";

import type { List } from "src/api/requests";
import type { Pair, Run } from "src/api/types";
import { RunLink } from "src/components/Links";
import { PairDifferences } from "src/components/replays/PairDifferences";
import { ScrollableTable } from "src/components/ScrollableTable";
import { describeDifferences, describeSeconds, describeStates } from "src/lib/replays";

const COLUMNS = ["Original run", "Replay", "State", "Duration", "Differences"];

interface PairRowsProps {
  readonly dagId: string;
  readonly pair: Pair;
  readonly runs: ReadonlyArray<Run>;
}

const PairRows = ({ dagId, pair, runs }: PairRowsProps) => {
  const id = useId();
  const [open, setOpen] = useState(false);
  const found = describeDifferences(pair);
  const hasMore =
    Boolean(pair.problem ?? pair.differences) ||
    pair.tries.length + pair.set_aside.length + pair.tasks_added.length + pair.tasks_removed.length > 0;

  return (
    <>
      <Table.Row>
        <Table.Cell minW="9rem" verticalAlign="top">
          <RunLink dagId={dagId} runId={pair.original_run_id} />
        </Table.Cell>
        <Table.Cell minW="9rem" verticalAlign="top">
          <RunLink dagId={dagId} runId={pair.run_id} />
        </Table.Cell>
        <Table.Cell verticalAlign="top">{describeStates(pair, runs)}</Table.Cell>
        <Table.Cell verticalAlign="top" whiteSpace="nowrap">
          {describeSeconds(pair)}
        </Table.Cell>
        <Table.Cell verticalAlign="top" whiteSpace="nowrap">
          {found !== undefined && hasMore ? (
            <chakra.button
              aria-controls={open ? id : undefined}
              aria-expanded={open}
              aria-label={`${found} of ${pair.run_id}`}
              color="fg.info"
              cursor="pointer"
              onClick={() => setOpen(!open)}
              type="button"
            >
              {open ? "▾" : "▸"} {found}
            </chakra.button>
          ) : (
            found
          )}
        </Table.Cell>
      </Table.Row>
      {open ? (
        <Table.Row id={id}>
          <Table.Cell colSpan={COLUMNS.length} px={0}>
            {/* As wide as the box that scrolls, and not as the table in it. */}
            <Box fontSize="sm" insetInlineStart={0} maxW="100cqw" position="sticky" px={3}>
              <PairDifferences pair={pair} />
            </Box>
          </Table.Cell>
        </Table.Row>
      ) : undefined}
    </>
  );
};

interface Props {
  readonly dagId: string;
  readonly replays: List<Pair>;
  readonly runs: ReadonlyArray<Run>;
}

/** Replays of live runs beside their originals; each opens to show what differs. */
export const ReplaysTable = ({ dagId, replays: { items, total }, runs }: Props) => {
  const id = useId();

  return (
    <Box aria-labelledby={id} as="section" css={{ containerType: "inline-size" }} mt={4}>
      <Heading as="h3" id={id} size="sm">
        Replays of live runs
      </Heading>
      <ScrollableTable caption="Replays with their original runs, newest first">
        <Table.Header>
          <Table.Row>
            {COLUMNS.map((title) => (
              <Table.ColumnHeader key={title} scope="col">
                {title}
              </Table.ColumnHeader>
            ))}
          </Table.Row>
        </Table.Header>
        <Table.Body>
          {items.map((pair) => (
            <PairRows dagId={dagId} key={pair.run_id} pair={pair} runs={runs} />
          ))}
        </Table.Body>
      </ScrollableTable>
      {total > items.length ? (
        <Text color="fg.muted" fontSize="sm" mt={2}>
          Showing the latest {items.length} of {total} replays.
        </Text>
      ) : undefined}
    </Box>
  );
};
