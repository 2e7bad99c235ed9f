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

import type { Difference, Pair } from "src/api/types";
import {
  byTask,
  countReplayable,
  describeDifferences,
  describeHidden,
  describeSeconds,
  describeStates,
  labelOf,
} from "src/lib/replays";

import { release, run } from "./build";

const difference = (changes: Partial<Difference> = {}): Difference => ({
  key: "return_value",
  map_index: -1,
  original: "5",
  replay: "50",
  task_id: "load",
  what: "xcom",
  ...changes,
});

const pair = (changes: Partial<Pair> = {}): Pair => ({
  baseline_run_id: null,
  counts_as: "success",
  differences: 0,
  original_run_id: "live",
  original_seconds: 10,
  original_state: "success",
  problem: null,
  run_id: "canary__v2__1",
  seconds: 12,
  set_aside: [],
  shown: [],
  state: "success",
  tasks_added: [],
  tasks_removed: [],
  tries: [],
  ...changes,
});

const PENDING = pair({
  counts_as: null,
  differences: null,
  original_seconds: null,
  original_state: null,
  seconds: null,
  state: null,
});

describe("the runs that can be replayed", () => {
  const active = release(1);

  it("are successful live runs of the active version", () => {
    const others = [run(1, 3, { state: "failed" }), run(2, 4), run(1, 5, { kind: "canary" })];

    expect(countReplayable([run(1, 1), run(1, 2), ...others], active)).toBe(2);
  });

  it("are triggered by people only if none is scheduled", () => {
    const manual = run(1, 1, { run_type: "manual" });

    expect(countReplayable([manual], active)).toBe(1);
    expect(countReplayable([manual, run(1, 2), run(1, 3)], active)).toBe(2);
  });
});

describe("the differences of a pair", () => {
  it("stand by task, mapped ones apart, with tries that differ", () => {
    const shown = [difference({ map_index: 1, task_id: "map" }), difference(), difference({ key: "rows" })];
    const tries = [
      { map_index: -1, original: 1, replay: 3, task_id: "extract" },
      { map_index: -1, original: 2, replay: 1, task_id: "load" },
    ];

    expect(byTask(pair({ shown, tries }))).toEqual([
      { differences: [], name: "extract", tries: "1 try → 3 tries" },
      { differences: [shown[1], shown[2]], name: "load", tries: "2 tries → 1 try" },
      { differences: [shown[0]], name: "map[1]" },
    ]);
  });

  it.each([
    [difference(), "XCom return_value"],
    [difference({ key: "orders", what: "asset_event" }), "Asset events orders"],
    [difference({ key: null, what: "state" }), "State"],
    [difference({ key: null, what: "task" }), "Task instance"],
  ])("have names", (one, name) => {
    expect(labelOf(one)).toBe(name);
  });

  it("are counted once they are found", () => {
    expect(describeDifferences(pair({ differences: 1 }))).toBe("1 difference");
    expect(describeDifferences(PENDING)).toBeUndefined();
    expect(describeDifferences(pair({ differences: null, problem: "The original is gone." }))).toBe("Not compared");
  });

  it("are said to be more than what is shown", () => {
    expect(describeHidden(pair({ differences: 2, shown: [difference()] }))).toContain("Showing 1 of 2 differences");
    expect(describeHidden(pair({ differences: 1, shown: [difference()] }))).toBe("");
  });
});

describe("a pair", () => {
  it("names both states if they differ", () => {
    expect(describeStates(pair(), [])).toBe("success");
    expect(describeStates(pair({ state: "failed" }), [])).toBe("success → failed");
  });

  it("that has not finished has the state of its run", () => {
    expect(describeStates(PENDING, [run(2, 1, { run_id: "canary__v2__1", state: "running" })])).toBe("running");
    expect(describeStates(PENDING, [])).toBe("not finished");
  });

  it("has both durations if both are known", () => {
    expect(describeSeconds(pair())).toBe("10 s → 12 s");
    expect(describeSeconds(pair({ original_seconds: null }))).toBe("12 s");
    expect(describeSeconds(PENDING)).toBe("");
  });
});
