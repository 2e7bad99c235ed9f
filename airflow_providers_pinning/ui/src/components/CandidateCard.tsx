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
import type { Soak } from "src/api/types";
import { BundleVersion, VersionLink } from "src/components/Links";
import { Notice } from "src/components/Notice";
import { Moment } from "src/components/Moment";
import { Section } from "src/components/Section";
import { actionOn, type Action, type ActionKind } from "src/lib/actions";
import { duration } from "src/lib/time";
import { plural } from "src/lib/versions";

const PALETTES: Record<string, string> = {
  failed: "red",
  inconclusive: "orange",
  progressing: "blue",
  successful: "green",
};

const percent = (share: number): string => `${Math.round(share * 100)}%`;

/** The figures behind a verdict, as short sentences. */
export const evidenceOf = ({ comparison, evidence }: Soak): Array<string> => {
  const {
    cleared,
    failure_rate_upper_95: bound,
    failures,
    not_evidence: nothing,
    retried_tasks: retried,
    runs,
    running,
    soaked_seconds: soaked,
    successes,
    withheld_effects: withheld,
  } = evidence;
  const ratios = comparison && [comparison.duration_ratio, comparison.p90_ratio];

  return [
    `${plural(runs, "finished canary run")}: ${successes} succeeded, ${failures} failed${running ? `, ${running} not finished` : ""}${nothing ? `; ${nothing} no evidence` : ""}.`,
    ...(typeof bound === "number" && runs > 0
      ? [`With 95% confidence at most ${percent(bound)} of its runs fail.`]
      : []),
    ...(cleared > 0 ? [`${plural(cleared, "run")} cleared and run again.`] : []),
    ...(retried > 0 ? [`${plural(retried, "task")} needed more than one try.`] : []),
    ...(withheld > 0 ? [`${plural(withheld, "effect")} on live runs withheld.`] : []),
    ...(soaked ? [`Soaking for ${duration(soaked)}.`] : []),
    ...(comparison ? [comparison.judgement.message] : []),
    ...(ratios && typeof ratios[0] === "number" && typeof ratios[1] === "number"
      ? [`Durations: ${ratios[0].toFixed(2)} times the median, ${ratios[1].toFixed(2)} times the worst tenth.`]
      : []),
  ];
};

const SoakEvidence = ({ soak }: { readonly soak: Soak }) => (
  <Box>
    <HStack align="baseline" wrap="wrap">
      <Badge colorPalette={PALETTES[soak.verdict] ?? "gray"} size="md">
        {soak.verdict}
      </Badge>
      <Text>{soak.message}</Text>
    </HStack>
    <Box as="ul" color="fg.muted" fontSize="sm" listStyleType="disc" mt={2} ps={5}>
      {evidenceOf(soak).map((line) => (
        <li key={line}>{line}</li>
      ))}
    </Box>
    <Text color="fg.muted" fontSize="sm" mt={2}>
      Judged by its canary runs against {plural(Number(soak.criteria.min_runs), "finished run")} and{" "}
      {plural(Number(soak.criteria.max_failures), "tolerated failure")}; a promotion Dag may ask for more.
    </Text>
  </Box>
);

interface Props {
  readonly onAct: (action: Action) => void;
  readonly pinning: DagPinning;
}

/** The version that waits, and what its canary runs say of it. */
export const CandidateCard = ({ onAct, pinning: { candidate, permissions, soak, state } }: Props) => {
  if (candidate === null) {
    return (
      <Section title="Candidate">
        <Text color="fg.muted">No version waits: the newest one is active or rejected.</Text>
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
          registered <Moment value={candidate.created_at} />
        </Text>
      </Flex>
      {candidate.equals_rejected === null ? undefined : (
        <Box mb={2}>
          <Notice
            status="warning"
            title={`Equals version ${candidate.equals_rejected}, which was rejected: ${candidate.equals_rejected_reason ?? ""}`}
          >
            The Dag and its file are the same; only what the file imports may differ.
          </Notice>
        </Box>
      )}
      {soak === null ? (
        <Text color="fg.muted">
          {candidate.state === "candidate"
            ? "There is no verdict on it."
            : "It is not under evaluation yet. Canary runs put it there."}
        </Text>
      ) : (
        <SoakEvidence soak={soak} />
      )}
    </Section>
  );
};
