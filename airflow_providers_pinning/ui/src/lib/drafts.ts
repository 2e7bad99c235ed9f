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

/** What was entered in dialogs that were closed without confirming, until the page is left. */

import type { ReleaseState } from "src/api/types";
import { defaultReason, type Action, type Choices } from "src/lib/actions";
import { DEFAULT_REPLAYS } from "src/lib/replays";

const drafts = new Map<string, Choices>();

const keyOf = (dagId: string, { kind, version }: Action): string => `${dagId}/${kind}/${version}`;

/** What was entered the last time that this action was offered. */
export const draftOf = (dagId: string, action: Action): Choices | undefined => drafts.get(keyOf(dagId, action));

export const keepDraft = (dagId: string, action: Action, choices: Choices): void => {
  drafts.set(keyOf(dagId, action), choices);
};

export const dropDraft = (dagId: string, action: Action): void => {
  drafts.delete(keyOf(dagId, action));
};

interface Runs {
  /** How many canary runs the verdict still needs. */
  needed: number;
  /** How many live runs a canary can replay. */
  replayable: number;
}

/** What a dialog begins with if nothing was entered before. */
export const blank = (action: Action, state: ReleaseState, { needed, replayable }: Runs): Choices => ({
  baseline: false,
  conf: "",
  count: needed,
  finished: "keep",
  from: "",
  hold: false,
  inputs: replayable > 0 ? "replay" : "new",
  isolation: {},
  last: Math.min(DEFAULT_REPLAYS, replayable),
  override: "",
  partition: "",
  reason: defaultReason(action, state),
  rejectCurrent: true,
  skipBlocked: false,
  unfinished: "keep",
  until: "",
});
