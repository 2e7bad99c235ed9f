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

import { Table } from "@chakra-ui/react";

import type { Run } from "src/api/types";
import { RunLink } from "src/components/Links";
import { RelativeTime } from "src/components/RelativeTime";
import { ScrollableTable } from "src/components/ScrollableTable";
import { describeIsolation, describeWithheld } from "src/lib/isolation";

interface Props {
  readonly dagId: string;
  readonly runs: ReadonlyArray<Run>;
}

/** The runs of the chart as a table. */
export const RunsTable = ({ dagId, runs }: Props) => {
  const hasCanaries = runs.some(({ kind }) => kind !== "live");

  return (
    <ScrollableTable caption="Runs with their versions, newest first">
      <Table.Header>
        <Table.Row>
          <Table.ColumnHeader scope="col">Run</Table.ColumnHeader>
          <Table.ColumnHeader scope="col">Version</Table.ColumnHeader>
          <Table.ColumnHeader scope="col">Kind</Table.ColumnHeader>
          <Table.ColumnHeader scope="col">State</Table.ColumnHeader>
          <Table.ColumnHeader scope="col">Created</Table.ColumnHeader>
          {hasCanaries ? (
            <>
              <Table.ColumnHeader scope="col">Isolation</Table.ColumnHeader>
              <Table.ColumnHeader scope="col">Withheld</Table.ColumnHeader>
            </>
          ) : undefined}
        </Table.Row>
      </Table.Header>
      <Table.Body>
        {runs.map((run) => (
          <Table.Row key={run.run_id}>
            <Table.Cell>
              <RunLink dagId={dagId} runId={run.run_id} />
            </Table.Cell>
            <Table.Cell>{run.version_number ?? "deleted"}</Table.Cell>
            <Table.Cell>
              {run.replay_of === null ? (
                run.kind
              ) : (
                <>
                  replay of <RunLink dagId={dagId} runId={run.replay_of} />
                </>
              )}
            </Table.Cell>
            <Table.Cell>{run.state}</Table.Cell>
            <Table.Cell>
              <RelativeTime value={run.created_at} />
            </Table.Cell>
            {hasCanaries ? (
              <>
                <Table.Cell>{run.kind === "live" ? "" : describeIsolation(run.isolation)}</Table.Cell>
                <Table.Cell>{describeWithheld(run)}</Table.Cell>
              </>
            ) : undefined}
          </Table.Row>
        ))}
      </Table.Body>
    </ScrollableTable>
  );
};
