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
import { UnmetRules } from "src/components/UnmetRules";
import { POLICY } from "src/lib/objections";
import { absolute } from "src/lib/time";
import { plural } from "src/lib/versions";

interface Props {
  readonly error: ApiError;
  /** Whether the user may pass over rules of release policies, with a reason that the dialog asks for. */
  readonly mayOverride?: boolean;
  /** Revision of the state that the user saw. */
  readonly seen: number;
}

/** Why a change was not made, or that its outcome is unknown. */
export const RequestFailure = ({ error, mayOverride = false, seen }: Props) => {
  const { already, components, message, reason, state, status, unmet } = error;

  if (already) {
    return (
      <Notice live status="info" title={`Already rolled back by ${already.actor}`}>
        {`From version ${already.from_version} to version ${already.to_version}, ${absolute(already.at)}: ${already.reason}\nNothing is left to do.`}
      </Notice>
    );
  }

  if (reason === "revision_conflict" && state && state.revision !== seen) {
    const who = state.pin
      ? `${state.pin.actor} pinned version ${state.active?.version_number}`
      : "Someone unpinned the Dag";
    const when = state.pin ? `, ${absolute(state.pin.pinned_at)}: ${state.pin.reason}` : ".";

    return (
      <Notice live status="error" title="Someone else changed this Dag. Your change was not made.">
        {`${who}${when}\nReview the updated changes below, then confirm or cancel.`}
      </Notice>
    );
  }

  if (reason === POLICY && unmet.length > 0) {
    return (
      <Notice live status="error" title={`Change not made: ${plural(unmet.length, "release rule")} not met`}>
        <UnmetRules unmet={unmet} />
        {mayOverride
          ? "You may pass over them: enter an override reason below."
          : "You may not pass over them; that needs a permission of its own."}
      </Notice>
    );
  }

  if (reason === "database_busy") {
    return (
      <Notice live status="error" title="Change not made">
        {message}
      </Notice>
    );
  }

  if (status === 0 || status >= 500) {
    return (
      <Notice live status="error" title="We don't know if this change was made">
        {`${message}\nTry again: it is safe, the change will not be made twice.`}
      </Notice>
    );
  }

  return (
    <Notice live status="error" title="Change not made">
      {[message, ...components].join("\n")}
    </Notice>
  );
};
