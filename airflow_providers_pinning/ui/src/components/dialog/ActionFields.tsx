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
import { Check } from "src/components/Check";
import type { Action, Choices } from "src/lib/actions";

interface Props {
  readonly action: Action;
  readonly choices: Choices;
  /** Whether the server asked why its objection is to be passed over. */
  readonly mustOverride: boolean;
  readonly onChange: (choices: Partial<Choices>) => void;
  readonly state: ReleaseState;
}

/** What the person decides: why, and what else the action leaves open. */
export const ActionFields = ({ action, choices, mustOverride, onChange, state }: Props) => (
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
          <Field.HelperText>A JSON object that fits the parameters of that version.</Field.HelperText>
        </Field.Root>
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
      <Field.HelperText>Kept in the history.</Field.HelperText>
    </Field.Root>
    {action.kind === "rollback" ? (
      <>
        <Check checked={choices.rejectCurrent} onChange={(rejectCurrent) => onChange({ rejectCurrent })}>
          Reject version {state.active?.version_number}, so that it is not pinned again
        </Check>
        <Check checked={choices.hold} onChange={(hold) => onChange({ hold })}>
          Put the Dag on hold, so that no promotion replaces this version
        </Check>
      </>
    ) : undefined}
    {mustOverride ? (
      <Field.Root required>
        <Field.Label>
          Why this is done all the same{state.hold ? `, although the Dag is on hold (${state.hold.reason})` : ""}
          <Field.RequiredIndicator />
        </Field.Label>
        <Textarea
          maxLength={2000}
          onChange={({ target }) => onChange({ override: target.value })}
          rows={2}
          value={choices.override}
        />
      </Field.Root>
    ) : undefined}
  </>
);
