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

import { Button } from "@chakra-ui/react";

import type { PendingChange } from "src/api/types";
import { Notice } from "src/components/Notice";
import { RelativeTime } from "src/components/RelativeTime";
import { describePending } from "src/lib/actions";
import { absolute } from "src/lib/time";

interface Props {
  /** Called to cancel the change; without it, the user may not. */
  readonly onCancel?: () => void;
  readonly pending: PendingChange | null | undefined;
}

const waiting = ({ is_due: isDue, waits_for: waitsFor }: PendingChange): string =>
  waitsFor === null
    ? isDue
      ? "\nA scheduler is applying it now."
      : ""
    : `\nIt waits for the run of ${absolute(waitsFor)}, which the old schedule still has to create.`;

/** A change that takes effect at a given time, and how to stop it. */
export const PendingBanner = ({ onCancel, pending }: Props) =>
  !pending ? undefined : (
    <Notice status="info" title={`Pending: ${describePending(pending)}`}>
      {"From "}
      {absolute(pending.effective_from)} (<RelativeTime value={pending.effective_from} />
      {`). ${pending.reason} (${pending.actor})${waiting(pending)}\n`}
      {onCancel === undefined ? undefined : (
        <Button mt={2} onClick={onCancel} size="sm" variant="outline">
          Cancel the change
        </Button>
      )}
    </Notice>
  );
