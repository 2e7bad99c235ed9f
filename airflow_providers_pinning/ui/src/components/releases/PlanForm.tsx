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

import { Field, Input, NativeSelect, SimpleGrid, Textarea } from "@chakra-ui/react";

import { MAX_REASON } from "src/lib/limits";
import type { Draft } from "src/lib/releases";

const ACTIONS = [
  ["commit", "Pin to a commit"],
  ["newest", "Pin each Dag to its candidate, or its newest related version"],
  ["latest", "Pin to what each Dag runs now"],
  ["rollback", "Roll each Dag back to the version before"],
  ["unpin", "Unpin"],
] as const;

const SCOPES = [
  ["changed", "Pinned Dags that the commit changes"],
  ["pinned", "Every pinned Dag of the commit"],
  ["all", "Every Dag of the commit"],
] as const;

interface ChoiceProps<T extends string> {
  readonly label: string;
  readonly onChange: (value: T) => void;
  readonly options: ReadonlyArray<readonly [T, string]>;
  readonly value: T;
}

const Choice = <T extends string>({ label, onChange, options, value }: ChoiceProps<T>) => (
  <Field.Root>
    <Field.Label>{label}</Field.Label>
    <NativeSelect.Root size="sm">
      <NativeSelect.Field
        onChange={({ target }) => onChange((options.find(([one]) => one === target.value) ?? options[0] ?? [value])[0])}
        value={value}
      >
        {options.map(([one, text]) => (
          <option key={one} value={one}>
            {text}
          </option>
        ))}
      </NativeSelect.Field>
      <NativeSelect.Indicator />
    </NativeSelect.Root>
  </Field.Root>
);

interface Props {
  readonly draft: Draft;
  readonly onChange: (changed: Partial<Draft>) => void;
}

/** The inputs of a plan: what to do with which Dags. */
export const PlanForm = ({ draft, onChange }: Props) => (
  <SimpleGrid columns={{ base: 1, md: 2 }} gap={3}>
    <Choice label="Action" onChange={(action) => onChange({ action })} options={ACTIONS} value={draft.action} />
    {draft.action === "commit" ? (
      <>
        <Field.Root required>
          <Field.Label>
            Commit
            <Field.RequiredIndicator />
          </Field.Label>
          <Input onChange={({ target }) => onChange({ commit: target.value })} size="sm" value={draft.commit} />
        </Field.Root>
        <Field.Root>
          <Field.Label>Bundle</Field.Label>
          <Input onChange={({ target }) => onChange({ bundle: target.value })} size="sm" value={draft.bundle} />
          <Field.HelperText>Only needed if several bundles have the commit.</Field.HelperText>
        </Field.Root>
        <Choice
          label="Which Dags, if none are named"
          onChange={(scope) => onChange({ scope })}
          options={SCOPES}
          value={draft.scope}
        />
      </>
    ) : undefined}
    <Field.Root required={draft.action !== "commit"}>
      <Field.Label>
        Dags
        <Field.RequiredIndicator />
      </Field.Label>
      <Textarea onChange={({ target }) => onChange({ dags: target.value })} rows={3} size="sm" value={draft.dags} />
      <Field.HelperText>Dag IDs, one a line; * and ? are wildcards.</Field.HelperText>
    </Field.Root>
    <Field.Root>
      <Field.Label>All but these Dags</Field.Label>
      <Textarea
        onChange={({ target }) => onChange({ exclude: target.value })}
        rows={3}
        size="sm"
        value={draft.exclude}
      />
    </Field.Root>
    <Field.Root>
      <Field.Label>Override reason</Field.Label>
      <Textarea
        maxLength={MAX_REASON}
        onChange={({ target }) => onChange({ override: target.value })}
        rows={2}
        size="sm"
        value={draft.override}
      />
      <Field.HelperText>
        Why holds, rejections, failed verdicts and, if you may, release rules are passed over. Usually empty.
      </Field.HelperText>
    </Field.Root>
  </SimpleGrid>
);
