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

import { Badge, Box, chakra, Heading, Stack, Text } from "@chakra-ui/react";

import type { Policy, PolicyOverview } from "src/api/types";
import { PinningLink } from "src/components/Links";
import { YamlText } from "src/components/policies/YamlText";
import { describeMatch, describePolicy } from "src/lib/policy";
import { absolute } from "src/lib/time";
import { plural } from "src/lib/versions";

const Dags = ({ dags, examples }: PolicyOverview) => (
  <Text>
    {dags === 0 ? "None that you may read" : `${plural(dags, "Dag")}: `}
    {examples.map((dagId, index) => (
      <span key={dagId}>
        {index === 0 ? "" : ", "}
        <PinningLink dagId={dagId} here={false} />
      </span>
    ))}
    {dags > examples.length ? ` and ${dags - examples.length} more` : ""}
  </Text>
);

const Window = ({ window }: { readonly window: NonNullable<PolicyOverview["window"]> }) => (
  <Text>
    <Badge colorPalette={window.is_open ? "green" : "orange"}>{window.is_open ? "Open now" : "Closed now"}</Badge>
    {window.changes_at === null ? "" : ` ${window.is_open ? "Closes" : "Opens"} ${absolute(window.changes_at)}`}
  </Text>
);

interface Props {
  /** What it is about; undefined until that is known. */
  readonly overview: PolicyOverview | undefined;
  readonly policy: Policy;
}

/** One policy: which Dags it is about, and its rules. */
export const PolicyEntry = ({ overview, policy }: Props) => (
  <Stack as="li" borderTopWidth={1} gap={2} overflowWrap="anywhere" py={3}>
    <Heading as="h3" size="sm">
      {policy.name}
    </Heading>
    <Text color="fg.muted">{describeMatch(policy.match)}</Text>
    {overview === undefined ? undefined : <Dags {...overview} />}
    {overview?.window ? <Window window={overview.window} /> : undefined}
    <Box aria-label={`Rules of ${policy.name}`} as="ul" listStyleType="disc" ps={5}>
      {describePolicy(policy).map((line) => (
        <li key={line}>{line}</li>
      ))}
    </Box>
    {overview === undefined ? undefined : (
      <details>
        <chakra.summary color="fg.muted" cursor="pointer" fontSize="sm">
          What the YAML says
        </chakra.summary>
        <YamlText label={`YAML of ${policy.name}`}>{overview.text}</YamlText>
      </details>
    )}
  </Stack>
);
