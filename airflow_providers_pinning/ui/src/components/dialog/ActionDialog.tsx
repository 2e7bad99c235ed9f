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
import { useRef, useState } from "react";

import { ApiError, call, newKey } from "src/api/client";
import type { Explanation, ReleaseState, Soak, Version } from "src/api/types";
import { ActionFields } from "src/components/dialog/ActionFields";
import { ComparePreview } from "src/components/dialog/ComparePreview";
import { Notice } from "src/components/Notice";
import { RequestFailure } from "src/components/dialog/RequestFailure";
import { VersionChoice } from "src/components/dialog/VersionChoice";
import { UnmetRules } from "src/components/UnmetRules";
import {
  actionOn,
  validationError,
  defaultReason,
  rebased,
  outcomeOf,
  requestOf,
  wordingOf,
  type Action,
  type Answer,
  type Choices,
  type Outcome,
} from "src/lib/actions";
import { blank, draftOf, dropDraft, keepDraft } from "src/lib/drafts";
import { needsOverride, POLICY, seenRules } from "src/lib/objections";
import { plural } from "src/lib/versions";

const PREVIEWED = new Set(["canary", "pin", "rollback", "unpin"]);
const VERDICT_STATUS: Record<string, "error" | "info" | "success" | "warning"> = {
  failed: "error",
  inconclusive: "warning",
  progressing: "warning",
  successful: "success",
};

const isState = (answer: Answer): answer is ReleaseState => answer.health !== undefined;

interface Props {
  readonly action: Action;
  /** Whether the user may pass over rules of release policies. */
  readonly mayOverride: boolean;
  readonly onClose: () => void;
  /** Called with the outcome, and with the state that it led to if the server sent it. */
  readonly onDone: (outcome: Outcome, state: ReleaseState | undefined) => void;
  /** Called when the request failed, so that the page may be out of date. */
  readonly onStale: () => void;
  /** The release rules of the version, if they are known. */
  readonly policy: Explanation | null;
  readonly rejected: ReadonlySet<number>;
  /** How many canary runs the verdict still needs. */
  readonly runsNeeded: number;
  /** The verdict on the version, if there is one. */
  readonly soak: Soak | null;
  /** How many live runs of the active version a canary can replay. */
  readonly replayable: number;
  readonly state: ReleaseState;
  readonly versions: ReadonlyArray<Version>;
}

/** Asks for a reason, shows what will change, and makes the change. */
export const ActionDialog = ({
  action: offered,
  mayOverride,
  onClose,
  onDone,
  onStale,
  policy,
  rejected,
  replayable,
  runsNeeded,
  soak,
  state,
  versions,
}: Props) => {
  const [action, setAction] = useState(offered);
  const [base, setBase] = useState(state);
  const [choices, setChoices] = useState<Choices>(
    () => draftOf(state.dag_id, action) ?? blank(action, state, { needed: runsNeeded, replayable }),
  );
  const [refused, setRefused] = useState<{ error: ApiError; seen: number }>();
  const [attempted, setAttempted] = useState(false);
  const [busy, setBusy] = useState(false);
  const [progress, setProgress] = useState("");
  const first = useRef<HTMLElement | null>(null);
  // Somebody else made this very rollback: nothing is left to do.
  const isDone = refused?.error.already !== undefined;
  const close = () => {
    keepDraft(state.dag_id, offered, choices);
    onClose();
  };
  const wording = wordingOf({ ...action, rejected: rejected.has(action.version) }, base);
  // There is nothing to compare with.
  const isDeleted = base.health.problems.some(({ reason }) => reason === "version_missing");
  const verdict = action.kind === "pin" ? soak : null;
  const overrides = needsOverride(action.kind, {
    mayOverride,
    refusal: refused?.error,
    state: base,
    verdict: verdict?.verdict,
  });
  const invalid = validationError(action, choices, overrides);
  // The answer to a change at a later time is about that time.
  const expected = action.kind === "pin" && choices.from === "" && refused?.error.reason !== POLICY ? policy : null;
  // Sending the same request again replays it; a request with other choices gets a key of its own.
  const sent = useRef<{ base: ReleaseState; choices: Choices; key: string }>(undefined);

  const submit = async () => {
    setAttempted(true);
    if (invalid !== undefined) {
      return;
    }
    if (sent.current?.base !== base || sent.current.choices !== choices) {
      sent.current = { base, choices, key: newKey() };
    }
    setBusy(true);
    try {
      // An override reason for an objection that no longer exists must not override another one.
      const entered = overrides ? choices : { ...choices, override: "" };
      const { path, ...request } = requestOf(
        action,
        entered,
        base,
        sent.current.key,
        seenRules(policy, refused?.error),
      );
      let answer = await call<Answer>(path, request);

      // A repair of many runs takes several requests: each goes on where the last one ended.
      for (let left = answer.repair?.pending ?? 0; left > 0;) {
        const all = (answer.repair?.canceled.length ?? 0) + (answer.repair?.rerun.length ?? 0);

        setProgress(`Rolled back. Repaired ${all - left} of ${all} runs…`);
        answer = { ...(await call<Answer>(path, request)), repeated: answer.repeated };
        if ((answer.repair?.pending ?? 0) >= left) {
          break;
        }
        left = answer.repair?.pending ?? 0;
      }

      dropDraft(state.dag_id, offered);
      onDone(outcomeOf(action, base, answer), isState(answer) ? answer : undefined);
    } catch (problem) {
      const refusal = problem instanceof ApiError ? problem : new ApiError(0, "unexpected", String(problem));

      setAttempted(false);
      setRefused({ error: refusal, seen: base.revision });
      if (refusal.already) {
        dropDraft(state.dag_id, offered);
      } else if (refusal.state) {
        const [before, after] = [defaultReason(action, base), defaultReason(action, refusal.state)];

        setBase(refusal.state);
        setAction(rebased(action, refusal.state));
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
      onOpenChange={({ open }) => (open || busy ? undefined : close())}
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
              <Dialog.Title>{isDone ? "Already rolled back" : wording.title}</Dialog.Title>
            </Dialog.Header>
            <Dialog.Body>
              <form
                id="pinning-action"
                noValidate
                onSubmit={(event) => {
                  event.preventDefault();
                  void submit();
                }}
                ref={(form) => {
                  // Once nothing is left to fill in, the dialog itself gets the focus.
                  first.current = form?.querySelector("textarea") ?? form?.closest('[role="dialog"]') ?? null;
                }}
              >
                <Stack gap={4}>
                  {refused === undefined ? undefined : <RequestFailure {...refused} mayOverride={mayOverride} />}
                  {isDone ? undefined : (
                    <>
                      {action.kind === "rollback" ? (
                        <VersionChoice
                          active={base.active?.version_number}
                          chosen={action.version}
                          onChoose={(version) =>
                            setAction({ ...actionOn("rollback", version), runs: action.runs, skipped: [] })
                          }
                          versions={versions}
                        />
                      ) : undefined}
                      <Text whiteSpace="pre-line">{wording.effect}</Text>
                      {verdict === null ? undefined : (
                        <Notice
                          status={VERDICT_STATUS[verdict.verdict] ?? "warning"}
                          title={`The verdict on version ${action.version} is ${verdict.verdict}`}
                        >
                          {verdict.message}
                          {verdict.verdict === "failed" ? " Say why you promote it anyway." : ""}
                        </Notice>
                      )}
                      {expected === null || expected.allowed ? undefined : (
                        <Notice status="warning" title={`${plural(expected.unmet.length, "release rule")} not met`}>
                          <UnmetRules unmet={expected.unmet} />
                        </Notice>
                      )}
                      <ActionFields
                        action={action}
                        choices={choices}
                        needsOverride={overrides}
                        onChange={(changed) => setChoices({ ...choices, ...changed })}
                        replayable={replayable}
                        state={base}
                      />
                    </>
                  )}
                  {!isDone &&
                  PREVIEWED.has(action.kind) &&
                  !isDeleted &&
                  base.active &&
                  base.active.version_number !== action.version ? (
                    <ComparePreview
                      dagId={base.dag_id}
                      from={base.active.version_number}
                      hash={action.versionHash}
                      key={`${base.active.version_number}-${action.version}-${action.versionHash}`}
                      to={action.version}
                    />
                  ) : undefined}
                </Stack>
              </form>
            </Dialog.Body>
            <Dialog.Footer flexWrap="wrap">
              {progress === "" || !busy ? undefined : (
                <Text flexGrow={1} fontSize="sm" role="status">
                  {progress}
                </Text>
              )}
              {invalid === undefined || !attempted ? undefined : (
                <Text color="red.fg" flexGrow={1} fontSize="sm" role="alert">
                  {invalid}
                </Text>
              )}
              <Button disabled={busy} onClick={isDone ? onClose : close} variant="outline">
                {isDone ? "Close" : "Cancel"}
              </Button>
              {isDone ? undefined : (
                <Button
                  colorPalette={action.kind === "rollback" || action.kind === "reject" ? "danger" : "brand"}
                  form="pinning-action"
                  loading={busy}
                  type="submit"
                >
                  {wording.confirm}
                </Button>
              )}
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
