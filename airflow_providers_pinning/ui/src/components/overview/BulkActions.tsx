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

import { Button, HStack, Text } from "@chakra-ui/react";
import { useState } from "react";
import { Link as RouterLink } from "react-router-dom";

import type { PinSummary } from "src/api/types";
import { HoldDialog } from "src/components/overview/HoldDialog";
import { PLAN_ADDRESS, planOf } from "src/lib/releases";
import { plural } from "src/lib/versions";

interface Props {
  readonly onDone: (text: string) => void;
  readonly selected: ReadonlyArray<PinSummary>;
}

/** What can be done with the selected Dags. What changes versions is planned as a release. */
export const BulkActions = ({ onDone, selected }: Props) => {
  const [kind, setKind] = useState<"hold" | "lift">();
  const held = selected.filter(({ hold }) => hold !== null);
  const free = selected.filter(({ hold }) => hold === null);
  const dagIds = selected.map(({ dag_id: dagId }) => dagId);
  const chosen = kind === "lift" ? held : free;

  return selected.length === 0 ? undefined : (
    <HStack aria-label="Selected Dags" as="section" my={2} wrap="wrap">
      <Text fontSize="sm">{plural(selected.length, "Dag")} selected</Text>
      <Button asChild size="sm" variant="outline">
        <RouterLink state={planOf("newest", dagIds)} to={PLAN_ADDRESS}>
          Pin {selected.length}…
        </RouterLink>
      </Button>
      <Button asChild size="sm" variant="outline">
        <RouterLink state={planOf("rollback", dagIds)} to={PLAN_ADDRESS}>
          Roll back {selected.length}…
        </RouterLink>
      </Button>
      {free.length > 0 ? (
        <Button onClick={() => setKind("hold")} size="sm" variant="outline">
          Hold {free.length}
        </Button>
      ) : undefined}
      {held.length > 0 ? (
        <Button onClick={() => setKind("lift")} size="sm" variant="outline">
          Lift {plural(held.length, "hold")}
        </Button>
      ) : undefined}
      {kind === undefined ? undefined : (
        <HoldDialog
          dagIds={chosen.map(({ dag_id: dagId }) => dagId)}
          kind={kind}
          onClose={() => setKind(undefined)}
          onDone={(text) => {
            setKind(undefined);
            onDone(text);
          }}
        />
      )}
    </HStack>
  );
};
