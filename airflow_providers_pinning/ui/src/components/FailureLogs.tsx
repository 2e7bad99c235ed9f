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

import { Box, Button, Stack, Text } from "@chakra-ui/react";
import { useState } from "react";

import { getFailures } from "src/api/requests";
import type { Failure } from "src/api/types";
import { MultilineText } from "src/components/ExpandableText";
import { LogLink } from "src/components/Links";
import { usePolled } from "src/hooks/usePolled";

/** Milliseconds between looks at logs, which are of tries that ended. */
const SELDOM = 600_000;

const linesOf = ({ lines, problem }: Failure): string =>
  [...lines.map(({ text }) => text), ...(problem === null ? [] : [problem])].join("\n");

const Logs = ({ dagId }: { readonly dagId: string }) => {
  const { data, error } = usePolled((signal) => getFailures(dagId, signal), dagId, { interval: SELDOM });

  if (error !== undefined) {
    return <Text role="alert">{error.message}</Text>;
  }
  if (data === undefined) {
    return <Text role="status">Reading the logs</Text>;
  }

  return data.length === 0 ? (
    <Text>No task failed since the pin.</Text>
  ) : (
    data.map((failure) => (
      <Stack gap={1} key={failure.task_id}>
        <LogLink dagId={dagId} task={failure} />
        <Box
          aria-label={`Last lines of ${failure.task_id}`}
          bg="bg.subtle"
          color="fg"
          fontFamily="mono"
          fontSize="xs"
          maxH="12rem"
          overflowY="auto"
          p={2}
          role="region"
          tabIndex={0}
        >
          <MultilineText>{linesOf(failure)}</MultilineText>
        </Box>
      </Stack>
    ))
  );
};

/** The last lines that failed tasks logged; they are read when somebody asks, as logs may be far away. */
export const FailureLogs = ({ dagId }: { readonly dagId: string }) => {
  const [open, setOpen] = useState(false);

  return (
    <Stack align="start" gap={2}>
      <Button aria-expanded={open} onClick={() => setOpen(!open)} size="xs" variant="outline">
        {open ? "Hide the last log lines" : "Show the last log lines"}
      </Button>
      {open ? (
        <Stack alignSelf="stretch" gap={2} minW={0}>
          <Logs dagId={dagId} />
        </Stack>
      ) : undefined}
    </Stack>
  );
};
