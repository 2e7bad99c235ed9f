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

/** Every request that the pages make. */

import { ApiError, call, dagPath } from "src/api/client";
import type {
  Comparison,
  Components,
  Criteria,
  Event,
  EventFeed,
  Explanation,
  FailedTask,
  Failure,
  Freeze,
  Pair,
  Param,
  Permissions,
  PinOrder,
  PinSummary,
  Policies,
  PoliciesOverview,
  Release,
  ReleaseBody,
  ReleaseState,
  ReleaseSummary,
  RollbackTarget,
  Run,
  Soak,
  UnpinnedDag,
  Version,
} from "src/api/types";
import { candidateOf } from "src/lib/versions";

export const VERSIONS_SHOWN = 50;
export const VERSIONS_OFFERED = 200;
export const EVENTS_SHOWN = 100;
export const RUNS_SHOWN = 120;
/** How many runs are read at once when older ones are looked at. */
export const RUNS_LOADED = 500;
export const REPLAYS_SHOWN = 20;

export interface List<T> {
  items: Array<T>;
  total: number;
}

/** Everything that the tab shows of a Dag; `null` where the user lacks permission. */
export interface DagPinning {
  /** Why queued canary runs have not started. */
  canaryDelays: Array<string>;
  candidate: Version | null;
  criteria: Criteria;
  events: List<Event>;
  /** The newest failure of each task since the pin. */
  failedTasks: Array<FailedTask>;
  permissions: Permissions;
  /** Which release policies bind the Dag, and what is not met for the candidate. */
  policy: Explanation | null;
  /** The candidate's replays of live runs beside their originals. */
  replays: List<Pair> | null;
  rollbackTarget: RollbackTarget;
  runs: List<Run> | null;
  soak: Soak | null;
  state: ReleaseState;
  versions: List<Version>;
}

const unlessForbidden = async <T>(answer: Promise<T>): Promise<T | null> => {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof ApiError && (error.status === 403 || error.status === 404 || error.status === 409)) {
      return null;
    }
    throw error;
  }
};

export const getComponents = (signal?: AbortSignal): Promise<Components | null> =>
  unlessForbidden(call<Components>("components", { signal }));

export const getComparison = (
  dagId: string,
  { from, hash, to }: { from: number | undefined; hash?: string | undefined; to: number | undefined },
  signal?: AbortSignal,
): Promise<Comparison> =>
  call(`${dagPath(dagId)}/compare`, {
    query: { expected_dag_hash: hash, from_version: from, to_version: to },
    signal,
  });

export interface VersionPair {
  comparison: Comparison;
  /** The newest versions, to choose from. */
  versions: Array<Version>;
}

export const getVersionPair = async (
  dagId: string,
  pair: { from: number | undefined; to: number | undefined },
  signal: AbortSignal,
): Promise<VersionPair> => {
  const [comparison, { versions }] = await Promise.all([
    getComparison(dagId, pair, signal),
    call<{ versions: Array<Version> }>(`${dagPath(dagId)}/versions`, { query: { limit: VERSIONS_OFFERED }, signal }),
  ]);

  return { comparison, versions };
};

/** The verdict by the criteria of the Dag, which every other face gives too; the comparison is shown in any case. */
const getSoak = (dagId: string, version: number, signal: AbortSignal): Promise<Soak | null> =>
  unlessForbidden(
    call<Soak>(`${dagPath(dagId)}/versions/${version}/soak`, { query: { show_comparison: true }, signal }),
  );

const getReplays = async (dagId: string, version: number, signal: AbortSignal): Promise<List<Pair> | null> => {
  const answer = await unlessForbidden(
    call<{ replays: Array<Pair>; total_entries: number }>(`${dagPath(dagId)}/versions/${version}/replays`, {
      query: { limit: REPLAYS_SHOWN },
      signal,
    }),
  );

  return answer && { items: answer.replays, total: answer.total_entries };
};

export const getDagPinning = async (dagId: string, signal: AbortSignal): Promise<DagPinning> => {
  const dag = dagPath(dagId);
  const [state, permissions, target, versions, criteria, policy, events, runs] = await Promise.all([
    call<ReleaseState>(dag, { signal }),
    call<Permissions>(`${dag}/permissions`, { signal }),
    call<RollbackTarget>(`${dag}/rollback`, { signal }),
    call<{ total_entries: number; versions: Array<Version> }>(`${dag}/versions`, {
      query: { limit: VERSIONS_SHOWN },
      signal,
    }),
    call<Criteria>(`${dag}/criteria`, { signal }),
    unlessForbidden(call<Explanation>(`${dag}/policy`, { signal })),
    call<{ events: Array<Event>; total_entries: number }>(`${dag}/events`, { query: { limit: EVENTS_SHOWN }, signal }),
    unlessForbidden(
      call<{ canary_delays: Array<string>; failed_tasks?: Array<FailedTask>; runs: Array<Run>; total_entries: number }>(
        `${dag}/runs`,
        {
          query: { limit: RUNS_SHOWN },
          signal,
        },
      ),
    ),
  ]);
  const candidate = candidateOf(versions.versions, state.active?.version_number);
  // Only a version that was evaluated has runs to judge and to compare.
  const tried = candidate?.state === "candidate" ? candidate.version_number : undefined;
  const [soak, replays] =
    tried === undefined
      ? [null, null]
      : await Promise.all([getSoak(dagId, tried, signal), getReplays(dagId, tried, signal)]);

  return {
    canaryDelays: runs?.canary_delays ?? [],
    candidate,
    criteria,
    events: { items: events.events, total: events.total_entries },
    failedTasks: runs?.failed_tasks ?? [],
    permissions,
    policy,
    replays,
    rollbackTarget: target,
    runs: runs && { items: runs.runs, total: runs.total_entries },
    soak,
    state,
    versions: { items: versions.versions, total: versions.total_entries },
  };
};

/** The parameters of a version; none where they cannot be read, so that its configuration is entered as JSON. */
export const getParams = async (dagId: string, version: number, signal: AbortSignal): Promise<Array<Param>> =>
  (await unlessForbidden(call<{ params: Array<Param> }>(`${dagPath(dagId)}/versions/${version}/params`, { signal })))
    ?.params ?? [];

/** Older runs of a Dag, newest first, beginning with the run at an offset. */
export const getRuns = async (dagId: string, offset: number, signal: AbortSignal): Promise<List<Run> | null> => {
  const answer = await unlessForbidden(
    call<{ runs: Array<Run>; total_entries: number }>(`${dagPath(dagId)}/runs`, {
      query: { limit: RUNS_LOADED, offset },
      signal,
    }),
  );

  return answer && { items: answer.runs, total: answer.total_entries };
};

/** The newest failure of each task since the pin, with the last lines of its log; a log may be far away. */
export const getFailures = async (dagId: string, signal: AbortSignal): Promise<Array<Failure>> =>
  (await call<{ failures: Array<Failure> }>(`${dagPath(dagId)}/failures`, { signal })).failures;

export const FEED_SHOWN = 50;

export interface FeedQuery {
  actor: string;
  /** Only changes with a lower id; 0 begins with the newest. */
  before: number;
  dags: string;
  /** The one change to show; 0 shows those that match. */
  event: number;
  kind: string;
  /** Days, in the user's time zone. */
  since: string;
  text: string;
  until: string;
}

const dayAfter = (day: string): Date => {
  const date = new Date(`${day}T00:00`);

  date.setDate(date.getDate() + 1);

  return date;
};

/** The changes of all Dags that the user may read. */
export const getFeed = async (query: FeedQuery, signal: AbortSignal): Promise<EventFeed> =>
  query.event > 0
    ? { events: [await call<Event>(`events/${query.event}`, { signal })], next_before: null }
    : call("events", {
        query: {
          actor: query.actor || undefined,
          before: query.before || undefined,
          dag_id_pattern: query.dags || undefined,
          kind: query.kind || undefined,
          limit: FEED_SHOWN,
          since: query.since ? new Date(`${query.since}T00:00`).toISOString() : undefined,
          text: query.text || undefined,
          until: query.until ? dayAfter(query.until).toISOString() : undefined,
        },
        signal,
      });

export const RELEASES_SHOWN = 50;

/** Get the releases that are about Dags which the user may read, newest first. */
export const getReleases = async (offset: number, signal: AbortSignal): Promise<List<ReleaseSummary>> => {
  const answer = await call<{ releases: Array<ReleaseSummary>; total_entries: number }>("releases", {
    query: { limit: RELEASES_SHOWN, offset },
    signal,
  });

  return { items: answer.releases, total: answer.total_entries };
};

/** How many Dags of a release are shown at once, of up to many thousands. */
export const DAGS_SHOWN = 100;

export const getRelease = (id: string, offset: number, signal: AbortSignal): Promise<Release> =>
  call(`releases/${encodeURIComponent(id)}`, { query: { limit: DAGS_SHOWN, offset }, signal });

/** What a plan says of itself where the server wants a reason. */
const PLANNED = "Plan in the user interface";

/** Tell what a release would do; nothing is changed. */
export const planRelease = (body: Omit<ReleaseBody, "reason">): Promise<Release> =>
  call("releases", { body: { ...body, reason: PLANNED }, method: "POST", query: { dry_run: true } });

export const makeRelease = (body: ReleaseBody): Promise<Release> => call("releases", { body, method: "POST" });

export interface RollbackBody {
  expected_freeze_id?: number | null;
  expected_plan?: string;
  expected_policy_revision?: number | null;
  idempotency_key?: string;
  leave_moved: boolean;
  override_reason?: string | undefined;
  reason: string;
}

const rollbackPath = (id: string): string => `releases/${encodeURIComponent(id)}/rollback`;

/** Tell what the rollback of a release would do; nothing is changed. */
export const planRollback = (id: string, body: Omit<RollbackBody, "reason">): Promise<Release> =>
  call(rollbackPath(id), { body: { ...body, reason: PLANNED }, method: "POST", query: { dry_run: true } });

export const rollBackRelease = (id: string, body: RollbackBody): Promise<Release> =>
  call(rollbackPath(id), { body, method: "POST" });

/** Why a Dag wants attention; each is a filter of the overview. */
export const INBOX = ["failing", "unhealthy", "waiting", "unapproved", "held", "scheduled"] as const;

export type InboxReason = (typeof INBOX)[number];

/** How many pinned Dags that the user may read want attention, and how many Dags are not pinned. */
export const getInbox = (signal: AbortSignal): Promise<Record<InboxReason | "unpinned", number>> =>
  call("inbox", { signal });

export const UNPINNED_SHOWN = 50;

/** The Dags that the user may read and that are not pinned, by their ids. */
export const getUnpinned = async (text: string, offset: number, signal: AbortSignal): Promise<List<UnpinnedDag>> => {
  const answer = await call<{ dags: Array<UnpinnedDag>; total_entries: number }>("unpinned", {
    query: { dag_id_pattern: text || undefined, limit: UNPINNED_SHOWN, offset },
    signal,
  });

  return { items: answer.dags, total: answer.total_entries };
};

/** How many freezes are shown, those that are over too. */
export const FREEZES_SHOWN = 100;

export interface ReleaseRules {
  /** Those that are in force, newest first. */
  freezes: Array<Freeze>;
  /** The last of those that are over, newest first. */
  past: Array<Freeze>;
  policies: Policies;
}

/** Get the policies that are in force, and the freezes, those that are over too. */
export const getReleaseRules = async (signal: AbortSignal): Promise<ReleaseRules> => {
  const [policies, { freezes }, { freezes: all }] = await Promise.all([
    call<Policies>("policies", { signal }),
    call<{ freezes: Array<Freeze> }>("freezes", { query: { limit: 1000 }, signal }),
    call<{ freezes: Array<Freeze> }>("freezes", { query: { limit: FREEZES_SHOWN, over: true }, signal }),
  ]);
  const ids = new Set(freezes.map(({ id }) => id));

  return { freezes, past: all.filter(({ id }) => !ids.has(id)), policies };
};

/** Tell which Dags that the user may read each policy selects, and whether its windows are open. */
export const getPoliciesOverview = (signal: AbortSignal): Promise<PoliciesOverview> =>
  call("policies/overview", { signal });

export interface PinsQuery {
  actor: string;
  behind: boolean;
  bundle: string;
  failing: boolean;
  held: boolean;
  limit: number;
  offset: number;
  order: PinOrder;
  owner: string;
  scheduled: boolean;
  tag: string;
  text: string;
  unapproved: boolean;
  unhealthy: boolean;
  waiting: boolean;
}

export const getPins = async (query: PinsQuery, signal: AbortSignal): Promise<List<PinSummary>> => {
  const answer = await call<{ pins: Array<PinSummary>; total_entries: number }>("pins", {
    query: {
      actor: query.actor || undefined,
      behind: query.behind || undefined,
      bundles: query.bundle || undefined,
      dag_id_pattern: query.text || undefined,
      failing: query.failing || undefined,
      held: query.held || undefined,
      limit: query.limit,
      offset: query.offset,
      order_by: query.order,
      owners: query.owner || undefined,
      scheduled: query.scheduled || undefined,
      tags: query.tag || undefined,
      unapproved: query.unapproved || undefined,
      unhealthy: query.unhealthy || undefined,
      waiting: query.waiting || undefined,
    },
    signal,
  });

  return { items: answer.pins, total: answer.total_entries };
};
