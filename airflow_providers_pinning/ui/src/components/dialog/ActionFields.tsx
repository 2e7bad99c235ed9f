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

import { Field, Input, Textarea } from "@chakra-ui/react";

import type { ReleaseState } from "src/api/types";
import { IsolationFields } from "src/components/dialog/IsolationFields";
import { LabeledCheckbox } from "src/components/LabeledCheckbox";
import type { Action, Choices } from "src/lib/actions";

interface Props {
  readonly action: Action;
  readonly choices: Choices;
  /** Whether the change needs a reason to override a hold or a rejection. */
  readonly needsOverride: boolean;
  readonly onChange: (choices: Partial<Choices>) => void;
  readonly state: ReleaseState;
}

/** The inputs of the dialog: the reason, and the options of the action. */
export const ActionFields = ({ action, choices, needsOverride, onChange, state }: Props) => (
  <>
    {action.kind === "canary" ? (
      <>
        <Field.Root required>
          <Field.Label>Number of runs</Field.Label>
          <Input
            max={100}
            min={1}
            onChange={({ target }) => onChange({ count: target.valueAsNumber })}
            type="number"
            value={Number.isNaN(choices.count) ? "" : choices.count}
            w="8rem"
          />
        </Field.Root>
        <Field.Root>
          <Field.Label>Configuration</Field.Label>
          <Textarea
            fontFamily="mono"
            onChange={({ target }) => onChange({ conf: target.value })}
            placeholder="{}"
            rows={2}
            value={choices.conf}
          />
          <Field.HelperText>JSON, validated against this version's params.</Field.HelperText>
        </Field.Root>
        <IsolationFields isolation={choices.isolation} onChange={(isolation) => onChange({ isolation })} />
      </>
    ) : undefined}
    <Field.Root required>
      <Field.Label>
        Reason
        <Field.RequiredIndicator />
      </Field.Label>
      <Textarea
        maxLength={2000}
        onChange={({ target }) => onChange({ reason: target.value })}
        onFocus={({ target }) => target.select()}
        rows={2}
        value={choices.reason}
      />
      <Field.HelperText>Shown in the history.</Field.HelperText>
    </Field.Root>
    {action.kind === "rollback" ? (
      <>
        <LabeledCheckbox checked={choices.rejectCurrent} onChange={(rejectCurrent) => onChange({ rejectCurrent })}>
          Reject version {state.active?.version_number} (blocks it from being promoted again)
        </LabeledCheckbox>
        <LabeledCheckbox checked={choices.hold} onChange={(hold) => onChange({ hold })}>
          Hold this version (blocks automatic promotions)
        </LabeledCheckbox>
      </>
    ) : undefined}
    {needsOverride ? (
      <Field.Root required>
        <Field.Label>
          Override reason
          <Field.RequiredIndicator />
        </Field.Label>
        <Textarea
          maxLength={2000}
          onChange={({ target }) => onChange({ override: target.value })}
          rows={2}
          value={choices.override}
        />
        {state.hold ? (
          <Field.HelperText>
            Held by {state.hold.actor}: "{state.hold.reason}". This removes the hold.
          </Field.HelperText>
        ) : undefined}
      </Field.Root>
    ) : undefined}
  </>
);
