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

import { Box, Button, Field, Heading, HStack, Input, Link, Skeleton, Stack, Table, Text } from "@chakra-ui/react";
import { useCallback } from "react";
import { Link as RouterLink, useSearchParams } from "react-router-dom";

import { getUnpinned, UNPINNED_SHOWN } from "src/api/requests";
import type { UnpinnedDag } from "src/api/types";
import { ErrorNotice } from "src/components/ErrorNotice";
import { PinningLink } from "src/components/Links";
import { Pages } from "src/components/Pages";
import { ScrollableTable } from "src/components/ScrollableTable";
import { SelectAllHeader, SelectBox } from "src/components/SelectBox";
import { useDebounced } from "src/hooks/useDebounced";
import { usePolled } from "src/hooks/usePolled";
import { useSelection } from "src/hooks/useSelection";
import { PLAN_ADDRESS, planOf } from "src/lib/releases";
import { plural } from "src/lib/versions";

interface TableProps {
  readonly dags: ReadonlyArray<UnpinnedDag>;
  readonly onSelect: (dagIds: ReadonlyArray<string>, selected: boolean) => void;
  readonly selected: ReadonlySet<string>;
}

const UnpinnedTable = ({ dags, onSelect, selected }: TableProps) => {
  const editable = dags.filter((dag) => dag.editable).map(({ dag_id: dagId }) => dagId);

  return (
    <ScrollableTable caption="Dags that are not pinned">
      <Table.Header>
        <Table.Row>
          {editable.length > 0 ? (
            <SelectAllHeader dagIds={editable} onSelect={onSelect} selected={selected} />
          ) : undefined}
          {["Dag", "Bundle", "Latest version", "Policies that pin new Dags"].map((name) => (
            <Table.ColumnHeader key={name} scope="col">
              {name}
            </Table.ColumnHeader>
          ))}
        </Table.Row>
      </Table.Header>
      <Table.Body>
        {dags.map(({ bundle_name: bundle, dag_id: dagId, editable: isEditable, gates, latest }) => (
          <Table.Row key={dagId}>
            {editable.length > 0 ? (
              <Table.Cell>
                {isEditable ? (
                  <SelectBox
                    checked={selected.has(dagId)}
                    label={`Select ${dagId}`}
                    onChange={(chosen) => onSelect([dagId], chosen)}
                  />
                ) : undefined}
              </Table.Cell>
            ) : undefined}
            <Table.Cell minW="10rem">
              <PinningLink dagId={dagId} here={false} />
            </Table.Cell>
            <Table.Cell overflowWrap="anywhere">{bundle}</Table.Cell>
            <Table.Cell>{latest ?? "none"}</Table.Cell>
            <Table.Cell>{gates.join(", ")}</Table.Cell>
          </Table.Row>
        ))}
      </Table.Body>
    </ScrollableTable>
  );
};

/** The Dags that the user may read and that are not pinned, some at a time: there may be very many. */
export const UnpinnedPage = () => {
  const [params, setParams] = useSearchParams();
  const sought = params.get("dag_id_pattern") ?? "";
  const offset = Math.max(Number.parseInt(params.get("offset") ?? "0", 10) || 0, 0);
  const show = useCallback(
    (text: string, from: number) =>
      setParams(
        { view: "unpinned", ...(text && { dag_id_pattern: text }), ...(from > 0 && { offset: String(from) }) },
        { replace: true },
      ),
    [setParams],
  );
  const search = useCallback((found: string) => show(found, 0), [show]);
  const [text, setText] = useDebounced(sought, search);
  const list = usePolled((signal) => getUnpinned(sought, offset, signal), `${sought} ${offset}`, {
    interval: null,
    keep: true,
  });
  const { select, selected } = useSelection();
  const chosen = [...selected];

  return (
    <Stack gap={3} maxW="full" minW={0} p={2}>
      <Heading as="h1" size="lg">
        Dags that are not pinned
      </Heading>
      <Link asChild color="fg.info" fontSize="sm">
        <RouterLink to="/plugin/pins">All pinned Dags</RouterLink>
      </Link>
      <Text color="fg.muted" fontSize="sm">
        New runs of these Dags use the latest version as soon as it is parsed.
      </Text>
      <Field.Root maxW="20rem">
        <Field.Label>Dag</Field.Label>
        <Input
          onChange={({ target }) => setText(target.value)}
          placeholder="Search Dag ID"
          type="search"
          value={text}
        />
      </Field.Root>
      <ErrorNotice error={list.error} onRetry={list.refresh} stale={list.data !== undefined} />
      {list.data === undefined ? (
        list.error === undefined ? (
          <Skeleton aria-busy="true" aria-label="Loading" h="12rem" role="status" />
        ) : undefined
      ) : (
        <Box aria-busy={list.waiting} opacity={list.waiting ? 0.6 : 1}>
          <Text aria-live="polite" color="fg.muted" fontSize="sm">
            {plural(list.data.total, "Dag")}
            {sought ? (list.data.total === 1 ? " matches" : " match") : ""}
          </Text>
          {chosen.length === 0 ? undefined : (
            <HStack aria-label="Selected Dags" as="section" my={2} wrap="wrap">
              <Text fontSize="sm">{plural(chosen.length, "Dag")} selected</Text>
              <Button asChild size="sm" variant="outline">
                <RouterLink state={planOf("latest", chosen)} to={PLAN_ADDRESS}>
                  Pin {chosen.length} as they are…
                </RouterLink>
              </Button>
            </HStack>
          )}
          {list.data.items.length === 0 ? undefined : (
            <UnpinnedTable dags={list.data.items} onSelect={select} selected={selected} />
          )}
          <Pages limit={UNPINNED_SHOWN} offset={offset} onMove={(next) => show(sought, next)} total={list.data.total} />
        </Box>
      )}
    </Stack>
  );
};
