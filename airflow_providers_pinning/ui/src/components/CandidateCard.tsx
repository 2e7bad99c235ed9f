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

import type { DagPinning } from "src/api/requests";
import type { Criteria, Run, Soak, Version } from "src/api/types";
import { ExpandableText } from "src/components/ExpandableText";
import { BundleVersion, CanaryRunsLink, CompareLink, VersionLink } from "src/components/Links";
import { Notice } from "src/components/Notice";
import { RelativeTime } from "src/components/RelativeTime";
import { ReplaysTable } from "src/components/replays/ReplaysTable";
import { Section } from "src/components/Section";
import { actionOn, type Action, type ActionKind } from "src/lib/actions";
import { describeCriteria, evidenceOf } from "src/lib/soak";
import { isVersioned, whyNoCandidate } from "src/lib/versions";

const PALETTES: Record<string, string> = {
  failed: "red",
  inconclusive: "orange",
  progressing: "blue",
  successful: "green",
};

interface SoakProps {
  readonly candidate: Version;
  readonly criteria: Criteria;
  readonly runs: ReadonlyArray<Run>;
  readonly soak: Soak;
}

const SoakEvidence = ({ candidate, criteria, runs, soak }: SoakProps) => (
  <Box>
    <HStack align="baseline" wrap="wrap">
      <Badge colorPalette={PALETTES[soak.verdict] ?? "gray"} size="md">
        {soak.verdict}
      </Badge>
      <Text>{soak.message}</Text>
    </HStack>
    <Box as="ul" color="fg.muted" fontSize="sm" listStyleType="disc" mt={2} ps={5}>
      {evidenceOf(soak, candidate, runs).map((line) => (
        <li key={line}>{line}</li>
      ))}
    </Box>
    <Text color="fg.muted" fontSize="sm" my={2}>
      {describeCriteria(soak, criteria)}
    </Text>
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
  readonly onAct: (action: Action) => void;
  /** Called to edit what versions are judged by. */
  readonly onEditCriteria: () => void;
  readonly pinning: DagPinning;
}

/** The candidate, with the verdict on its canary runs. */
export const CandidateCard = ({
  onAct,
  onEditCriteria,
  pinning: { canaryDelays, candidate, criteria, permissions, replays, runs, soak, state },
}: Props) => {
  const editCriteria = permissions.change ? (
    <Button onClick={onEditCriteria} size="sm" variant="outline">
      Edit criteria
    </Button>
  ) : undefined;

  if (candidate === null) {
    return (
      <Section actions={editCriteria} title="Candidate">
        <Text color="fg.muted">{whyNoCandidate(state)}</Text>
        <CanaryDelays delays={canaryDelays} />
      </Section>
    );
  }
  const isNewer = candidate.version_number > (state.active?.version_number ?? 0);
  const isOffered = isVersioned(candidate);
  const act = (kind: ActionKind) => () => onAct(actionOn(kind, candidate));

  return (
    <Section
      actions={
        <HStack wrap="wrap">
          {permissions.release && isOffered ? (
            <Button
              onClick={act("pin")}
              size="sm"
              {...(isNewer && soak?.verdict !== "failed" ? { colorPalette: "brand" } : { variant: "outline" })}
            >
              {isNewer ? "Promote" : "Pin"} version {candidate.version_number}
            </Button>
          ) : undefined}
          {permissions.start_canary && isOffered ? (
            <Button onClick={act("canary")} size="sm" variant="outline">
              Start canary runs
            </Button>
          ) : undefined}
          {permissions.change ? (
            <Button onClick={act("reject")} size="sm" variant="outline">
              Reject {isNewer ? "candidate" : `version ${candidate.version_number}`}
            </Button>
          ) : undefined}
          {editCriteria}
        </HStack>
      }
      title={isNewer ? "Candidate" : "An older version, under evaluation"}
    >
      <Flex align="baseline" gap={2} mb={2} wrap="wrap">
        <VersionLink dagId={state.dag_id} version={candidate} />
        <BundleVersion version={candidate} />
        <Text color="fg.muted" fontSize="sm">
          parsed <RelativeTime value={candidate.created_at} />
        </Text>
      </Flex>
      {candidate.commit === null ? undefined : (
        <Text fontSize="sm" mb={2}>
          <ExpandableText>{candidate.commit.message}</ExpandableText>{" "}
          <Text as="span" color="fg.muted">
            {candidate.commit.author}
          </Text>
        </Text>
      )}
      {state.active === null || candidate.is_active ? undefined : (
        <Text fontSize="sm" mb={2}>
          <CompareLink dagId={state.dag_id} from={state.active.version_number} to={candidate.version_number}>
            What changes
          </CompareLink>
        </Text>
      )}
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
        <>
          <SoakEvidence candidate={candidate} criteria={criteria} runs={runs?.items ?? []} soak={soak} />
          <CanaryRunsLink dagId={state.dag_id} version={candidate} />
        </>
      )}
      {replays === null || replays.items.length === 0 ? undefined : (
        <ReplaysTable dagId={state.dag_id} replays={replays} runs={runs?.items ?? []} />
      )}
      <CanaryDelays delays={canaryDelays} />
    </Section>
  );
};
