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

import { Badge, Table } from "@chakra-ui/react";

import type { Release } from "src/api/types";
import { ExpandableText } from "src/components/ExpandableText";
import { PinningLink } from "src/components/Links";
import { ScrollableTable } from "src/components/ScrollableTable";
import { versionsOf } from "src/lib/releases";

interface Props {
  readonly caption: string;
  readonly dags: Release["dags"];
}

/** What a release does, or would do, with each of some Dags. */
export const ReleaseDags = ({ caption, dags }: Props) => (
  <ScrollableTable caption={caption}>
    <Table.Header>
      <Table.Row>
        {["Dag", "Outcome", "Version", "Why"].map((name) => (
          <Table.ColumnHeader key={name} scope="col">
            {name}
          </Table.ColumnHeader>
        ))}
      </Table.Row>
    </Table.Header>
    <Table.Body>
      {dags.map((dag) => (
        <Table.Row key={dag.dag_id}>
          <Table.Cell minW="8rem">
            <PinningLink dagId={dag.dag_id} here={false} />
          </Table.Cell>
          <Table.Cell>{dag.outcome === "blocked" ? <Badge colorPalette="red">blocked</Badge> : dag.outcome}</Table.Cell>
          <Table.Cell>{versionsOf(dag)}</Table.Cell>
          <Table.Cell minW="10rem">
            <ExpandableText>{[dag.message ?? "", ...dag.warnings].filter(Boolean).join("\n")}</ExpandableText>
          </Table.Cell>
        </Table.Row>
      ))}
    </Table.Body>
  </ScrollableTable>
);
