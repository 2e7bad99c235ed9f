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

import { Button, CloseButton, Dialog, Portal, Stack, Text } from "@chakra-ui/react";
import { useMemo, useRef, useState } from "react";

import { ApiError, call, newKey } from "src/api/client";
import type { ReleaseState } from "src/api/types";
import { ActionFields } from "src/components/dialog/ActionFields";
import { ComparePreview } from "src/components/dialog/ComparePreview";
import { Refusal } from "src/components/dialog/Refusal";
import {
  complaint,
  firstReason,
  offeredAgain,
  outcomeOf,
  requestOf,
  wordingOf,
  type Action,
  type Choices,
  type Outcome,
} from "src/lib/actions";

const PREVIEWED = new Set(["canary", "pin", "rollback", "unpin"]);
const OBJECTIONS = new Set(["held", "version_rejected"]);
const HELD = new Set(["pin", "unpin"]);

const isState = (answer: Partial<ReleaseState>): answer is ReleaseState => answer.health !== undefined;

interface Props {
  readonly action: Action;
  readonly onClose: () => void;
  /** Called with what was done, and with the state that it led to, if the server told that. */
  readonly onDone: (outcome: Outcome, state: ReleaseState | undefined) => void;
  /** Called when the server refused, so that what is shown may be old. */
  readonly onStale: () => void;
  readonly rejected: ReadonlySet<number>;
  readonly state: ReleaseState;
}

/** Asks for a reason, shows what will change, and does it. */
export const ActionDialog = ({ action: offered, onClose, onDone, onStale, rejected, state }: Props) => {
  const [action, setAction] = useState(offered);
  const [base, setBase] = useState(state);
  const [choices, setChoices] = useState<Choices>({
    conf: "",
    count: 1,
    hold: false,
    override: "",
    reason: firstReason(action, state),
    rejectCurrent: true,
  });
  const [refused, setRefused] = useState<{ error: ApiError; seen: number }>();
  const [busy, setBusy] = useState(false);
  const first = useRef<HTMLTextAreaElement | null>(null);
  const wording = wordingOf({ ...action, rejected: rejected.has(action.version) }, base);
  // Nothing is left to compare with.
  const gone = base.health.problems.some(({ reason }) => reason === "version_missing");
  const mustOverride = OBJECTIONS.has(refused?.error.reason ?? "") || (base.hold !== null && HELD.has(action.kind));
  const lacking = complaint(action, choices, mustOverride);
  // The same request sent twice is carried out once; what was changed in between makes another request of it.
  const key = useMemo(newKey, [base, choices]);

  const submit = async () => {
    setBusy(true);
    try {
      // What was entered for an objection that there is no more must not pass over another one.
      const entered = mustOverride ? choices : { ...choices, override: "" };
      const { path, ...request } = requestOf(action, entered, base, key);
      const answer = await call<Partial<ReleaseState>>(path, request);

      onDone(outcomeOf(action, base, answer), isState(answer) ? answer : undefined);
    } catch (problem) {
      const refusal = problem instanceof ApiError ? problem : new ApiError(0, "unexpected", String(problem));

      setRefused({ error: refusal, seen: base.revision });
      if (refusal.state) {
        const [before, after] = [firstReason(action, base), firstReason(action, refusal.state)];

        setBase(refusal.state);
        setAction(offeredAgain(action, refusal.state));
        setChoices({ ...choices, reason: choices.reason === before ? after : choices.reason });
      }
      onStale();
    } finally {
      setBusy(false);
    }
  };

  return (
    <Dialog.Root
      closeOnInteractOutside={false}
      initialFocusEl={() => first.current}
      onOpenChange={({ open }) => (open || busy ? undefined : onClose())}
      open
      scrollBehavior="inside"
      size="lg"
    >
      <Portal>
        <Dialog.Backdrop />
        <Dialog.Positioner>
          <Dialog.Content
            maxH={{ base: "calc(100vh - 1rem)", md: "calc(100vh - 6rem)" }}
            mx={2}
            my={{ base: 2, md: 12 }}
          >
            <Dialog.Header>
              <Dialog.Title>{wording.title}</Dialog.Title>
            </Dialog.Header>
            <Dialog.Body>
              <Stack
                as="form"
                gap={4}
                id="pinning-action"
                onSubmit={(event) => {
                  event.preventDefault();
                  void submit();
                }}
                ref={(form: HTMLElement | null) => {
                  first.current = form?.querySelector("textarea") ?? null;
                }}
              >
                {refused === undefined ? undefined : <Refusal {...refused} />}
                <Text whiteSpace="pre-line">{wording.effect}</Text>
                <ActionFields
                  action={action}
                  choices={choices}
                  mustOverride={mustOverride}
                  onChange={(changed) => setChoices({ ...choices, ...changed })}
                  state={base}
                />
                {PREVIEWED.has(action.kind) && !gone && base.active && base.active.version_number !== action.version ? (
                  <ComparePreview
                    dagId={base.dag_id}
                    from={base.active.version_number}
                    hash={action.versionHash}
                    to={action.version}
                  />
                ) : undefined}
              </Stack>
            </Dialog.Body>
            <Dialog.Footer flexWrap="wrap">
              {lacking === undefined ? undefined : (
                <Text color="fg.muted" flexGrow={1} fontSize="sm">
                  {lacking}
                </Text>
              )}
              <Button disabled={busy} onClick={onClose} variant="outline">
                Cancel
              </Button>
              <Button
                colorPalette={action.kind === "rollback" || action.kind === "reject" ? "danger" : "brand"}
                disabled={lacking !== undefined}
                form="pinning-action"
                loading={busy}
                type="submit"
              >
                {wording.confirm}
              </Button>
            </Dialog.Footer>
            <Dialog.CloseTrigger asChild>
              <CloseButton aria-label="Close" disabled={busy} size="sm" />
            </Dialog.CloseTrigger>
          </Dialog.Content>
        </Dialog.Positioner>
      </Portal>
    </Dialog.Root>
  );
};
