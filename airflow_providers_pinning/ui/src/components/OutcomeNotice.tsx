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

import { Notice } from "src/components/Notice";
import type { Outcome } from "src/lib/actions";

interface Props {
  /** Whether Airflow's own header of the Dag is above, which keeps what it has read. */
  readonly inTab: boolean;
  readonly onClose: () => void;
  readonly outcome: Outcome;
}

/** What was done, and what it brings with it. */
export const OutcomeNotice = ({ inTab, onClose, outcome: { moved, text, warnings } }: Props) => (
  <Notice onClose={onClose} status={warnings.length ? "warning" : "success"} title={text}>
    {warnings.length || (inTab && moved) ? (
      <>
        {warnings.map((warning) => `${warning}\n`)}
        {inTab && moved ? (
          <>
            Airflow's own header shows it after a reload.
            <Button ms={2} onClick={() => globalThis.location.reload()} size="2xs" variant="outline">
              Reload
            </Button>
          </>
        ) : undefined}
      </>
    ) : undefined}
  </Notice>
);
