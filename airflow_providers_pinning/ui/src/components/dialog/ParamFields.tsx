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

import { Field, Input, NativeSelect, Stack, Textarea } from "@chakra-ui/react";
import { useState } from "react";

import type { Param } from "src/api/types";
import { LabeledCheckbox } from "src/components/LabeledCheckbox";
import { confWith, isRequired, kindOf, parsed, valueOf, written } from "src/lib/params";

interface FieldProps {
  readonly conf: string;
  readonly onChange: (conf: string) => void;
  readonly param: Param;
}

const ChoiceField = ({ conf, onChange, param }: FieldProps) => {
  const options = param.json_schema.enum as Array<unknown>;
  const chosen = JSON.stringify(valueOf(conf, param));
  const isListed = options.some((option) => JSON.stringify(option) === chosen);

  return (
    <NativeSelect.Root size="sm">
      <NativeSelect.Field
        onChange={({ target }) => onChange(confWith(conf, param, parsed(target.value, "json")))}
        value={isListed ? chosen : ""}
      >
        {isListed ? undefined : <option value="">Choose a value</option>}
        {options.map((option) => (
          <option key={JSON.stringify(option)} value={JSON.stringify(option)}>
            {written(option, "text") || JSON.stringify(option)}
          </option>
        ))}
      </NativeSelect.Field>
      <NativeSelect.Indicator />
    </NativeSelect.Root>
  );
};

/** What is typed is kept as it is, even while it is no number or no JSON yet. */
const TextField = ({ conf, onChange, param }: FieldProps) => {
  const kind = kindOf(param);
  const [text, setText] = useState(written(valueOf(conf, param), kind));
  const type = (entered: string) => {
    setText(entered);
    onChange(confWith(conf, param, parsed(entered, kind)));
  };

  return kind === "json" || param.json_schema.format === "multiline" ? (
    <Textarea
      fontFamily={kind === "json" ? "mono" : undefined}
      onChange={({ target }) => type(target.value)}
      rows={2}
      value={text}
    />
  ) : (
    <Input
      inputMode={kind === "number" ? "decimal" : "text"}
      onChange={({ target }) => type(target.value)}
      size="sm"
      value={text}
    />
  );
};

const ParamField = ({ conf, onChange, param }: FieldProps) => {
  const kind = kindOf(param);
  const label = typeof param.json_schema.title === "string" ? param.json_schema.title : param.name;
  const helper = [param.description ?? "", kind === "json" ? "As JSON." : ""].filter(Boolean).join(" ");

  return (
    <Field.Root required={isRequired(param)}>
      {kind === "flag" ? (
        <LabeledCheckbox
          checked={valueOf(conf, param) === true}
          onChange={(checked) => onChange(confWith(conf, param, checked))}
        >
          {label}
        </LabeledCheckbox>
      ) : (
        <>
          <Field.Label>
            {label}
            <Field.RequiredIndicator />
          </Field.Label>
          {kind === "choice" ? (
            <ChoiceField conf={conf} onChange={onChange} param={param} />
          ) : (
            <TextField conf={conf} onChange={onChange} param={param} />
          )}
        </>
      )}
      {helper === "" ? undefined : <Field.HelperText whiteSpace="pre-line">{helper}</Field.HelperText>}
    </Field.Root>
  );
};

interface Props {
  readonly conf: string;
  readonly onChange: (conf: string) => void;
  readonly params: ReadonlyArray<Param>;
}

/** A field for each parameter of a version, as in Airflow's form that triggers a run. */
export const ParamFields = ({ conf, onChange, params }: Props) => (
  <Stack aria-label="Parameters" as="fieldset" gap={3} minW={0}>
    {params.map((param) => (
      <ParamField conf={conf} key={param.name} onChange={onChange} param={param} />
    ))}
  </Stack>
);
