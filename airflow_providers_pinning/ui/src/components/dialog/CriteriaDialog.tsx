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

import { Field, Input, NativeSelect, SimpleGrid, Text } from "@chakra-ui/react";
import { useState } from "react";

import { call, dagPath } from "src/api/client";
import type { Criteria } from "src/api/types";
import { ChangeDialog } from "src/components/dialog/ChangeDialog";
import { LabeledCheckbox } from "src/components/LabeledCheckbox";
import { chosen, COMPARED, entered, NUMBERS, problem, type Entered } from "src/lib/criteria";

interface FieldsProps {
  readonly fields: typeof NUMBERS;
  readonly onChange: (changed: Entered) => void;
  readonly values: Entered;
}

const NumberFields = ({ fields, onChange, values }: FieldsProps) => (
  <SimpleGrid columns={{ base: 1, md: 2 }} gap={3}>
    {fields.map(({ field, isCount, label, placeholder }) => (
      <Field.Root key={field}>
        <Field.Label>{label}</Field.Label>
        <Input
          inputMode={isCount ? "numeric" : "decimal"}
          onChange={({ target }) => onChange({ [field]: target.value })}
          placeholder={placeholder}
          size="sm"
          value={values[field] ?? ""}
        />
      </Field.Root>
    ))}
  </SimpleGrid>
);

const RUN_KINDS = [
  ["", "Canary runs"],
  ["live", "Live runs"],
  ["any", "All runs, including manual runs and backfills"],
] as const;

interface Props {
  readonly criteria: Criteria;
  readonly onClose: () => void;
  readonly onDone: () => void;
}

/** Edits what the versions of a Dag are judged by, in every face. */
export const CriteriaDialog = ({ criteria, onClose, onDone }: Props) => {
  const [values, setValues] = useState(() => entered(criteria));
  const change = (changed: Entered) => setValues((before) => ({ ...before, ...changed }));

  return (
    <ChangeDialog
      confirm="Set criteria"
      invalid={problem(values)}
      onClose={onClose}
      onSend={async (reason, key) => {
        await call(`${dagPath(criteria.dag_id)}/criteria`, {
          body: {
            criteria: chosen(values),
            expected_revision: criteria.revision,
            idempotency_key: key,
            reason,
          },
          method: "PUT",
        });
        onDone();
      }}
      title="Criteria for new versions"
    >
      <Text>
        They apply to every version of this Dag: here, on the command line, in the REST API and in promotions. Empty
        fields use the defaults.
      </Text>
      <NumberFields fields={NUMBERS} onChange={change} values={values} />
      <Field.Root>
        <Field.Label>Runs that count</Field.Label>
        <NativeSelect.Root size="sm">
          <NativeSelect.Field
            onChange={({ target }) => change({ run_kinds: target.value })}
            value={values.run_kinds === "canary" ? "" : (values.run_kinds ?? "")}
          >
            {RUN_KINDS.map(([value, text]) => (
              <option key={value} value={value}>
                {text}
              </option>
            ))}
          </NativeSelect.Field>
          <NativeSelect.Indicator />
        </NativeSelect.Root>
      </Field.Root>
      <LabeledCheckbox
        checked={values.failed_tasks !== "ignore"}
        onChange={(counts) => change({ failed_tasks: counts ? "" : "ignore" })}
      >
        A failed task fails an otherwise successful run
      </LabeledCheckbox>
      <LabeledCheckbox
        checked={values.compare === "true"}
        onChange={(compares) => change({ compare: compares ? "true" : "" })}
      >
        Compare with the active version
      </LabeledCheckbox>
      {values.compare === "true" ? <NumberFields fields={COMPARED} onChange={change} values={values} /> : undefined}
    </ChangeDialog>
  );
};
