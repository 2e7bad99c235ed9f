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
import { useEffect, useMemo, useRef, useState } from "react";
import { useNavigate } from "react-router-dom";

import { getRuns, RUNS_LOADED, type DagPinning } from "src/api/requests";
import { ErrorNotice } from "src/components/ErrorNotice";
import { LabeledCheckbox } from "src/components/LabeledCheckbox";
import { runAddress } from "src/components/Links";
import { Section } from "src/components/Section";
import { TimelineChart } from "src/components/timeline/TimelineChart";
import { columnWidth, COLUMNS, ROW, TOP } from "src/components/timeline/geometry";
import { Legend } from "src/components/timeline/Legend";
import { RunsTable } from "src/components/timeline/RunsTable";
import { usePolled } from "src/hooks/usePolled";
import { useWidth } from "src/hooks/useWidth";
import { layOut, type Row } from "src/lib/timeline";
import { plural } from "src/lib/versions";

/** Of how many runs on those that are alike are bundled, unless the user chooses. */
const BUNDLED_FROM = 60;

const RowLabel = ({ row: { deleted, number, version } }: { readonly row: Row }) => (
  <HStack gap={1} h={`${ROW}px`} pe={2}>
    <Text fontSize="sm" fontWeight={version?.is_active ? "bold" : "normal"} whiteSpace="nowrap">
      v{number}
    </Text>
    {version?.is_active ? (
      <Badge colorPalette="brand" size="xs">
        active
      </Badge>
    ) : version?.state === "candidate" || version?.state === "rejected" ? (
      <Badge colorPalette={version.state === "rejected" ? "red" : "purple"} size="xs">
        {version.state}
      </Badge>
    ) : version?.is_latest ? (
      <Badge size="xs">latest</Badge>
    ) : deleted ? (
      <Badge colorPalette="red" size="xs" variant="outline">
        deleted
      </Badge>
    ) : undefined}
  </HStack>
);

/** Which version each run used, and how the pin moved. */
export const VersionTimeline = ({ pinning }: { readonly pinning: DagPinning }) => {
  const { candidate, events, runs: newest, state, versions } = pinning;
  const navigate = useNavigate();
  const box = useRef<HTMLDivElement>(null);
  const atEnd = useRef(true);
  const width = useWidth(box);
  const [pointed, setPointed] = useState("");
  const [asTable, setAsTable] = useState(false);
  // Undefined: the newest runs, which the page reads anyway.
  const [offset, setOffset] = useState<number>();
  const read = usePolled(
    (signal) => (offset === undefined ? Promise.resolve(null) : getRuns(state.dag_id, offset, signal)),
    `${state.dag_id}/${offset}`,
    { keep: true },
  );
  const runs = (offset === undefined ? undefined : read.data) ?? newest;
  const shown = useMemo(() => runs?.items ?? [], [runs]);
  const [toScale, setToScale] = useState(false);
  const [bundled, setBundled] = useState<boolean>();
  const isBundled = bundled ?? shown.length > BUNDLED_FROM;
  const timeline = useMemo(
    () =>
      layOut({
        bundled: isBundled,
        candidate,
        events: events.items,
        runs: shown,
        state,
        total: versions.total,
        versions: versions.items,
      }),
    [candidate, events, isBundled, shown, state, versions],
  );

  useEffect(() => {
    if (atEnd.current) {
      box.current?.scrollTo({ left: box.current.scrollWidth });
    }
  }, [timeline.columns, width]);

  return (
    <Section
      actions={
        shown.length === 0 ? undefined : (
          <HStack wrap="wrap">
            {asTable ? undefined : (
              <>
                <LabeledCheckbox checked={toScale} onChange={setToScale}>
                  Time to scale
                </LabeledCheckbox>
                <LabeledCheckbox checked={isBundled} onChange={setBundled}>
                  Bundle runs that are alike
                </LabeledCheckbox>
              </>
            )}
            <Button onClick={() => setAsTable(!asTable)} size="xs" variant="outline">
              {asTable ? "Show chart" : "Show table"}
            </Button>
          </HStack>
        )
      }
      title="Version timeline"
    >
      {asTable ? (
        <RunsTable dagId={state.dag_id} runs={shown} />
      ) : timeline.rows.length === 0 ? (
        <Text color="fg.muted">No version parsed yet.</Text>
      ) : (
        <Flex minW={0}>
          <Box flexShrink={0} pt={`${TOP}px`}>
            {timeline.rows.map((row) => (
              <RowLabel key={row.number} row={row} />
            ))}
          </Box>
          <Box
            aria-label="Version timeline chart"
            flexGrow={1}
            minW={0}
            onScroll={({ currentTarget: { clientWidth, scrollLeft, scrollWidth } }) => {
              atEnd.current = scrollLeft + clientWidth >= scrollWidth - COLUMNS[0];
            }}
            overflowX="auto"
            ref={box}
            role="region"
            tabIndex={0}
          >
            <TimelineChart
              column={columnWidth(timeline.columns, width)}
              onOpenRun={(runId) => void navigate(runAddress(state.dag_id, runId))}
              onPoint={setPointed}
              state={state}
              timeline={timeline}
              toScale={toScale}
            />
          </Box>
        </Flex>
      )}
      {asTable ? undefined : (
        <>
          <Text color="fg.muted" fontSize="xs" minH="1.25rem" overflowWrap="anywhere">
            {pointed}
          </Text>
          <Legend />
        </>
      )}
      {runs && (offset !== undefined || runs.total > shown.length) ? (
        <HStack aria-busy={read.waiting} mt={1} wrap="wrap">
          <Button
            disabled={runs.total <= (offset ?? 0) + shown.length}
            onClick={() => setOffset(offset === undefined ? 0 : offset + RUNS_LOADED)}
            size="xs"
            variant="outline"
          >
            Older runs
          </Button>
          <Button
            disabled={offset === undefined}
            onClick={() => setOffset(offset ? offset - RUNS_LOADED : undefined)}
            size="xs"
            variant="outline"
          >
            Newer runs
          </Button>
        </HStack>
      ) : undefined}
      <ErrorNotice error={offset === undefined ? undefined : read.error} onRetry={read.refresh} stale />
      <Text color="fg.muted" fontSize="xs" mt={1}>
        {runs === null ? "You don't have permission to view this Dag's runs. " : ""}
        {runs && runs.total > shown.length
          ? offset
            ? `Showing runs ${offset + 1} to ${offset + shown.length} of ${runs.total}, counted from the newest. `
            : `Showing the latest ${shown.length} of ${runs.total} runs. `
          : ""}
        {!asTable && timeline.omitted > 0 ? `${plural(timeline.omitted, "more version")} not shown. ` : ""}
        {!asTable && timeline.hidden > 0
          ? `${plural(timeline.hidden, "run belongs", "runs belong")} to versions not shown here. See the table. `
          : ""}
      </Text>
    </Section>
  );
};
