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

import { Field, Input, Text } from "@chakra-ui/react";
import { useState } from "react";

import { call } from "src/api/client";
import { ChangeDialog } from "src/components/dialog/ChangeDialog";
import { plural } from "src/lib/versions";
import { momentOf, zoneName } from "src/lib/time";

/** How many of the Dags are named. */
const NAMED = 10;

interface Props {
  readonly dagIds: ReadonlyArray<string>;
  readonly kind: "hold" | "lift";
  readonly onClose: () => void;
  readonly onDone: (text: string) => void;
}

/** Puts several Dags on hold, or lifts their holds: all of them or none. */
export const HoldDialog = ({ dagIds, kind, onClose, onDone }: Props) => {
  const [until, setUntil] = useState("");
  const dags = plural(dagIds.length, "Dag");
  const holds = kind === "hold";
  const more = dagIds.length - NAMED;

  return (
    <ChangeDialog
      confirm={holds ? `Hold ${dags}` : "Lift holds"}
      onClose={onClose}
      onSend={async (reason, key) => {
        const end = holds && until !== "" ? { until: momentOf(until) } : {};

        await call(holds ? "holds" : "holds/lift", {
          body: { dag_ids: dagIds, idempotency_key: key, reason, ...end },
          method: "POST",
        });
        onDone(holds ? `${dags} put on hold.` : `Holds of ${dags} lifted.`);
      }}
      title={holds ? `Put ${dags} on hold` : `Lift the holds of ${dags}`}
    >
      <Text overflowWrap="anywhere">
        {holds
          ? "Blocks changes of the active versions, except rollbacks, until the holds end or someone lifts them: "
          : "Allows promotions again: "}
        {dagIds.slice(0, NAMED).join(", ")}
        {more > 0 ? ` and ${more} more` : ""}.
      </Text>
      {holds ? (
        <Field.Root>
          <Field.Label>Hold until</Field.Label>
          <Input onChange={({ target }) => setUntil(target.value)} type="datetime-local" value={until} w="16rem" />
          <Field.HelperText>Empty: until someone lifts it. In time zone {zoneName()}.</Field.HelperText>
        </Field.Root>
      ) : undefined}
    </ChangeDialog>
  );
};
