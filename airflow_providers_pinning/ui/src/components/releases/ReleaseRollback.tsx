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

import { Button, Field, HStack, Text, Textarea } from "@chakra-ui/react";
import { useState } from "react";
import { useNavigate } from "react-router-dom";

import { ApiError } from "src/api/client";
import { planRollback, rollBackRelease } from "src/api/requests";
import type { Release } from "src/api/types";
import { ChangeDialog } from "src/components/dialog/ChangeDialog";
import { LabeledCheckbox } from "src/components/LabeledCheckbox";
import { Notice } from "src/components/Notice";
import { PlanTable } from "src/components/releases/PlanTable";
import { MAX_REASON } from "src/lib/limits";
import { boundTo, canRelease, releaseAddress } from "src/lib/releases";

/** What is asked for beside the release. */
interface Asked {
  leaves: boolean;
  override: string;
}

/** Rolls a release back, after a look at what that does. */
export const ReleaseRollback = ({ id }: { readonly id: string }) => {
  const navigate = useNavigate();
  const [asked, setAsked] = useState<Asked>({ leaves: false, override: "" });
  const [planned, setPlanned] = useState<{ override: string; plan: Release }>();
  const [problem, setProblem] = useState("");
  const [busy, setBusy] = useState(false);

  const look = async (of: Asked) => {
    const override = of.override.trim();

    setAsked(of);
    setBusy(true);
    setProblem("");
    try {
      const plan = await planRollback(id, { leave_moved: of.leaves, override_reason: override || undefined });

      setPlanned({ override, plan });
    } catch (error) {
      setProblem(error instanceof ApiError ? error.message : String(error));
    } finally {
      setBusy(false);
    }
  };

  const plan = planned?.plan;
  const takesOverride = (plan?.counts.blocked ?? 0) > 0 || asked.override !== "";
  const invalid =
    planned === undefined || asked.override.trim() === planned.override
      ? plan === undefined || canRelease(plan)
        ? undefined
        : "A Dag cannot be rolled back, so none is. See why below."
      : "Look at what the override reason changes first.";

  return (
    <>
      <HStack>
        <Button
          colorPalette="danger"
          loading={busy}
          onClick={() => void look({ leaves: false, override: "" })}
          size="sm"
        >
          Roll back this release
        </Button>
      </HStack>
      {problem === "" ? undefined : (
        <Notice live status="error" title="It cannot be rolled back">
          {problem}
        </Notice>
      )}
      {planned === undefined || plan === undefined ? undefined : (
        <ChangeDialog
          confirm="Roll back the release"
          invalid={invalid}
          onClose={() => setPlanned(undefined)}
          onSend={async (reason, key) => {
            const made = await rollBackRelease(id, {
              ...boundTo(plan, planned.override),
              idempotency_key: key,
              leave_moved: asked.leaves,
              reason,
            });

            setPlanned(undefined);
            await navigate(releaseAddress(made.release_id ?? ""));
          }}
          title="Roll back the release"
        >
          <Text>
            Each Dag gets back what was active before the release: all of them, or none. What has not taken effect yet
            is canceled. Queued, running and finished runs keep their version. Nothing is done if anything has changed
            since it was shown.
          </Text>
          <LabeledCheckbox checked={asked.leaves} onChange={(leaves) => void look({ ...asked, leaves })}>
            Leave Dags as they are whose pin changed since
          </LabeledCheckbox>
          {takesOverride ? (
            <Field.Root>
              <Field.Label>Override reason</Field.Label>
              <Textarea
                maxLength={MAX_REASON}
                onChange={({ target }) => setAsked({ ...asked, override: target.value })}
                rows={2}
                value={asked.override}
              />
              <Field.HelperText>
                Why holds of Dags that get a newer version and, if you may, release rules are passed over.{" "}
                <Button loading={busy} onClick={() => void look(asked)} size="xs" variant="outline">
                  Show what it changes
                </Button>
              </Field.HelperText>
            </Field.Root>
          ) : undefined}
          <PlanTable key={plan.plan_hash} plan={plan} />
        </ChangeDialog>
      )}
    </>
  );
};
