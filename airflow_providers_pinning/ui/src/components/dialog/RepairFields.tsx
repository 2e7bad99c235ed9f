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

import { Field, NativeSelect, Text } from "@chakra-ui/react";

import { LabeledCheckbox } from "src/components/LabeledCheckbox";
import type { Choices } from "src/lib/actions";

interface SelectProps {
  readonly label: string;
  readonly onChoose: (value: string) => void;
  readonly options: Record<string, string>;
  readonly value: string;
}

const Select = ({ label, onChoose, options, value }: SelectProps) => (
  <Field.Root>
    <Field.Label>{label}</Field.Label>
    <NativeSelect.Root>
      <NativeSelect.Field onChange={({ target }) => onChoose(target.value)} value={value}>
        {Object.entries(options).map(([option, text]) => (
          <option key={option} value={option}>
            {text}
          </option>
        ))}
      </NativeSelect.Field>
      <NativeSelect.Indicator />
    </NativeSelect.Root>
  </Field.Root>
);

interface Props {
  readonly choices: Choices;
  readonly onChange: (choices: Partial<Choices>) => void;
  /** Live runs of the version that is replaced, by state; undefined if the user may not edit runs. */
  readonly runs: Record<string, number> | undefined;
  /** The version that is rolled back to. */
  readonly target: number;
  readonly version: number | undefined;
}

/** What becomes of the runs of the version that is rolled back. */
export const RepairFields = ({ choices, onChange, runs = {}, target, version }: Props) => {
  const finished = (runs.success ?? 0) + (runs.failed ?? 0);
  const unfinished = (runs.queued ?? 0) + (runs.running ?? 0);

  return finished + unfinished === 0 ? undefined : (
    <>
      <Text fontSize="sm">
        {`Runs of version ${version} since it became active: ${Object.entries(runs)
          .map(([state, count]) => `${count} ${state === "success" ? "succeeded" : state}`)
          .join(", ")}.`}
      </Text>
      {unfinished === 0 ? undefined : (
        <Select
          label="Unfinished runs"
          onChoose={(value) => onChange({ unfinished: value as Choices["unfinished"] })}
          options={{
            cancel: "Stop them: they end as failed, and are not rerun",
            keep: `Let them finish on version ${version}`,
          }}
          value={choices.unfinished}
        />
      )}
      {finished === 0 ? undefined : (
        <Select
          label="Finished runs"
          onChoose={(value) => onChange({ finished: value as Choices["finished"] })}
          options={{
            failed: `Rerun the ${runs.failed ?? 0} failed on version ${target}`,
            keep: "Leave them as they are",
            rerun: `Rerun all ${finished} on version ${target}`,
          }}
          value={choices.finished}
        />
      )}
      <Text color="fg.muted" fontSize="sm">
        {choices.finished === "keep"
          ? "To rerun runs later, clear them in Airflow, on the latest version: that moves them to the active one."
          : "The tasks of reruns have real side effects again. At most 2,000 runs; that can take a minute or more."}
      </Text>
      {choices.finished === "keep" && choices.unfinished === "keep" ? undefined : (
        <LabeledCheckbox checked={choices.skipBlocked} onChange={(skipBlocked) => onChange({ skipBlocked })}>
          Skip runs that cannot be repaired
        </LabeledCheckbox>
      )}
    </>
  );
};
