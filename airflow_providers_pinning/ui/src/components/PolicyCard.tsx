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

import { Badge, Box, Button, HStack, Text } from "@chakra-ui/react";

import type { Explanation } from "src/api/types";
import { PoliciesLink } from "src/components/Links";
import { Section } from "src/components/Section";
import { UnmetRules } from "src/components/UnmetRules";
import { describeRules } from "src/lib/policy";

interface Props {
  /** Called to approve the version that is shown; without it, the user may not. */
  readonly onApprove?: (() => void) | undefined;
  readonly policy: Explanation | null;
}

/** The release policies and freezes that bind a Dag, and what is not met for its candidate. */
export const PolicyCard = ({ onApprove, policy }: Props) => {
  if (policy === null || (policy.policies.length === 0 && policy.unmet.length === 0)) {
    return undefined;
  }
  const about = policy.version === null ? "No version" : `Version ${policy.version.version_number}`;

  return (
    <Section
      actions={
        onApprove !== undefined && policy.version !== null && policy.rules.approvals > 0 ? (
          <Button onClick={onApprove} size="sm" variant="outline">
            Approve version {policy.version.version_number}
          </Button>
        ) : undefined
      }
      title="Release rules"
    >
      <HStack align="baseline" mb={2} wrap="wrap">
        <Badge colorPalette={policy.allowed ? "green" : "orange"} size="md">
          {policy.allowed ? "met" : `${policy.unmet.length} not met`}
        </Badge>
        <Text>
          {policy.allowed ? `${about} meets all release policies and can be pinned.` : `${about} cannot be pinned now.`}
        </Text>
      </HStack>
      {policy.passes_gate ? (
        <Text mb={2}>
          A policy pins new Dags to their first version. This Dag is not pinned, so each new version goes live.
        </Text>
      ) : undefined}
      {policy.unmet.length === 0 ? undefined : (
        <Box mb={2}>
          <UnmetRules unmet={policy.unmet} />
        </Box>
      )}
      {policy.policies.length === 0 ? undefined : (
        <Box color="fg.muted" fontSize="sm">
          <Text>{`Policies: ${policy.policies.join(", ")} (revision ${policy.revision}). Together they require:`}</Text>
          <Box as="ul" listStyleType="disc" ps={5}>
            {describeRules(policy.rules).map((line) => (
              <li key={line}>{line}</li>
            ))}
          </Box>
          <PoliciesLink />
        </Box>
      )}
    </Section>
  );
};
