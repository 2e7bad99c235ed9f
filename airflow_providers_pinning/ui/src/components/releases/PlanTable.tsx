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

import { Stack, Text } from "@chakra-ui/react";
import { useState } from "react";

import { DAGS_SHOWN } from "src/api/requests";
import type { Release } from "src/api/types";
import { Notice } from "src/components/Notice";
import { Pages } from "src/components/Pages";
import { ReleaseDags } from "src/components/releases/ReleaseDags";
import { byConcern, dagsPage, describeCounts } from "src/lib/releases";

/** What a release would do, page by page, and what to know about it. */
export const PlanTable = ({ plan }: { readonly plan: Release }) => {
  const [offset, setOffset] = useState(0);

  return (
    <Stack gap={3}>
      <Text role="status">{describeCounts(plan)}</Text>
      {plan.warnings.length === 0 ? undefined : (
        <Notice status="warning" title="Some Dags keep their version">
          {plan.warnings.join("\n")}
        </Notice>
      )}
      <ReleaseDags caption="What would be done" dags={[...dagsPage(byConcern(plan.dags), offset, DAGS_SHOWN)]} />
      <Pages limit={DAGS_SHOWN} offset={offset} onMove={setOffset} total={plan.dags.length} />
    </Stack>
  );
};
