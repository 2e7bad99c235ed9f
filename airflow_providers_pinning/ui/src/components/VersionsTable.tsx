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

import { Badge, Button, HStack, Table, Text } from "@chakra-ui/react";

import type { List } from "src/api/requests";
import type { Permissions, Version } from "src/api/types";
import { BundleVersion, CompareLink, VersionLink } from "src/components/Links";
import { RelativeTime } from "src/components/RelativeTime";
import { Section } from "src/components/Section";
import { ScrollableTable } from "src/components/ScrollableTable";
import { actionOn, type Action, type ActionKind } from "src/lib/actions";
import { summaryOf } from "src/lib/text";
import { isVersioned } from "src/lib/versions";

const STATES: Record<string, string> = { active: "brand", candidate: "purple", rejected: "red", retained: "gray" };
const OUTCOMES: ReadonlyArray<readonly [string, string]> = [
  ["success", "succeeded"],
  ["failed", "failed"],
  ["running", "running"],
  ["queued", "queued"],
];

const runs = ({ run_counts: counts }: Version): string =>
  OUTCOMES.filter(([state]) => counts[state])
    .map(([state, word]) => `${counts[state]} ${word}`)
    .join(", ") || "none";

const offers = (version: Version, pinned: boolean, { change, release, start_canary: startCanary }: Permissions) => {
  const offered: Array<readonly [ActionKind, string]> = [];
  const isPinned = version.is_active && pinned;

  if (change && version.state === "rejected") {
    offered.push(["restore", "Restore"]);
  } else {
    if (release && !isPinned && isVersioned(version)) {
      offered.push(["pin", "Pin"]);
    }
    if (startCanary && isVersioned(version)) {
      offered.push(["canary", "Run canary"]);
    }
    if (change && !isPinned && isVersioned(version)) {
      offered.push(["reject", "Reject"]);
    }
  }

  return offered;
};

interface Props {
  readonly dagId: string;
  readonly onAct: (action: Action) => void;
  readonly permissions: Permissions;
  readonly pinned: boolean;
  readonly versions: List<Version>;
}

/** Every version, with the actions that the user may take on it. */
export const VersionsTable = ({ dagId, onAct, permissions, pinned, versions }: Props) => {
  const active = versions.items.find((version) => version.is_active);
  const mayAct = permissions.change || permissions.start_canary;

  return (
    <Section title="Versions">
      <ScrollableTable caption="Versions, newest first">
        <Table.Header>
          <Table.Row>
            <Table.ColumnHeader scope="col">Version</Table.ColumnHeader>
            <Table.ColumnHeader scope="col">State</Table.ColumnHeader>
            <Table.ColumnHeader scope="col">Parsed</Table.ColumnHeader>
            <Table.ColumnHeader scope="col">Runs</Table.ColumnHeader>
            {mayAct ? <Table.ColumnHeader scope="col">Actions</Table.ColumnHeader> : undefined}
          </Table.Row>
        </Table.Header>
        <Table.Body>
          {versions.items.map((version) => (
            <Table.Row key={version.dag_version_id}>
              <Table.Cell>
                <HStack whiteSpace="nowrap">
                  <VersionLink dagId={dagId} version={version} />
                  <BundleVersion version={version} />
                </HStack>
                {version.commit === null ? undefined : (
                  <Text color="fg.muted" fontSize="xs" maxW="20rem" overflowWrap="anywhere">
                    {summaryOf(version.commit)}
                  </Text>
                )}
                {version.is_active || active === undefined ? undefined : (
                  <Text fontSize="xs">
                    <CompareLink
                      dagId={dagId}
                      from={active.version_number}
                      label={`Compare version ${version.version_number} with the active version`}
                      to={version.version_number}
                    >
                      Compare
                    </CompareLink>
                  </Text>
                )}
              </Table.Cell>
              <Table.Cell>
                <HStack wrap="wrap">
                  {version.is_active ? <Badge colorPalette="brand">active</Badge> : undefined}
                  {version.is_latest ? <Badge>latest</Badge> : undefined}
                  {version.state in STATES && version.state !== "active" ? (
                    <Badge colorPalette={STATES[version.state]} title={version.state_reason ?? undefined}>
                      {version.state === "retained" ? "previously active" : version.state}
                    </Badge>
                  ) : undefined}
                  {version.related_to_active === false && !version.is_active ? (
                    <Badge title="Its commits change other Dags of the repository, or ignored files.">
                      nothing related changed
                    </Badge>
                  ) : undefined}
                  {version.rejection_held === null ? undefined : (
                    <Badge colorPalette="red" title={version.rejection_held.reason}>
                      rejected as version {version.rejection_held.version_number}
                    </Badge>
                  )}
                  {version.equals_rejected === null || version.rejection_held !== null ? undefined : (
                    <Badge colorPalette="orange" title={version.equals_rejected_reason ?? undefined}>
                      same as rejected version {version.equals_rejected}
                    </Badge>
                  )}
                  {version.code_state === "missing" ? (
                    <Badge colorPalette="red" title={version.code_message ?? undefined}>
                      code missing
                    </Badge>
                  ) : undefined}
                  {version.code_source === "checkout" && version.code_problem === null ? (
                    <Badge colorPalette="orange" title={version.code_message ?? undefined}>
                      not on the remote
                    </Badge>
                  ) : undefined}
                </HStack>
              </Table.Cell>
              <Table.Cell>
                <RelativeTime value={version.created_at} />
              </Table.Cell>
              <Table.Cell>{runs(version)}</Table.Cell>
              {mayAct ? (
                <Table.Cell>
                  <HStack>
                    {offers(version, pinned, permissions).map(([kind, word]) => (
                      <Button
                        aria-label={`${word}${kind === "canary" ? " of" : ""} version ${version.version_number}`}
                        key={kind}
                        onClick={() => onAct(actionOn(kind, version))}
                        size="xs"
                        variant="outline"
                      >
                        {word}
                      </Button>
                    ))}
                  </HStack>
                </Table.Cell>
              ) : undefined}
            </Table.Row>
          ))}
        </Table.Body>
      </ScrollableTable>
      {versions.total > versions.items.length ? (
        <Text color="fg.muted" fontSize="sm" mt={2}>
          Showing the latest {versions.items.length} of {versions.total} versions.
        </Text>
      ) : undefined}
    </Section>
  );
};
