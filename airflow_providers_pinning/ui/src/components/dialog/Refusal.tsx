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

import type { ApiError } from "src/api/client";
import { Notice } from "src/components/Notice";
import { absolute } from "src/lib/time";

interface Props {
  readonly error: ApiError;
  /** Revision of the state that the person saw. */
  readonly seen: number;
}

/** Why nothing was changed. */
export const Refusal = ({ error, seen }: Props) => {
  const { components, message, reason, state, status } = error;

  if (reason === "revision_conflict" && state && state.revision !== seen) {
    const who = state.pin
      ? `${state.pin.actor} pinned version ${state.active?.version_number}`
      : "Somebody unpinned the Dag";
    const when = state.pin ? `, ${absolute(state.pin.pinned_at)}: ${state.pin.reason}` : ".";

    return (
      <Notice live status="error" title="Somebody else was faster; nothing was changed">
        {`${who}${when}\nLook at what would change now, then confirm again or cancel.`}
      </Notice>
    );
  }

  if (reason === "database_busy") {
    return (
      <Notice live status="error" title="Nothing was changed">
        {message}
      </Notice>
    );
  }

  if (status === 0 || status >= 500) {
    return (
      <Notice live status="error" title="It is not known whether this was done">
        {`${message}\nConfirm again to find out: what was done already is not done twice.`}
      </Notice>
    );
  }

  return (
    <Notice live status="error" title="Nothing was changed">
      {[message, ...components].join("\n")}
    </Notice>
  );
};
