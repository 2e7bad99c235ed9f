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

import { Box, Button, Field, Flex, Heading, Input, Link, NativeSelect, Skeleton, Stack, Text } from "@chakra-ui/react";
import { useCallback, useState } from "react";
import { Link as RouterLink, useSearchParams } from "react-router-dom";

import { getFeed, type FeedQuery } from "src/api/requests";
import { ErrorNotice } from "src/components/ErrorNotice";
import { EventsTable } from "src/components/EventsTable";
import { useDebounced } from "src/hooks/useDebounced";
import { usePolled } from "src/hooks/usePolled";
import { LABELS } from "src/lib/events";
import { csvOf, everyChange } from "src/lib/exports";
import { EMPTY, fromParams, isFiltered, toParams } from "src/lib/feedQuery";

interface Props {
  readonly onChange: (changed: Partial<FeedQuery>) => void;
  readonly query: FeedQuery;
}

interface TextProps extends Props {
  readonly field: "actor" | "dags" | "text";
  readonly label: string;
  readonly placeholder: string;
}

const TextFilter = ({ field, label, onChange, placeholder, query }: TextProps) => {
  const search = useCallback((sought: string) => onChange({ [field]: sought }), [field, onChange]);
  const [text, setText] = useDebounced(query[field], search);

  return (
    <Field.Root maxW="16rem">
      <Field.Label>{label}</Field.Label>
      <Input
        onChange={({ target }) => setText(target.value)}
        placeholder={placeholder}
        size="sm"
        type="search"
        value={text}
      />
    </Field.Root>
  );
};

const Filters = ({ onChange, query }: Props) => (
  <Flex align="flex-end" gap={3} wrap="wrap">
    <TextFilter field="dags" label="Dag" onChange={onChange} placeholder="Search Dag ID" query={query} />
    <Field.Root maxW="14rem">
      <Field.Label>Action</Field.Label>
      <NativeSelect.Root size="sm">
        <NativeSelect.Field onChange={({ target }) => onChange({ kind: target.value })} value={query.kind}>
          <option value="">Any</option>
          {Object.entries(LABELS).map(([kind, label]) => (
            <option key={kind} value={kind}>
              {label}
            </option>
          ))}
        </NativeSelect.Field>
        <NativeSelect.Indicator />
      </NativeSelect.Root>
    </Field.Root>
    <TextFilter field="actor" label="User" onChange={onChange} placeholder="Exact name" query={query} />
    <TextFilter field="text" label="Reason" onChange={onChange} placeholder="Part of a reason" query={query} />
    {(["since", "until"] as const).map((field) => (
      <Field.Root key={field} maxW="10rem">
        <Field.Label>{field === "since" ? "From" : "To"}</Field.Label>
        <Input
          onChange={({ target }) => onChange({ [field]: target.value })}
          size="sm"
          type="date"
          value={query[field]}
        />
      </Field.Root>
    ))}
  </Flex>
);

/** Save every change that a query finds as a file. */
const Download = ({ query }: { readonly query: FeedQuery }) => {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState("");
  const download = async () => {
    setBusy(true);
    setProblem("");
    try {
      const text = csvOf(await everyChange(query, new AbortController().signal));
      const link = document.createElement("a");

      link.href = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
      link.download = "pinning-history.csv";
      link.click();
      URL.revokeObjectURL(link.href);
    } catch (error) {
      setProblem(error instanceof Error ? error.message : String(error));
    }
    setBusy(false);
  };

  return (
    <>
      <Button loading={busy} onClick={() => void download()} size="sm" variant="outline">
        Download as CSV
      </Button>
      {problem === "" ? undefined : <Text role="alert">{problem}</Text>}
    </>
  );
};

/** The changes of all Dags that the user may read, newest first. */
export const FeedPage = () => {
  const [params, setParams] = useSearchParams();
  const query = fromParams(params);
  const feed = usePolled((signal) => getFeed(query, signal), JSON.stringify(query), { keep: true });
  const change = useCallback(
    (changed: Partial<FeedQuery>) =>
      // Another filter begins with the newest changes again.
      setParams((before) => toParams({ ...fromParams(before), before: 0, event: 0, ...changed }), {
        replace: changed.before === undefined,
      }),
    [setParams],
  );
  const next = feed.data?.next_before ?? 0;

  return (
    <Stack gap={3} maxW="full" minW={0} p={2}>
      <Heading as="h1" size="lg">
        History of all Dags
      </Heading>
      <Link asChild color="fg.info">
        <RouterLink to="/plugin/pins">All pinned Dags</RouterLink>
      </Link>
      <ErrorNotice error={feed.error} onRetry={feed.refresh} stale={feed.data !== undefined} />
      {query.event > 0 ? (
        <Button alignSelf="start" onClick={() => change(EMPTY)} size="sm" variant="outline">
          Show all changes
        </Button>
      ) : undefined}
      <Filters onChange={change} query={query} />
      {feed.data === undefined ? (
        feed.error === undefined ? (
          <Skeleton aria-busy="true" aria-label="Loading" h="12rem" role="status" />
        ) : undefined
      ) : (
        <Box aria-busy={feed.waiting} opacity={feed.waiting ? 0.6 : 1}>
          {feed.data.events.length === 0 ? (
            <Stack align="center" py={8}>
              <Text aria-live="polite" textAlign="center">
                {isFiltered(query) ? "No changes match these filters." : "No changes yet."}
              </Text>
              {isFiltered(query) ? (
                <Button onClick={() => change(EMPTY)} size="sm" variant="outline">
                  Clear filters
                </Button>
              ) : undefined}
            </Stack>
          ) : (
            <EventsTable events={feed.data.events} withDags />
          )}
          <Flex aria-label="Pages" as="nav" gap={3} mt={3} wrap="wrap">
            <Button disabled={query.before === 0} onClick={() => change({ before: 0 })} size="sm" variant="outline">
              Newest
            </Button>
            <Button disabled={next === 0} onClick={() => change({ before: next })} size="sm" variant="outline">
              Older
            </Button>
            <Download query={query} />
          </Flex>
        </Box>
      )}
    </Stack>
  );
};
