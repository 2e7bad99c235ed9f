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

/** Answers of the API for the tests, with what a test does not care about filled in. */

import type { Event, Identity, Ramp, ReleaseState, Run, Version } from "src/api/types";
import type { Choices } from "src/lib/actions";

const MINUTE = 60_000;
const BEGIN = Date.UTC(2026, 0, 1);

/** The moment some minutes after the beginning. */
export const minute = (count: number): string => new Date(BEGIN + count * MINUTE).toISOString();

export const identity = (number: number): Identity => ({
  bundle_name: "dags",
  bundle_version: `sha${number}`,
  dag_hash: `hash${number}`,
  dag_version_id: `id${number}`,
  relative_fileloc: "orders.py",
  version_number: number,
});

export const version = (number: number, changes: Partial<Version> = {}): Version =>
  ({
    ...identity(number),
    code_state: null,
    commit: null,
    created_at: minute(0),
    equals_rejected: null,
    active_until: null,
    equals_rejected_reason: null,
    is_active: false,
    is_latest: false,
    rejection_held: null,
    related_to_active: true,
    run_counts: {},
    state: "registered",
    state_reason: null,
    ...changes,
  }) as Version;

export const run = (number: number | null, at: number, changes: Partial<Run> = {}): Run =>
  ({
    created_at: minute(at),
    dag_version_id: number === null ? null : `id${number}`,
    ended_at: null,
    kind: "live",
    run_id: `run_${at}`,
    run_type: "scheduled",
    started_at: null,
    state: "success",
    version_number: number,
    ...changes,
  }) as Run;

export const event = (kind: string, from: number | null, to: number | null, at: number, revision = 1): Event => ({
  actor: "maria",
  actor_kind: "user",
  created_at: minute(at),
  dag_id: "orders",
  evidence: null,
  from_version: from === null ? null : identity(from),
  id: at,
  kind,
  override_reason: null,
  reason: "because",
  release_id: null,
  revision,
  source: null,
  to_version: to === null ? null : identity(to),
});

export const CHOICES: Choices = {
  baseline: false,
  conf: "",
  count: 1,
  finished: "keep",
  from: "",
  hold: false,
  inputs: "new",
  isolation: {},
  last: 3,
  override: "",
  partition: "",
  reason: " why ",
  rejectCurrent: true,
  skipBlocked: false,
  unfinished: "keep",
  until: "",
};

export const ramp = (changes: Partial<Ramp> = {}): Ramp => ({
  actor: "alice",
  failed: 0,
  finished: 2,
  id: 1,
  max_failures: 0,
  message: null,
  needed: 6,
  next_in: 4,
  promotion: "automatic",
  reason: "try it",
  share: 0.1,
  started_at: minute(0),
  status: "running",
  step: 1,
  step_since: minute(0),
  steps: [
    { duration: null, runs: 6, share: 0.1 },
    { duration: 86_400, runs: null, share: 0.5 },
  ],
  unfinished: 0,
  version: identity(4),
  ...changes,
});

export const release = (active: number | null, changes: Partial<ReleaseState> = {}): ReleaseState =>
  ({
    active: active === null ? null : identity(active),
    dag_id: "orders",
    health: { problems: [], status: "healthy" },
    hold: null,
    latest: active === null ? null : identity(active),
    pin: null,
    pinned: false,
    related_versions_behind: 0,
    revision: 0,
    versions_behind: 0,
    warnings: [],
    ...changes,
  }) as ReleaseState;
