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

import { describe, expect, it } from "vitest";

import { describeOutcomes, runsSincePin, unfinishedCanaries } from "src/lib/runs";

import { minute, release, run } from "./build";

const PIN = { actor: "maria", pinned_at: minute(20), reason: "because" } as never;

describe("the runs since a version was pinned", () => {
  it("are the live ones of that version", () => {
    const runs = [
      run(2, 70, { state: "queued" }),
      run(2, 60, { kind: "canary", state: "failed" }),
      run(2, 50, { state: "failed" }),
      run(1, 40, { state: "failed" }),
      run(2, 30),
      run(2, 10, { state: "failed" }),
    ];

    expect(runsSincePin(runs, release(2, { pin: PIN, pinned: true }))).toEqual({
      failed: 1,
      finished: 2,
      unfinished: 1,
    });
  });

  it("are not counted without a pin", () => {
    expect(runsSincePin([run(2, 10)], release(2))).toBeUndefined();
  });

  it.each([
    [{ failed: 0, finished: 0, unfinished: 0 }, "None yet"],
    [{ failed: 0, finished: 0, unfinished: 2 }, "2 in progress"],
    [{ failed: 58, finished: 58, unfinished: 0 }, "58 failed of 58"],
    [{ failed: 1, finished: 3, unfinished: 1 }, "1 failed of 3, 1 in progress"],
  ])("%j are described as %s", (outcomes, text) => {
    expect(describeOutcomes(outcomes)).toBe(text);
  });
});

describe("canary runs that have not finished", () => {
  const queued = run(3, 10, { kind: "canary", state: "queued" });

  it("are in progress or queued", () => {
    expect(unfinishedCanaries([queued], 3, 3)).toEqual(["2 canary runs in progress.", "1 canary run queued."]);
  });

  it("are not those of another version", () => {
    expect(unfinishedCanaries([queued], 2, 0)).toEqual([]);
  });
});
