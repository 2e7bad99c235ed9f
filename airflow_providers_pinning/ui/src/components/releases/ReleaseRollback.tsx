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

import { Button, HStack, Text } from "@chakra-ui/react";
import { useState } from "react";
import { useNavigate } from "react-router-dom";

import { ApiError } from "src/api/client";
import { planRollback, rollBackRelease } from "src/api/requests";
import type { Release } from "src/api/types";
import { ChangeDialog } from "src/components/dialog/ChangeDialog";
import { LabeledCheckbox } from "src/components/LabeledCheckbox";
import { Notice } from "src/components/Notice";
import { PlanTable } from "src/components/releases/PlanTable";
import { canRelease, releaseAddress } from "src/lib/releases";

/** Rolls a release back, after a look at what that does. */
export const ReleaseRollback = ({ id }: { readonly id: string }) => {
  const navigate = useNavigate();
  const [leaveMoved, setLeaveMoved] = useState(false);
  const [plan, setPlan] = useState<Release>();
  const [problem, setProblem] = useState("");
  const [busy, setBusy] = useState(false);

  const look = async (leaves: boolean) => {
    setLeaveMoved(leaves);
    setBusy(true);
    setProblem("");
    try {
      setPlan(await planRollback(id, { leave_moved: leaves }));
    } catch (error) {
      setProblem(error instanceof ApiError ? error.message : String(error));
    } finally {
      setBusy(false);
    }
  };

  return (
    <>
      <HStack>
        <Button colorPalette="danger" loading={busy} onClick={() => void look(false)} size="sm">
          Roll back this release
        </Button>
      </HStack>
      {problem === "" ? undefined : (
        <Notice live status="error" title="It cannot be rolled back">
          {problem}
        </Notice>
      )}
      {plan === undefined ? undefined : (
        <ChangeDialog
          confirm="Roll back the release"
          invalid={canRelease(plan) ? undefined : "A Dag cannot be rolled back, so none is. See why below."}
          onClose={() => setPlan(undefined)}
          onSend={async (reason, key) => {
            const made = await rollBackRelease(id, {
              expected_plan: plan.plan_hash,
              idempotency_key: key,
              leave_moved: leaveMoved,
              reason,
            });

            setPlan(undefined);
            await navigate(releaseAddress(made.release_id ?? ""));
          }}
          title="Roll back the release"
        >
          <Text>
            Each Dag gets back what was active before the release: all of them, or none. Queued, running and finished
            runs keep their version. Nothing is done if anything has changed since it was shown.
          </Text>
          <LabeledCheckbox checked={leaveMoved} onChange={(leaves) => void look(leaves)}>
            Leave Dags as they are whose pin changed since
          </LabeledCheckbox>
          <PlanTable key={plan.plan_hash} plan={plan} />
        </ChangeDialog>
      )}
    </>
  );
};
