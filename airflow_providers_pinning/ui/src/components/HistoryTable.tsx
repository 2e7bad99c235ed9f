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

import { Input, Text } from "@chakra-ui/react";
import { useState } from "react";

import type { Event } from "src/api/types";
import type { List } from "src/api/requests";
import { EventsTable } from "src/components/EventsTable";
import { HistoryLink } from "src/components/Links";
import { Section } from "src/components/Section";
import { matches } from "src/lib/events";

/** Shorter histories are read rather than searched. */
const SEARCHED_FROM = 5;

/** The changes of a Dag's versions, newest first. */
export const HistoryTable = ({ events }: { readonly events: List<Event> }) => {
  const [text, setText] = useState("");
  const shown = events.items.filter((event) => matches(event, text));

  return (
    <Section actions={<HistoryLink>All Dags</HistoryLink>} title="History">
      {events.items.length > SEARCHED_FROM ? (
        <Input
          aria-label="Search the history"
          maxW="20rem"
          mb={2}
          onChange={({ target }) => setText(target.value)}
          placeholder="Search action, user or reason"
          size="sm"
          value={text}
        />
      ) : undefined}
      {events.items.length === 0 ? <Text color="fg.muted">No changes yet.</Text> : <EventsTable events={shown} />}
      {events.total > events.items.length ? (
        <Text color="fg.muted" fontSize="sm" mt={2}>
          Showing the latest {events.items.length} of {events.total} changes.
        </Text>
      ) : undefined}
    </Section>
  );
};
