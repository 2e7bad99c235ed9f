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

import { Badge, Box, Button, Flex, HStack, Text } from "@chakra-ui/react";

import type { DagPinning, FailedTasks } from "src/api/requests";
import type { Run, Soak } from "src/api/types";
import { LabeledCheckbox } from "src/components/LabeledCheckbox";
import { BundleVersion, VersionLink } from "src/components/Links";
import { Notice } from "src/components/Notice";
import { RelativeTime } from "src/components/RelativeTime";
import { Section } from "src/components/Section";
import { actionOn, type Action, type ActionKind } from "src/lib/actions";
import { describeCriteria, evidenceOf } from "src/lib/soak";
import { whyNoCandidate } from "src/lib/versions";

const PALETTES: Record<string, string> = {
  failed: "red",
  inconclusive: "orange",
  progressing: "blue",
  successful: "green",
};

interface SoakProps {
  readonly failedTasks: FailedTasks;
  readonly onFailedTasks: (failedTasks: FailedTasks) => void;
  readonly runs: ReadonlyArray<Run>;
  readonly soak: Soak;
}

const SoakEvidence = ({ failedTasks, onFailedTasks, runs, soak }: SoakProps) => (
  <Box>
    <HStack align="baseline" wrap="wrap">
      <Badge colorPalette={PALETTES[soak.verdict] ?? "gray"} size="md">
        {soak.verdict}
      </Badge>
      <Text>{soak.message}</Text>
    </HStack>
    <Box as="ul" color="fg.muted" fontSize="sm" listStyleType="disc" mt={2} ps={5}>
      {evidenceOf(soak, runs).map((line) => (
        <li key={line}>{line}</li>
      ))}
    </Box>
    <Text color="fg.muted" fontSize="sm" my={2}>
      {describeCriteria(soak)}
    </Text>
    <LabeledCheckbox
      checked={failedTasks === "ignore"}
      onChange={(ignore) => onFailedTasks(ignore ? "ignore" : "count")}
    >
      Ignore failed tasks in runs that succeeded
    </LabeledCheckbox>
  </Box>
);

const CanaryDelays = ({ delays }: { readonly delays: ReadonlyArray<string> }) =>
  delays.length === 0 ? undefined : (
    <Box mt={2}>
      <Notice status="info" title="Canary runs are waiting to start">
        {delays.join("\n")}
      </Notice>
    </Box>
  );

interface Props {
  readonly failedTasks: FailedTasks;
  readonly onAct: (action: Action) => void;
  readonly onFailedTasks: (failedTasks: FailedTasks) => void;
  readonly pinning: DagPinning;
}

/** The candidate, with the verdict on its canary runs. */
export const CandidateCard = ({
  failedTasks,
  onAct,
  onFailedTasks,
  pinning: { canaryDelays, candidate, permissions, runs, soak, state },
}: Props) => {
  if (candidate === null) {
    return (
      <Section title="Candidate">
        <Text color="fg.muted">{whyNoCandidate(state)}</Text>
        <CanaryDelays delays={canaryDelays} />
      </Section>
    );
  }
  const act = (kind: ActionKind) => () => onAct(actionOn(kind, candidate));

  return (
    <Section
      actions={
        <HStack wrap="wrap">
          {permissions.change ? (
            <Button colorPalette="brand" onClick={act("pin")} size="sm">
              Promote version {candidate.version_number}
            </Button>
          ) : undefined}
          {permissions.start_canary ? (
            <Button onClick={act("canary")} size="sm" variant="outline">
              Start canary runs
            </Button>
          ) : undefined}
          {permissions.change ? (
            <Button onClick={act("reject")} size="sm" variant="outline">
              Reject candidate
            </Button>
          ) : undefined}
        </HStack>
      }
      title="Candidate"
    >
      <Flex align="baseline" gap={2} mb={2} wrap="wrap">
        <VersionLink dagId={state.dag_id} version={candidate} />
        <BundleVersion version={candidate} />
        <Text color="fg.muted" fontSize="sm">
          parsed <RelativeTime value={candidate.created_at} />
        </Text>
      </Flex>
      {candidate.equals_rejected === null ? undefined : (
        <Box mb={2}>
          <Notice
            status="warning"
            title={`Same as version ${candidate.equals_rejected}, which was rejected: ${candidate.equals_rejected_reason ?? ""}`}
          >
            The Dag and its file are identical; only imported modules may differ.
          </Notice>
        </Box>
      )}
      {soak === null ? (
        <Text color="fg.muted">
          {candidate.state === "candidate" ? "No verdict yet." : "Not evaluated yet. Start canary runs to evaluate it."}
        </Text>
      ) : (
        <SoakEvidence failedTasks={failedTasks} onFailedTasks={onFailedTasks} runs={runs?.items ?? []} soak={soak} />
      )}
      <CanaryDelays delays={canaryDelays} />
    </Section>
  );
};
