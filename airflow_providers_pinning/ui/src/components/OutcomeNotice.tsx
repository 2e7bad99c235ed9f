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

import { Button, Link } from "@chakra-ui/react";
import { Link as RouterLink } from "react-router-dom";

import { Notice } from "src/components/Notice";
import type { Outcome } from "src/lib/actions";

interface Props {
  /** Whether Airflow's own Dag header is shown above, which does not refresh by itself. */
  readonly inTab: boolean;
  readonly onClose: () => void;
  readonly outcome: Outcome;
}

/** What was done, with the server's warnings. */
export const OutcomeNotice = ({ inTab, onClose, outcome: { moved, runsPath, text, warnings } }: Props) => (
  <Notice onClose={onClose} status={warnings.length ? "warning" : "success"} title={text}>
    {warnings.length || runsPath || (inTab && moved) ? (
      <>
        {warnings.map((warning) => `${warning}\n`)}
        {runsPath ? (
          <Link asChild color="fg.info">
            <RouterLink to={runsPath}>View runs</RouterLink>
          </Link>
        ) : undefined}
        {inTab && moved ? (
          <>
            Reload to update the Dag header.
            <Button ms={2} onClick={() => globalThis.location.reload()} size="2xs" variant="outline">
              Reload
            </Button>
          </>
        ) : undefined}
      </>
    ) : undefined}
  </Notice>
);
