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

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { addressOf, ApiError, call, dagPath, newKey, toError } from "src/api/client";

import { release } from "./build";

describe("an address", () => {
  it("is below the path of base_url", () => {
    expect(addressOf("pins", {}, "https://host/team/airflow/")).toBe("https://host/team/airflow/pinning/api/v1/pins");
  });

  it("carries the query and leaves out undefined values", () => {
    expect(addressOf("pins", { behind: undefined, text: "a&b" }, "https://host/")).toBe(
      "https://host/pinning/api/v1/pins?text=a%26b",
    );
  });

  it.each([
    ["a.b", "dags/a.b"],
    ["a b", "dags/a%20b"],
    ["täglich", "dags/t%C3%A4glich"],
    ["../x?y#z", "dags/..%2Fx%3Fy%23z"],
  ])("of the Dag %s is %s", (dagId, path) => {
    expect(dagPath(dagId)).toBe(path);
  });
});

describe("an error", () => {
  it("has what the server said", () => {
    const error = toError(409, { detail: { message: "It is held.", reason: "held" } });

    expect([error.status, error.reason, error.message]).toEqual([409, "held", "It is held."]);
  });

  it("has the state with a conflict", () => {
    const state = release(3, { revision: 9 });

    expect(toError(409, { detail: { message: "m", reason: "revision_conflict", state } }).state).toEqual(state);
  });

  it("names the components that do not enforce pins", () => {
    const components = [{ component: "scheduler", hostname: "old", message: "not installed" }];

    expect(toError(409, { detail: { components, message: "m", reason: "not_enforced" } }).components).toEqual([
      "scheduler on old: not installed",
    ]);
  });

  it("has every rule that is not met, whatever is left out of it", () => {
    const unmet = [
      { details: { next_open: null }, message: "Closed.", policies: ["weekdays"], rule: "window" },
      { message: "Frozen.", rule: "freeze" },
      "not a rule",
    ];

    expect(toError(409, { detail: { message: "m", reason: "policy", unmet } }).unmet).toEqual([
      unmet[0],
      { details: {}, message: "Frozen.", policies: [], rule: "freeze" },
    ]);
    expect(toError(409, { detail: { message: "m", reason: "held" } }).unmet).toEqual([]);
    expect(toError(409, { detail: { message: "m", policy_revision: 4, reason: "policy" } }).policyRevision).toBe(4);
  });

  it("names the invalid fields", () => {
    expect(toError(422, { detail: [{ loc: ["body", "reason"], msg: "too long" }] }).message).toBe("reason: too long");
  });

  it.each([
    [401, "log in again"],
    [403, "permission"],
    [502, "returned an error (502)"],
  ])("%d without an explanation gets one", (status, text) => {
    expect(toError(status, undefined).message).toContain(text);
  });
});

describe("a server", () => {
  const hang = (_: unknown, { signal }: { signal: AbortSignal }) =>
    new Promise((_resolve, reject) => {
      signal.addEventListener("abort", () => reject(new Error("aborted")));
    });

  beforeEach(() => {
    vi.useFakeTimers();
    vi.stubGlobal("document", { baseURI: "https://host/" });
  });

  afterEach(() => {
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  it.each([
    ["GET", 20_000, "within 20 seconds"],
    ["PUT", 60_000, "within 60 seconds"],
  ] as const)("that hangs is waited for only so long by %s", async (method, patience, text) => {
    vi.stubGlobal("fetch", hang);
    let told: unknown;

    void call("pins", { method }).catch((error: unknown) => (told = error));
    await vi.advanceTimersByTimeAsync(patience - 1);
    expect(told).toBeUndefined();
    await vi.advanceTimersByTimeAsync(1);
    expect(told).toMatchObject({ reason: "unreachable", status: 0 });
    expect(String(told)).toContain(text);
  });

  it("that hangs in the middle of its answer is not waited for either", async () => {
    vi.stubGlobal("fetch", async (_: unknown, options: { signal: AbortSignal }) => ({ text: () => hang(_, options) }));
    const told = expect(call("pins")).rejects.toThrow("within 20 seconds");

    await vi.advanceTimersByTimeAsync(20_000);
    await told;
  });

  it("is not blamed for a request that the page aborted", async () => {
    vi.stubGlobal("fetch", hang);
    const controller = new AbortController();
    const told = expect(call("pins", { signal: controller.signal })).rejects.not.toBeInstanceOf(ApiError);

    controller.abort();
    await told;
  });

  it("that answers is not waited for any longer", async () => {
    vi.stubGlobal("fetch", async () => new Response('{"pins": []}'));

    expect(await call("pins")).toEqual({ pins: [] });
    expect(vi.getTimerCount()).toBe(0);
  });

  it("that answers with something else is not understood", async () => {
    vi.stubGlobal("fetch", async () => new Response("<html>"));

    await expect(call("pins")).rejects.toThrow("Unexpected response");
  });
});

it("keys differ", () => {
  expect(newKey()).not.toBe(newKey());
  expect(newKey()).toMatch(/^ui-[0-9a-f]{24}$/u);
});
