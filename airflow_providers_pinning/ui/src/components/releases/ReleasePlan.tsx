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

import { Button, HStack, Stack, Text } from "@chakra-ui/react";
import { useEffect, useState } from "react";
import { useLocation, useNavigate } from "react-router-dom";

import { ApiError } from "src/api/client";
import { makeRelease, planRelease } from "src/api/requests";
import type { Release } from "src/api/types";
import { ChangeDialog } from "src/components/dialog/ChangeDialog";
import { Notice } from "src/components/Notice";
import { PlanForm } from "src/components/releases/PlanForm";
import { PlanTable } from "src/components/releases/PlanTable";
import {
  bodyOf,
  boundTo,
  canRelease,
  confirmOf,
  describeCounts,
  draftIn,
  draftProblem,
  EMPTY,
  releaseAddress,
  withoutBlocked,
  type Draft,
} from "src/lib/releases";
import { plural } from "src/lib/versions";

interface Planned {
  /** What the plan is of: another draft needs another plan. */
  draft: Draft;
  plan: Release;
}

const wordsOf = (error: unknown): string => (error instanceof ApiError ? error.message : String(error));

/** Plans a release, shows what it would do, and makes exactly that. Dags that were selected elsewhere are planned at once. */
export const ReleasePlan = () => {
  const navigate = useNavigate();
  const given = draftIn(useLocation().state);
  const [draft, setDraft] = useState(given ?? EMPTY);
  const [planned, setPlanned] = useState<Planned>();
  const [problem, setProblem] = useState("");
  const [busy, setBusy] = useState(given !== undefined);
  const [confirming, setConfirming] = useState(false);
  const current = planned?.draft === draft ? planned.plan : undefined;
  const blocked = current?.counts.blocked ?? 0;

  useEffect(() => {
    let left = false;
    const show = (change: () => void) => {
      if (!left) {
        setBusy(false);
        change();
      }
    };

    if (given !== undefined) {
      planRelease(bodyOf(given)).then(
        (found) => show(() => setPlanned({ draft: given, plan: found })),
        (error: unknown) => show(() => setProblem(wordsOf(error))),
      );
    }

    return () => {
      left = true;
    };
  }, [given]);

  const plan = async (of: Draft) => {
    const missing = draftProblem(of);

    setDraft(of);
    setPlanned(undefined);
    setProblem(missing ?? "");
    if (missing !== undefined) {
      return;
    }
    setBusy(true);
    try {
      setPlanned({ draft: of, plan: await planRelease(bodyOf(of)) });
    } catch (error) {
      setProblem(wordsOf(error));
    } finally {
      setBusy(false);
    }
  };

  return (
    <Stack gap={3}>
      <form
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          void plan(draft);
        }}
      >
        <Stack gap={3}>
          <PlanForm draft={draft} onChange={(changed) => setDraft({ ...draft, ...changed })} />
          <HStack>
            <Button loading={busy} size="sm" type="submit" variant="outline">
              Show what would change
            </Button>
          </HStack>
        </Stack>
      </form>
      {problem === "" ? undefined : (
        <Notice live status="error" title="No plan">
          {problem}
        </Notice>
      )}
      {current === undefined ? undefined : (
        <>
          {blocked === 0 ? undefined : (
            <Notice live status="warning" title={`${plural(blocked, "Dag")} cannot be changed, so none would be`}>
              Fix the cause, leave them out, or give an override reason.{" "}
              <Button ms={2} onClick={() => void plan(withoutBlocked(draft, current))} size="xs" variant="outline">
                Plan without them
              </Button>
            </Notice>
          )}
          <PlanTable key={current.plan_hash} plan={current} />
          {canRelease(current) ? (
            <HStack>
              <Button colorPalette="brand" onClick={() => setConfirming(true)} size="sm">
                {confirmOf(draft, current)}
              </Button>
            </HStack>
          ) : undefined}
        </>
      )}
      {confirming && current !== undefined ? (
        <ChangeDialog
          confirm={confirmOf(draft, current)}
          onClose={() => setConfirming(false)}
          onSend={async (reason, key) => {
            const made = await makeRelease({
              ...bodyOf(draft),
              ...boundTo(current, draft.override),
              idempotency_key: key,
              reason,
            });

            await navigate(releaseAddress(made.release_id ?? ""));
          }}
          title={draft.action === "rollback" ? "Roll back as planned" : "Release as planned"}
        >
          <Text>
            {`${describeCounts(current)}. ${
              draft.action === "rollback"
                ? "No version is rejected, no Dag is put on hold, and runs keep their version. "
                : ""
            }All of it is done in one transaction, or nothing; nothing is done if anything has changed since it was shown.`}
          </Text>
        </ChangeDialog>
      ) : undefined}
    </Stack>
  );
};
