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

import type { Components, FailedTask, Head, Health, Identity, ReleaseState } from "src/api/types";
import { ExpandableText } from "src/components/ExpandableText";
import { FailureLogs } from "src/components/FailureLogs";
import { CompareLink, LogLink } from "src/components/Links";
import { Notice } from "src/components/Notice";
import { RelativeTime } from "src/components/RelativeTime";

/** Live components that do not enforce pins. */
export const DeploymentBanner = ({ components }: { readonly components: Components | null | undefined }) => {
  const bypassing = components?.components.filter((component) => !component.enforced) ?? [];

  return bypassing.length === 0 ? undefined : (
    <Notice status="error" title="Pins are not enforced everywhere">
      {bypassing.map(({ component, hostname, message }) => `${component} on ${hostname}: ${message}`).join("\n")}
    </Notice>
  );
};

/** The problems of one Dag's pin, with their remedies. */
export const PinProblems = ({ health }: { readonly health: Health }) =>
  health.problems.map((problem) => (
    <Notice
      key={problem.reason}
      status={problem.status === "broken" ? "error" : "warning"}
      title={problem.status === "broken" ? "This pin isn't being enforced" : "This pin needs attention"}
    >
      {problem.message}
    </Notice>
  ));

/** A pinned Dag that is missing or broken at HEAD: the pin works, but unpinning would leave the Dag without runs. */
export const HeadNotice = ({ head }: { readonly head: Head | null | undefined }) =>
  head?.message ? (
    <Notice status="info" title={head.status === "missing" ? "Missing at HEAD" : "Broken at HEAD"}>
      {head.message}
    </Notice>
  ) : undefined;

interface FailingProps {
  /** The newest failure of each task; empty if the user may not read the runs. */
  readonly failedTasks: ReadonlyArray<FailedTask>;
  readonly onRollBack: () => void;
  readonly state: ReleaseState;
  /** The version that was active before; null if none can be pinned. */
  readonly previous: Identity | null;
  /** The version to roll back to; null if there is none, or the user may not roll back. */
  readonly target: Identity | null;
}

/** Tells that the runs of the pinned version fail, and offers the way back. */
export const FailingBanner = ({
  failedTasks,
  onRollBack,
  previous,
  state: { active, dag_id: dagId, pin, runs },
  target,
}: FailingProps) => {
  if (!runs?.failing || active === null) {
    return undefined;
  }
  const tasks = Object.entries(runs.failed_tasks).map(([task, count]) => `${task} (${count})`);

  return (
    <Notice
      status="error"
      title={
        runs.failed === runs.finished ? "Failing since promotion" : "Failing: the newest run since the promotion failed"
      }
    >
      {`${runs.failed} of ${runs.finished} finished runs of version ${active.version_number} failed since it was pinned.${
        tasks.length > 0 ? ` Failed tasks: ${tasks.join(", ")}.` : ""
      }\n`}
      {pin === null ? undefined : (
        <Text>
          Pinned <RelativeTime value={pin.pinned_at} /> by <ExpandableText>{pin.actor}</ExpandableText>:{" "}
          <ExpandableText>{pin.reason}</ExpandableText>{" "}
          {previous === null ? undefined : (
            <CompareLink dagId={dagId} from={previous.version_number} to={active.version_number}>
              What version {active.version_number} changed
            </CompareLink>
          )}
        </Text>
      )}
      {failedTasks.length === 0 ? undefined : (
        <HStack aria-label="Logs of the newest failures" as="ul" gap={3} listStyleType="none" mt={1} wrap="wrap">
          {failedTasks.map((task) => (
            <li key={task.task_id}>
              <LogLink dagId={dagId} task={task} />
            </li>
          ))}
        </HStack>
      )}
      {failedTasks.length === 0 ? undefined : <FailureLogs dagId={dagId} />}
      {target === null ? undefined : (
        <Button colorPalette="danger" mt={2} onClick={onRollBack} size="sm">
          Roll back to version {target.version_number}
        </Button>
      )}
    </Notice>
  );
};
