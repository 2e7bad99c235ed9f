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

import { describeMark, describeTimeline } from "src/lib/describe";
import { labelColumns, layOut } from "src/lib/timeline";

import { event, identity, minute, release, run, version } from "./build";

const newestFirst = <T>(...oldestFirst: Array<T>): Array<T> => oldestFirst.reverse();

/** Version 1 runs, is pinned, is replaced by 2, which fails and is rolled back. */
const rolledBack = () =>
  layOut({
    events: newestFirst(event("pinned", 1, 1, 20), event("pinned", 1, 2, 40, 2), event("rolled_back", 2, 1, 60, 3)),
    runs: newestFirst(run(1, 10), run(1, 30), run(2, 50, { state: "failed" }), run(1, 70)),
    state: release(1, { pinned: true, revision: 3 }),
    versions: [version(2, { created_at: minute(35) }), version(1)],
  });

describe("the timeline", () => {
  it("has a row for each version, the newest on top", () => {
    expect(rolledBack().rows.map(({ number }) => number)).toEqual([2, 1]);
  });

  it("puts runs and moves of the pin into columns in the order in which they happened", () => {
    const { columns, marks, moves } = rolledBack();

    expect(marks.map(({ column, row }) => [column, row])).toEqual([
      [0, 1],
      [2, 1],
      [4, 0],
      [6, 1],
    ]);
    expect(moves.map(({ column, fromRow, toRow }) => [column, fromRow, toRow])).toEqual([
      [1, 1, 1],
      [3, 1, 0],
      [5, 0, 1],
    ]);
    expect(columns).toBe(8);
  });

  it("follows the active version from the first column to now", () => {
    expect(rolledBack().segments).toEqual([
      { from: 0, pinned: false, row: 1, to: 1 },
      { from: 1, pinned: true, row: 1, to: 3 },
      { from: 3, pinned: true, row: 0, to: 5 },
      { from: 5, pinned: true, row: 1, to: 8 },
    ]);
  });

  it("lets a version begin where it was registered", () => {
    expect(rolledBack().rows.map(({ firstColumn }) => firstColumn)).toEqual([3, 0]);
  });

  it("steps to each new version while nothing is pinned", () => {
    const { segments } = layOut({
      events: [],
      runs: newestFirst(run(1, 10), run(2, 20), run(3, 30)),
      state: release(3),
      versions: [version(3, { created_at: minute(25) }), version(2, { created_at: minute(15) }), version(1)],
    });

    expect(segments).toEqual([
      { from: 0, pinned: false, row: 2, to: 1 },
      { from: 1, pinned: false, row: 1, to: 2 },
      { from: 2, pinned: false, row: 0, to: 4 },
    ]);
  });

  it("follows the latest version after the pin was taken away", () => {
    const { segments } = layOut({
      events: newestFirst(event("pinned", 1, 1, 10), event("unpinned", 1, 2, 30, 2)),
      runs: newestFirst(run(1, 20), run(2, 40)),
      state: release(2, { revision: 2 }),
      versions: [version(2, { created_at: minute(15) }), version(1)],
    });

    expect(segments.at(-1)).toEqual({ from: 2, pinned: false, row: 0, to: 5 });
  });

  it("takes the first move that is known for a change of a pin if it is not the first ever", () => {
    const { segments } = layOut({
      events: [event("pinned", 1, 2, 20, 7)],
      runs: [run(1, 10)],
      state: release(2, { pinned: true, revision: 7 }),
      versions: [version(2), version(1)],
    });

    expect(segments[0]).toEqual({ from: 0, pinned: true, row: 1, to: 1 });
  });

  it("shows a pin without runs or history", () => {
    const { columns, segments } = layOut({
      events: [],
      runs: [],
      state: release(1, { pinned: true }),
      versions: [version(1)],
    });

    expect([columns, segments]).toEqual([1, [{ from: 0, pinned: true, row: 0, to: 1 }]]);
  });

  it("is empty without versions", () => {
    expect(layOut({ events: [], runs: [], state: release(null), versions: [] })).toMatchObject({
      marks: [],
      rows: [],
      segments: [],
    });
  });

  it("leaves out changes that do not move the pin", () => {
    const { moves } = layOut({
      events: [event("rejected", 1, 2, 10), event("canary", 1, 2, 5), event("candidate", 1, 2, 1)],
      runs: [],
      state: release(1),
      versions: [version(2), version(1)],
    });

    expect(moves).toEqual([]);
  });

  it("leaves out runs whose version is deleted, but keeps their place", () => {
    const { columns, marks } = layOut({
      events: [],
      runs: newestFirst(run(null, 10), run(1, 20)),
      state: release(1),
      versions: [version(1)],
    });

    expect([columns, marks.map(({ column }) => column)]).toEqual([3, [1]]);
  });

  it("counts the runs that it leaves out", () => {
    const { hidden } = layOut({
      events: [],
      runs: newestFirst(run(null, 10), run(1, 20)),
      state: release(1),
      versions: [version(1)],
    });

    expect(hidden).toBe(1);
  });

  it("does not lose what ran for versions that only wait to be evaluated", () => {
    const candidates = Array.from({ length: 15 }, (_, index) => version(30 - index, { state: "candidate" }));
    const { hidden, marks, moves, omitted, rows } = layOut({
      candidate: candidates[12],
      events: newestFirst(event("pinned", 8, 9, 20, 2), event("rolled_back", 9, 8, 60, 3)),
      runs: newestFirst(run(9, 40), run(9, 50, { state: "failed" }), run(8, 70)),
      state: release(8, { latest: identity(30), pinned: true, revision: 3 }),
      versions: [...candidates, version(9), version(8)],
    });
    const numbers = rows.map(({ number }) => number);

    expect(numbers).toHaveLength(12);
    expect(numbers).toEqual(expect.arrayContaining([30, 18, 9, 8]));
    expect(moves.map(({ fromRow, toRow }) => [fromRow, toRow])).toEqual([
      [11, 10],
      [10, 11],
    ]);
    expect([marks.length, hidden, omitted]).toEqual([3, 0, 5]);
  });

  it("starts a deleted version where it is first mentioned", () => {
    const { rows, segments } = layOut({
      events: newestFirst(event("pinned", 1, 1, 20), event("pinned", 1, 2, 40, 2)),
      runs: newestFirst(run(1, 10), run(1, 30)),
      state: release(2, { latest: identity(3), pinned: true, revision: 2 }),
      versions: [version(3, { created_at: minute(90) }), version(1)],
    });

    expect(rows.map(({ firstColumn, deleted, number }) => [number, firstColumn, deleted])).toEqual([
      [3, 4, false],
      [2, 3, true],
      [1, 0, false],
    ]);
    expect(segments[0]).toEqual({ from: 0, pinned: false, row: 2, to: 1 });
  });

  it("does not mark a version as deleted that is too old to be listed", () => {
    const { rows } = layOut({
      events: [],
      runs: [run(1, 10)],
      state: release(5),
      total: 5,
      versions: [version(5), version(4)],
    });

    expect(rows.map(({ deleted, number }) => [number, deleted])).toEqual([
      [5, false],
      [4, false],
      [1, false],
    ]);
  });

  it("keeps the rows that matter now if there are too many", () => {
    const versions = Array.from({ length: 30 }, (_, index) => version(30 - index));
    const { omitted, rows } = layOut({
      events: [],
      runs: newestFirst(run(5, 10), run(17, 20)),
      state: release(1, { latest: version(30), pinned: true }),
      versions: versions.map((each) => (each.version_number === 9 ? { ...each, state: "candidate" } : each)),
    });
    const numbers = rows.map(({ number }) => number);

    expect(numbers).toHaveLength(12);
    expect(numbers).toEqual(expect.arrayContaining([30, 17, 9, 5, 1]));
    expect(omitted).toBe(18);
  });

  it("puts a move before a run of the same time", () => {
    const { marks, moves } = layOut({
      events: [event("pinned", null, 1, 10)],
      runs: [run(1, 10)],
      state: release(1, { pinned: true }),
      versions: [version(1)],
    });

    expect([moves[0]?.column, marks[0]?.column]).toEqual([0, 1]);
  });
});

describe("a bundled timeline", () => {
  const bundled = (...runs: Array<ReturnType<typeof run>>) =>
    layOut({
      bundled: true,
      events: [event("pinned", 1, 2, 50, 2)],
      runs: newestFirst(...runs),
      state: release(2, { pinned: true, revision: 2 }),
      versions: [version(2, { created_at: minute(35) }), version(1)],
    });
  const counts = (...runs: Array<ReturnType<typeof run>>) => bundled(...runs).marks.map((mark) => mark.runs.length);
  const bad = { state: "failed" };

  it("has one mark for runs of one version that ended alike", () => {
    const { columns, hidden, marks, moves } = bundled(
      ...[10, 20, 30, 40].map((at) => run(1, at)),
      ...[60, 61, 62, 63, 64].map((at) => run(2, at, bad)),
    );

    expect(marks.map(({ column, run: { created_at: at, state }, runs }) => [column, state, at, runs.length])).toEqual([
      [0, "success", minute(40), 4],
      [2, "failed", minute(64), 5],
    ]);
    expect([moves[0]?.column, columns, hidden]).toEqual([1, 4, 0]);
  });

  it("never joins runs across a change, another end or another version", () => {
    expect(counts(...[40, 45, 55, 60].map((at) => run(1, at)))).toEqual([1, 1, 1, 1]);
    expect(counts(run(1, 1), run(1, 2), run(1, 3, bad), run(1, 4), run(1, 5))).toEqual([1, 1, 1, 1, 1]);
    expect(counts(run(1, 1), run(1, 2), run(2, 3), run(1, 4))).toEqual([1, 1, 1, 1]);
  });

  it("shows few runs, canary runs and unfinished runs one by one", () => {
    expect(counts(run(1, 1), run(1, 2), run(1, 3))).toEqual([1, 1, 1]);
    expect(counts(...[1, 2, 3, 4].map((at) => run(1, at, { kind: "canary" })))).toEqual([1, 1, 1, 1]);
    expect(counts(...[1, 2, 3, 4].map((at) => run(1, at, { state: "running" })))).toEqual([1, 1, 1, 1]);
  });

  it("is described by the runs and not by the marks", () => {
    const timeline = bundled(...[60, 61, 62, 63].map((at) => run(2, at, bad)));

    expect(describeTimeline(timeline, release(2, { pinned: true }))).toContain("4 runs of 1 version; 4 failed");
    expect(timeline.marks[0] && describeMark(timeline.marks[0])).toMatch(
      /^4 runs of version 2: each failed, .* to .*\. The newest is /u,
    );
  });
});

describe("the labels of the time", () => {
  const day = (moment: string) => moment.slice(0, 1);

  it("stand where a day begins", () => {
    expect(labelColumns(["a1", "a2", "b1", "b2", "c1"], day, 1)).toEqual([0, 2, 4]);
  });

  it("leave room for each other", () => {
    expect(labelColumns(["a", "b", "c", "d", "d"], day, 3)).toEqual([0, 3]);
  });
});
