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

import { Field, Input, NativeSelect, Textarea } from "@chakra-ui/react";
import { useState } from "react";

import { getParams } from "src/api/requests";
import type { ReleaseState } from "src/api/types";
import { IsolationFields } from "src/components/dialog/IsolationFields";
import { ParamFields } from "src/components/dialog/ParamFields";
import { LabeledCheckbox } from "src/components/LabeledCheckbox";
import { usePolled } from "src/hooks/usePolled";
import type { Choices } from "src/lib/actions";
import { MAX_CANARY_RUNS, MAX_ID } from "src/lib/limits";
import { readConf } from "src/lib/params";

interface NumberProps {
  readonly helper?: string;
  readonly label: string;
  readonly onChange: (value: number) => void;
  readonly value: number;
}

const NumberOfRuns = ({ helper, label, onChange, value }: NumberProps) => (
  <Field.Root required>
    <Field.Label>{label}</Field.Label>
    <Input
      max={MAX_CANARY_RUNS}
      min={1}
      onChange={({ target }) => onChange(target.valueAsNumber)}
      type="number"
      value={Number.isNaN(value) ? "" : value}
      w="8rem"
    />
    {helper === undefined ? undefined : <Field.HelperText>{helper}</Field.HelperText>}
  </Field.Root>
);

interface ConfigurationProps {
  readonly conf: string;
  readonly dagId: string;
  readonly onChange: (conf: string) => void;
  readonly version: number;
}

/** The configuration of new runs: a form where the version has parameters, and JSON. */
const Configuration = ({ conf, dagId, onChange, version }: ConfigurationProps) => {
  const { data: params = [] } = usePolled((signal) => getParams(dagId, version, signal), `${dagId} ${version}`, {
    interval: null,
  });
  const isReadable = readConf(conf) !== undefined;
  const [wantsJson, setWantsJson] = useState(!isReadable);
  const asJson = wantsJson || params.length === 0;

  return (
    <>
      {params.length === 0 ? undefined : (
        <LabeledCheckbox checked={asJson} onChange={(json) => setWantsJson(json || !isReadable)}>
          Configuration as JSON
        </LabeledCheckbox>
      )}
      {asJson ? (
        <Field.Root>
          <Field.Label>Configuration</Field.Label>
          <Textarea
            fontFamily="mono"
            onChange={({ target }) => onChange(target.value)}
            placeholder="{}"
            rows={2}
            value={conf}
          />
          <Field.HelperText>
            JSON, validated against this version's params.
            {params.length === 0 || isReadable ? "" : " The form needs a valid JSON object."}
          </Field.HelperText>
        </Field.Root>
      ) : (
        <ParamFields conf={conf} onChange={onChange} params={params} />
      )}
    </>
  );
};

interface Props {
  readonly choices: Choices;
  readonly onChange: (choices: Partial<Choices>) => void;
  /** How many live runs can be replayed. */
  readonly replayable: number;
  readonly state: ReleaseState;
  readonly version: number;
}

/** What canary runs work on, and how they are kept apart from live runs. */
export const CanaryFields = ({ choices, onChange, replayable, state, version }: Props) => (
  <>
    {replayable > 0 ? (
      <Field.Root>
        <Field.Label>Inputs</Field.Label>
        <NativeSelect.Root size="sm">
          <NativeSelect.Field
            onChange={({ target }) => onChange({ inputs: target.value === "replay" ? "replay" : "new" })}
            value={choices.inputs}
          >
            <option value="replay">Replay the last live runs, and compare</option>
            <option value="new">New runs</option>
          </NativeSelect.Field>
          <NativeSelect.Indicator />
        </NativeSelect.Root>
      </Field.Root>
    ) : undefined}
    {choices.inputs === "replay" ? (
      <>
        <NumberOfRuns
          helper={`The newest successful live runs of version ${state.active?.version_number ?? "?"}. Each replay works on the inputs of its original and is compared with it.`}
          label="Number of live runs"
          onChange={(last) => onChange({ last })}
          value={choices.last}
        />
        <LabeledCheckbox checked={choices.baseline} onChange={(baseline) => onChange({ baseline })}>
          Also replay them with version {state.active?.version_number ?? "?"}, to ignore outputs that are not
          deterministic
        </LabeledCheckbox>
      </>
    ) : (
      <>
        <NumberOfRuns label="Number of runs" onChange={(count) => onChange({ count })} value={choices.count} />
        <Configuration
          conf={choices.conf}
          dagId={state.dag_id}
          onChange={(conf) => onChange({ conf })}
          version={version}
        />
        <Field.Root>
          <Field.Label>Partition key</Field.Label>
          <Input
            maxLength={MAX_ID}
            onChange={({ target }) => onChange({ partition: target.value })}
            size="sm"
            value={choices.partition}
          />
          <Field.HelperText>Only for partitioned Dags. Default: the partition of the last live run.</Field.HelperText>
        </Field.Root>
      </>
    )}
    <IsolationFields isolation={choices.isolation} onChange={(isolation) => onChange({ isolation })} />
  </>
);
