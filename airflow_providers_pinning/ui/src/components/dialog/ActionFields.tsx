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
import { CanaryFields } from "src/components/dialog/CanaryFields";
import { RepairFields } from "src/components/dialog/RepairFields";
import { FailureLogs } from "src/components/FailureLogs";
import { LabeledCheckbox } from "src/components/LabeledCheckbox";
import { TIMED, type Action, type Choices } from "src/lib/actions";
import { MAX_REASON } from "src/lib/limits";
import { zoneName } from "src/lib/time";

interface Props {
  readonly action: Action;
  readonly choices: Choices;
  /** Whether the change needs a reason to override what stands in its way. */
  readonly needsOverride: boolean;
  readonly onChange: (choices: Partial<Choices>) => void;
  /** How many live runs can be replayed. */
  readonly replayable: number;
  readonly state: ReleaseState;
}

/** The inputs of the dialog: the reason, and the options of the action. */
export const ActionFields = ({ action, choices, needsOverride, onChange, replayable, state }: Props) => (
  <>
    {action.kind === "canary" ? (
      <CanaryFields
        choices={choices}
        onChange={onChange}
        replayable={replayable}
        state={state}
        version={action.version}
      />
    ) : undefined}
    <Field.Root required>
      <Field.Label>
        Reason
        <Field.RequiredIndicator />
      </Field.Label>
      <Textarea
        maxLength={MAX_REASON}
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
        <RepairFields
          choices={choices}
          onChange={onChange}
          runs={action.runs}
          target={action.version}
          version={state.active?.version_number}
        />
        {state.runs && state.runs.failed > 0 ? <FailureLogs dagId={state.dag_id} /> : undefined}
      </>
    ) : undefined}
    {action.kind === "hold" || (action.kind === "rollback" && choices.hold) ? (
      <Field.Root>
        <Field.Label>Hold until</Field.Label>
        <Input
          onChange={({ target }) => onChange({ until: target.value })}
          type="datetime-local"
          value={choices.until}
          w="16rem"
        />
        <Field.HelperText>Empty: until someone lifts it. In time zone {zoneName()}.</Field.HelperText>
      </Field.Root>
    ) : undefined}
    {TIMED.has(action.kind) ? (
      <Field.Root>
        <Field.Label>Effective from</Field.Label>
        <Input
          onChange={({ target }) => onChange({ from: target.value })}
          step={1}
          type="datetime-local"
          value={choices.from}
          w="16rem"
        />
        <Field.HelperText>
          Empty: at once. In time zone {zoneName()}. Runs that are due then or later change the version, whenever they
          are created.
        </Field.HelperText>
      </Field.Root>
    ) : undefined}
    {needsOverride ? (
      <Field.Root required>
        <Field.Label>
          Override reason
          <Field.RequiredIndicator />
        </Field.Label>
        <Textarea
          maxLength={MAX_REASON}
          onChange={({ target }) => onChange({ override: target.value })}
          rows={2}
          value={choices.override}
        />
        {state.hold ? (
          <Field.HelperText>
            Held by {state.hold.actor}: "{state.hold.reason}". This lifts the hold.
          </Field.HelperText>
        ) : undefined}
      </Field.Root>
    ) : undefined}
  </>
);
