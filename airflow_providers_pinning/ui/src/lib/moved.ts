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

import type { DagPinning } from "src/api/requests";
import type { ReleaseState } from "src/api/types";

/**
 * What is known of a Dag once a change is answered, until everything else is read again.
 *
 * What was relative to the version that was active is not known any more: where a rollback would lead, and which
 * versions change something related.
 */
export const movedTo = (before: DagPinning, state: ReleaseState): DagPinning => {
  const active = state.active?.dag_version_id;

  return active === before.state.active?.dag_version_id
    ? { ...before, state }
    : {
        ...before,
        failedTasks: [],
        rollbackTarget: { ...before.rollbackTarget, passed_over: [], to_version: null },
        state,
        versions: {
          ...before.versions,
          items: before.versions.items.map((version) => ({
            ...version,
            is_active: version.dag_version_id === active,
            related_to_active: null,
          })),
        },
      };
};
