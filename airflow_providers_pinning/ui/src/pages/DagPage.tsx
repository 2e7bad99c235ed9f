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

import { Box, Button, HStack, Skeleton, Stack } from "@chakra-ui/react";
import { useEffect, useRef, useState } from "react";

import { getDagPinning, getHealth, type DagPinning } from "src/api/requests";
import { CandidateCard } from "src/components/CandidateCard";
import { ActionDialog } from "src/components/dialog/ActionDialog";
import { DeploymentBanner, PinProblems } from "src/components/HealthBanner";
import { HistoryTable } from "src/components/HistoryTable";
import { Notice } from "src/components/Notice";
import { StateCard } from "src/components/StateCard";
import { VersionTimeline } from "src/components/timeline/VersionTimeline";
import { Trouble } from "src/components/Trouble";
import { VersionsTable } from "src/components/VersionsTable";
import { HEALTH_INTERVAL, usePolled } from "src/hooks/usePolled";
import { actionOn, type Action } from "src/lib/actions";

interface ActionsProps {
  readonly onAct: (action: Action) => void;
  readonly pinning: DagPinning;
}

/** What can be done to the Dag as a whole; what the user may not do is not offered. */
const DagActions = ({ onAct, pinning: { permissions, rollbackTarget, state } }: ActionsProps) =>
  permissions.change ? (
    <HStack wrap="wrap">
      {rollbackTarget ? (
        <Button colorPalette="danger" onClick={() => onAct(actionOn("rollback", rollbackTarget))} size="sm">
          Roll back to version {rollbackTarget.version_number}
        </Button>
      ) : undefined}
      {state.pinned && state.latest ? (
        <Button onClick={() => state.latest && onAct(actionOn("unpin", state.latest))} size="sm" variant="outline">
          Unpin
        </Button>
      ) : undefined}
      {!state.pinned && state.active ? (
        <Button onClick={() => state.active && onAct(actionOn("pin", state.active))} size="sm" variant="outline">
          Pin version {state.active.version_number}
        </Button>
      ) : undefined}
    </HStack>
  ) : undefined;

/** All that there is to see and do of one Dag. */
export const DagPage = ({ dagId }: { readonly dagId: string }) => {
  const { data, error, refresh } = usePolled((signal) => getDagPinning(dagId, signal), dagId);
  const health = usePolled(getHealth, "health", { interval: HEALTH_INTERVAL });
  const [action, setAction] = useState<Action>();
  const [done, setDone] = useState<{ text: string; warnings: Array<string> }>();
  const told = useRef<HTMLDivElement>(null);

  useEffect(() => {
    if (done) {
      told.current?.scrollIntoView({ block: "nearest" });
    }
  }, [done]);

  const act = (chosen: Action) => {
    setDone(undefined);
    setAction(chosen);
  };

  return (
    <Stack gap={3} maxW="full" minW={0} p={2}>
      <DeploymentBanner health={health.data} />
      <Trouble error={error} onRetry={refresh} stale={data !== undefined} />
      <Box _empty={{ mb: -3 }} ref={told} role="status">
        {done === undefined ? undefined : (
          <Notice status={done.warnings.length ? "warning" : "success"} title={done.text}>
            {done.warnings.length ? done.warnings.join("\n") : undefined}
          </Notice>
        )}
      </Box>
      {data === undefined ? (
        error === undefined ? (
          <Stack aria-busy="true" aria-label="Loading" gap={3} role="status">
            <Skeleton h="8rem" />
            <Skeleton h="12rem" />
          </Stack>
        ) : undefined
      ) : (
        <>
          <PinProblems health={data.state.health} />
          <StateCard
            actions={<DagActions onAct={act} pinning={data} />}
            candidate={data.candidate}
            state={data.state}
          />
          <VersionTimeline pinning={data} />
          <CandidateCard onAct={act} pinning={data} />
          <VersionsTable
            dagId={dagId}
            onAct={act}
            permissions={data.permissions}
            pinned={data.state.pinned}
            versions={data.versions}
          />
          <HistoryTable events={data.events} />
          {action === undefined ? undefined : (
            <ActionDialog
              action={action}
              key={`${action.kind}-${action.version}`}
              onClose={() => setAction(undefined)}
              onDone={(text, warnings) => {
                setAction(undefined);
                setDone({ text, warnings });
                refresh();
              }}
              onStale={refresh}
              state={data.state}
            />
          )}
        </>
      )}
    </Stack>
  );
};
