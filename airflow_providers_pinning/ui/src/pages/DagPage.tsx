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

import { getDagPinning, getComponents, type DagPinning } from "src/api/requests";
import type { ReleaseState } from "src/api/types";
import { CandidateCard } from "src/components/CandidateCard";
import { CriteriaDialog } from "src/components/dialog/CriteriaDialog";
import { ActionDialog } from "src/components/dialog/ActionDialog";
import { DeploymentBanner, FailingBanner, HeadNotice, PinProblems } from "src/components/HealthBanner";
import { HistoryTable } from "src/components/HistoryTable";
import { Notice } from "src/components/Notice";
import { PendingBanner } from "src/components/PendingBanner";
import { RampBanner } from "src/components/RampBanner";
import { PolicyCard } from "src/components/PolicyCard";
import { OutcomeNotice } from "src/components/OutcomeNotice";
import { StateCard } from "src/components/StateCard";
import { VersionTimeline } from "src/components/timeline/VersionTimeline";
import { ErrorNotice } from "src/components/ErrorNotice";
import { VersionsTable } from "src/components/VersionsTable";
import { HEALTH_INTERVAL, usePolled } from "src/hooks/usePolled";
import { actionOn, describeSkipped, type Action, type Outcome } from "src/lib/actions";
import { movedTo } from "src/lib/moved";
import { countReplayable } from "src/lib/replays";
import { missingRuns } from "src/lib/soak";
import { isVersioned, rejectedOf, VERSIONED_REMEDY } from "src/lib/versions";

const has = ({ health }: ReleaseState, problem: string): boolean =>
  health.problems.some(({ reason }) => reason === problem);

/** Events that change the active version. */
const MOVES = new Set(["pinned", "rolled_back", "unpinned"]);

interface ActionsProps {
  readonly onAct: (action: Action) => void;
  readonly pinning: DagPinning;
}

/** The actions on the Dag as a whole that the user may take. */
const DagActions = ({
  onAct,
  pinning: {
    permissions,
    events,
    rollbackTarget: { passed_over: without, runs, to_version: target },
    state,
  },
}: ActionsProps) => {
  // What a person chose may be bad; right after a rollback, and on a Dag that was never pinned, nothing says so.
  const lastMove = events.items.find(({ kind }) => MOVES.has(kind));

  return permissions.change ? (
    <HStack wrap="wrap">
      {state.active && has(state, "version_drifted") ? (
        <Button colorPalette="brand" onClick={() => state.active && onAct(actionOn("repair", state.active))} size="sm">
          Repair version {state.active.version_number}
        </Button>
      ) : undefined}
      {state.active && has(state, "escaped_runs") ? (
        <Button
          onClick={() => state.active && onAct(actionOn("acknowledge", state.active))}
          size="sm"
          variant="outline"
        >
          Acknowledge runs
        </Button>
      ) : undefined}
      {target && lastMove && !state.runs?.failing ? (
        <Button
          {...(lastMove.kind === "pinned" ? { colorPalette: "danger" } : { variant: "outline" })}
          onClick={() =>
            onAct({
              ...actionOn("rollback", target),
              runs: permissions.edit_runs ? runs : undefined,
              skipped: without,
            })
          }
          size="sm"
        >
          {lastMove.kind === "pinned" ? `Roll back to version ${target.version_number}` : "Roll back further…"}
        </Button>
      ) : undefined}
      {permissions.release && state.pinned && state.latest ? (
        <Button onClick={() => state.latest && onAct(actionOn("unpin", state.latest))} size="sm" variant="outline">
          Unpin
        </Button>
      ) : undefined}
      {state.hold && state.active ? (
        <Button onClick={() => state.active && onAct(actionOn("lift", state.active))} size="sm" variant="outline">
          Lift hold
        </Button>
      ) : undefined}
      {permissions.release && !state.pinned && state.active && isVersioned(state.active) ? (
        <Button onClick={() => state.active && onAct(actionOn("pin", state.active))} size="sm" variant="outline">
          Pin version {state.active.version_number}
        </Button>
      ) : undefined}
      {!state.hold && state.pinned && state.active ? (
        <Button onClick={() => state.active && onAct(actionOn("hold", state.active))} size="sm" variant="outline">
          Hold
        </Button>
      ) : undefined}
    </HStack>
  ) : undefined;
};

interface Props {
  readonly dagId: string;
  /** Whether it is a tab on Airflow's own Dag page. */
  readonly inTab?: boolean;
}

/** Everything about the versions of one Dag. */
export const DagPage = ({ dagId, inTab = false }: Props) => {
  const { amend, data, error, refresh, waiting } = usePolled((signal) => getDagPinning(dagId, signal), dagId, {
    keep: true,
  });
  const components = usePolled(getComponents, "components", { interval: HEALTH_INTERVAL });
  const [action, setAction] = useState<Action>();
  const [editing, setEditing] = useState(false);
  const [done, setDone] = useState<Outcome>();
  const outcomeBox = useRef<HTMLDivElement>(null);
  // The outcome is shown until the Dag changes again.
  const outcome = done?.revision === data?.state.revision ? done : undefined;

  useEffect(() => {
    if (done) {
      outcomeBox.current?.scrollIntoView({ block: "nearest" });
    }
  }, [done]);

  const act = (chosen: Action) => {
    setDone(undefined);
    setAction(chosen);
  };

  return (
    <Stack gap={3} maxW="full" minW={0} p={2}>
      <DeploymentBanner components={components.data} />
      <ErrorNotice error={error} onRetry={refresh} stale={data !== undefined} />
      <Box _empty={{ mb: -3 }} ref={outcomeBox} role="status">
        {outcome === undefined ? undefined : (
          <OutcomeNotice inTab={inTab} onClose={() => setDone(undefined)} outcome={outcome} />
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
        <Stack aria-busy={waiting} gap={3} opacity={waiting ? 0.6 : 1}>
          <FailingBanner
            failedTasks={data.failedTasks}
            onRollBack={() => {
              const { passed_over: skipped, to_version: target } = data.rollbackTarget;

              if (target) {
                act({
                  ...actionOn("rollback", target),
                  runs: data.permissions.edit_runs ? data.rollbackTarget.runs : undefined,
                  skipped,
                });
              }
            }}
            previous={data.rollbackTarget.to_version}
            state={data.state}
            target={data.permissions.change ? data.rollbackTarget.to_version : null}
          />
          <PinProblems health={data.state.health} />
          <PendingBanner
            onCancel={
              data.permissions.change
                ? () => data.state.active && act(actionOn("cancel", data.state.active))
                : undefined
            }
            pending={data.state.pending}
          />
          <RampBanner
            onAct={
              data.permissions.change
                ? (kind) => data.state.ramp && act(actionOn(kind, data.state.ramp.version))
                : undefined
            }
            ramp={data.state.ramp}
          />
          {!data.rollbackTarget.to_version && data.rollbackTarget.passed_over.length > 0 ? (
            <Notice status="warning" title="No version to roll back to">
              {describeSkipped(data.rollbackTarget.passed_over)}
            </Notice>
          ) : undefined}
          <HeadNotice head={data.state.head} />
          {data.state.active && !isVersioned(data.state.active) ? (
            <Notice status="warning" title="This Dag's versions cannot be pinned">
              {`Bundle ${data.state.active.bundle_name ?? ""} has no versions, so older code cannot be loaded. ${VERSIONED_REMEDY}`}
            </Notice>
          ) : data.state.active && !data.state.pinned && data.state.revision === 0 ? (
            <Notice status="info" title="This Dag was never pinned">
              {`New runs use the latest version as soon as it is parsed. A pin keeps new runs on one version and its code while newer versions are parsed. Start canary runs of a newer version to evaluate it, promote it if it passes, and roll back if it fails.`}
            </Notice>
          ) : undefined}
          <StateCard
            actions={<DagActions onAct={act} pinning={data} />}
            candidate={data.candidate}
            runs={data.runs?.items ?? null}
            state={data.state}
            versions={data.versions.items}
          />
          <VersionTimeline pinning={data} />
          <CandidateCard onAct={act} onEditCriteria={() => setEditing(true)} pinning={data} />
          <PolicyCard
            onApprove={
              data.permissions.change
                ? () => data.policy?.version && act(actionOn("approve", data.policy.version))
                : undefined
            }
            policy={data.policy}
          />
          <VersionsTable
            dagId={dagId}
            onAct={act}
            permissions={data.permissions}
            pinned={data.state.pinned}
            versions={data.versions}
          />
          <HistoryTable events={data.events} />
          {editing ? (
            <CriteriaDialog
              criteria={data.criteria}
              key={data.criteria.revision}
              onClose={() => setEditing(false)}
              onDone={() => {
                setEditing(false);
                refresh();
              }}
            />
          ) : undefined}
          {action === undefined ? undefined : (
            <ActionDialog
              action={action}
              mayOverride={data.permissions.override_policies}
              policy={data.policy?.version?.version_number === action.version ? data.policy : null}
              key={`${action.kind}-${action.version}`}
              onClose={() => setAction(undefined)}
              onDone={(result, state) => {
                setAction(undefined);
                setDone(result);
                if (state) {
                  amend((before) => movedTo(before, state));
                }
                refresh();
              }}
              onStale={refresh}
              rejected={rejectedOf(data.versions.items)}
              runsNeeded={missingRuns(data)}
              soak={data.soak?.version.version_number === action.version ? data.soak : null}
              replayable={countReplayable(data.runs?.items ?? [], data.state)}
              state={data.state}
              versions={data.versions.items}
            />
          )}
        </Stack>
      )}
    </Stack>
  );
};
