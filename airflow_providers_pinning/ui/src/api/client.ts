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

/** A small client of the REST API. The browser sends the session's cookie, as it does for Airflow's own requests. */

import type { ReleaseState, Unmet } from "src/api/types";

type Query = Record<string, boolean | number | string | undefined>;

export interface Request {
  body?: unknown;
  method?: "DELETE" | "GET" | "PATCH" | "POST" | "PUT";
  query?: Query;
  signal?: AbortSignal;
}

/** Milliseconds to wait for a response; a change may wait for locks first. */
const TIMEOUT = { change: 60_000, read: 20_000 };

/** How many times a request is sent at most. */
const ATTEMPTS = 3;

/** A rollback that was made. */
export interface Rollback {
  actor: string;
  at: string;
  from_version: number;
  reason: string;
  to_version: number;
}

/** A request that failed, with the server's explanation. */
export class ApiError extends Error {
  public constructor(
    public readonly status: number,
    /** Machine-readable reason, such as `revision_conflict`. */
    public readonly reason: string,
    message: string,
    /** The current state of the Dag, with `revision_conflict`. */
    public readonly state?: ReleaseState,
    public readonly components: Array<string> = [],
    /** Seconds after which to retry. */
    public readonly retryAfter = 0,
    /** The rollback that somebody else made from the same state, so that nothing is left to do. */
    public readonly already?: Rollback,
    /** The rules of release policies that are not met, with `policy`. */
    public readonly unmet: ReadonlyArray<Unmet> = [],
    /** The revision of the policies that the change was checked against, with `policy`. */
    public readonly policyRevision?: number,
  ) {
    super(message);
    this.name = "ApiError";
  }
}

/** Return a URL of the API, whatever the path of `[api] base_url` is. */
export const addressOf = (path: string, query: Query = {}, base: string = document.baseURI): string => {
  const url = new URL(`pinning/api/v1/${path}`, base);

  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) {
      url.searchParams.set(name, String(value));
    }
  }

  return url.href;
};

export const dagPath = (dagId: string): string => `dags/${encodeURIComponent(dagId)}`;

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null;

const describeInvalid = (detail: Array<unknown>): string =>
  detail
    .filter(isRecord)
    .map(({ loc, msg }) => `${Array.isArray(loc) ? loc.slice(1).join(".") : ""}: ${String(msg)}`)
    .join("; ");

const describeComponent = (component: unknown): string =>
  isRecord(component)
    ? `${String(component.component)} on ${String(component.hostname)}: ${String(component.message)}`
    : String(component);

/** A rule that is not met; what an older or newer server leaves out is empty. */
const asUnmet = ({ details, message, policies, rule }: Record<string, unknown>): Unmet => ({
  details: isRecord(details) ? details : {},
  message: String(message),
  policies: Array.isArray(policies) ? policies.map(String) : [],
  rule: rule as Unmet["rule"],
});

/** Turn an error response into an error that can be shown. */
export const toError = (status: number, body: unknown): ApiError => {
  const detail = isRecord(body) ? body.detail : undefined;

  if (status === 401) {
    return new ApiError(status, "not_logged_in", "Your session has expired. Reload the page to log in again.");
  }
  if (isRecord(detail) && typeof detail.message === "string") {
    return new ApiError(
      status,
      String(detail.reason),
      detail.message,
      isRecord(detail.state) ? (detail.state as unknown as ReleaseState) : undefined,
      Array.isArray(detail.components) ? detail.components.map(describeComponent) : [],
      typeof detail.retry_after === "number" ? detail.retry_after : 0,
      isRecord(detail.already) ? (detail.already as unknown as Rollback) : undefined,
      Array.isArray(detail.unmet) ? detail.unmet.filter(isRecord).map(asUnmet) : [],
      typeof detail.policy_revision === "number" ? detail.policy_revision : undefined,
    );
  }
  if (Array.isArray(detail)) {
    return new ApiError(status, "invalid", describeInvalid(detail));
  }
  if (status === 403) {
    return new ApiError(status, "forbidden", "You don't have permission to do this.");
  }

  return new ApiError(status, "unexpected", `The API server returned an error (${status}).`);
};

/** Call something that takes a signal; abort it when the caller does, or after a timeout. */
const withTimeout = async <T>(
  timeout: number,
  signal: AbortSignal | undefined,
  ask: (signal: AbortSignal) => Promise<T>,
): Promise<T> => {
  const controller = new AbortController();
  const abort = () => controller.abort();
  const timer = globalThis.setTimeout(abort, timeout);

  signal?.addEventListener("abort", abort);
  if (signal?.aborted) {
    abort();
  }
  try {
    return await ask(controller.signal);
  } catch (error) {
    if (signal?.aborted) {
      throw error;
    }
    const why = controller.signal.aborted ? `did not respond within ${timeout / 1000} seconds` : "can't be reached";

    throw new ApiError(0, "unreachable", `The API server ${why}.`);
  } finally {
    globalThis.clearTimeout(timer);
    signal?.removeEventListener("abort", abort);
  }
};

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

const send = async <T>(path: string, { body, method = "GET", query, signal }: Request): Promise<T> => {
  const [response, answer] = await withTimeout(
    method === "GET" ? TIMEOUT.read : TIMEOUT.change,
    signal,
    async (within) => {
      const answered = await fetch(addressOf(path, query), {
        body: body === undefined ? null : JSON.stringify(body),
        headers: { Accept: "application/json", ...(body === undefined ? {} : { "Content-Type": "application/json" }) },
        method,
        signal: within,
      });

      return [answered, parse(await answered.text())] as const;
    },
  );

  if (!response.ok) {
    throw toError(response.status, answer);
  }
  if (answer === undefined) {
    throw new ApiError(0, "unexpected", "Unexpected response from the API server.");
  }

  return answer as T;
};

const isRepeatable = ({ body, method = "GET", query }: Request): boolean =>
  method === "GET" || (isRecord(body) && "idempotency_key" in body) || query?.idempotency_key !== undefined;

/** Send a request; retry it if the server's database is unavailable and the request is idempotent. */
export const call = async <T>(path: string, request: Request = {}): Promise<T> => {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await send<T>(path, request);
    } catch (error) {
      const isOver = attempt >= ATTEMPTS || request.signal?.aborted === true;

      if (isOver || !(error instanceof ApiError) || error.status !== 503 || !isRepeatable(request)) {
        throw error;
      }
      await new Promise((resolve) => {
        globalThis.setTimeout(resolve, Math.max(1, Math.min(error.retryAfter, 10)) * 1000);
      });
    }
  }
};

/** An idempotency key: a request that is sent twice is carried out once. */
export const newKey = (): string =>
  `ui-${Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
