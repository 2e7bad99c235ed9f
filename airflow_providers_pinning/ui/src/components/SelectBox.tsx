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

import { Checkbox, Table } from "@chakra-ui/react";

interface Props {
  readonly checked: boolean | "indeterminate";
  readonly label: string;
  readonly onChange: (checked: boolean) => void;
}

/** A checkbox that selects a row, or all of them. */
export const SelectBox = ({ checked, label, onChange }: Props) => (
  <Checkbox.Root checked={checked} onCheckedChange={(details) => onChange(details.checked === true)} size="sm">
    <Checkbox.HiddenInput aria-label={label} />
    <Checkbox.Control>
      <Checkbox.Indicator />
    </Checkbox.Control>
  </Checkbox.Root>
);

interface AllProps {
  /** The Dags on the page that can be selected. */
  readonly dagIds: ReadonlyArray<string>;
  readonly onSelect: (dagIds: ReadonlyArray<string>, selected: boolean) => void;
  readonly selected: ReadonlySet<string>;
}

/** The header of the column that selects rows. */
export const SelectAllHeader = ({ dagIds, onSelect, selected }: AllProps) => {
  const count = dagIds.filter((dagId) => selected.has(dagId)).length;

  return (
    <Table.ColumnHeader scope="col">
      <SelectBox
        checked={count === 0 ? false : count === dagIds.length || "indeterminate"}
        label="Select all Dags on this page"
        onChange={(chosen) => onSelect(dagIds, chosen)}
      />
    </Table.ColumnHeader>
  );
};
