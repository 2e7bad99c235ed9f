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

import { Badge, Button, Flex, Text } from "@chakra-ui/react";

import { getInbox, INBOX, type InboxReason, type PinsQuery } from "src/api/requests";
import { UnpinnedLink } from "src/components/Links";
import { HEALTH_INTERVAL, usePolled } from "src/hooks/usePolled";
import { UNFILTERED } from "src/lib/pinsQuery";

const LOOKS: Record<InboxReason, readonly [string, string]> = {
  failing: ["Failing", "red"],
  held: ["On hold", "orange"],
  scheduled: ["Change scheduled", "blue"],
  unapproved: ["Approval waits", "purple"],
  unhealthy: ["Pin in trouble", "red"],
  waiting: ["Candidate waits", "purple"],
};

interface Props {
  readonly onChange: (changed: Partial<PinsQuery>) => void;
  readonly query: PinsQuery;
}

/** What wants attention among all Dags that the user may read: each count shows its Dags. */
export const Inbox = ({ onChange, query }: Props) => {
  const { data } = usePolled(getInbox, "inbox", { interval: HEALTH_INTERVAL });
  const wanted = INBOX.filter((reason) => (data?.[reason] ?? 0) > 0 || query[reason]);

  if (data === undefined) {
    return undefined;
  }

  return (
    <Flex align="center" aria-label="Inbox" as="nav" gap={2} wrap="wrap">
      {wanted.length === 0 ? (
        <Text color="fg.muted" fontSize="sm">
          Nothing needs attention.
        </Text>
      ) : (
        wanted.map((reason) => (
          <Button
            aria-pressed={query[reason]}
            key={reason}
            onClick={() => onChange({ ...UNFILTERED, [reason]: !query[reason] })}
            size="sm"
            variant={query[reason] ? "solid" : "outline"}
          >
            {LOOKS[reason][0]}
            <Badge colorPalette={LOOKS[reason][1]}>{data[reason]}</Badge>
          </Button>
        ))
      )}
      {data.unpinned > 0 ? <UnpinnedLink>{`${data.unpinned} not pinned`}</UnpinnedLink> : undefined}
    </Flex>
  );
};
