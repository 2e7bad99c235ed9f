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

import { Field, Flex, Input } from "@chakra-ui/react";
import { useCallback } from "react";

import type { PinsQuery } from "src/api/requests";
import { LabeledCheckbox } from "src/components/LabeledCheckbox";
import { useDebounced } from "src/hooks/useDebounced";

interface Props {
  readonly onChange: (changed: Partial<PinsQuery>) => void;
  readonly query: PinsQuery;
}

const FIELDS = [
  ["text", "Dag", "Search Dag ID"],
  ["tag", "Tag", "Exact name"],
  ["owner", "Owner", "Exact name"],
  ["bundle", "Bundle", "Exact name"],
  ["actor", "Pinned by", "Exact name"],
] as const;

interface FieldProps extends Props {
  readonly field: (typeof FIELDS)[number];
}

const TextFilter = ({ field: [name, label, placeholder], onChange, query }: FieldProps) => {
  const search = useCallback((sought: string) => onChange({ [name]: sought, offset: 0 }), [name, onChange]);
  const [text, setText] = useDebounced(query[name], search);

  return (
    <Field.Root maxW={name === "text" ? "20rem" : "10rem"}>
      <Field.Label>{label}</Field.Label>
      <Input onChange={({ target }) => setText(target.value)} placeholder={placeholder} type="search" value={text} />
    </Field.Root>
  );
};

/** The filters; a search starts when typing pauses. */
export const PinFilters = ({ onChange, query }: Props) => (
  <Flex align="flex-end" gap={4} wrap="wrap">
    {FIELDS.map((field) => (
      <TextFilter field={field} key={field[0]} onChange={onChange} query={query} />
    ))}
    <LabeledCheckbox checked={query.behind} onChange={(behind) => onChange({ behind, offset: 0 })}>
      Behind the latest version
    </LabeledCheckbox>
    <LabeledCheckbox checked={query.unhealthy} onChange={(unhealthy) => onChange({ offset: 0, unhealthy })}>
      Enforcement problems
    </LabeledCheckbox>
    <LabeledCheckbox checked={query.failing} onChange={(failing) => onChange({ failing, offset: 0 })}>
      Failing since pinned
    </LabeledCheckbox>
  </Flex>
);
