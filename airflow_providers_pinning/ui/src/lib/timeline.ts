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

/**
 * The layout of the version timeline, as plain numbers.
 *
 * Each run and each move of the pin has a column, oldest first. Columns are evenly spaced, like the runs in Airflow's
 * own grid, because a time scale would squeeze a busy hour into one pixel; `axis.ts` has that scale for who wants it.
 * Rows are versions.
 */

import type { Event, ReleaseState, Run, Version } from "src/api/types";

const MOVES = new Set(["forgotten", "pinned", "rolled_back", "unpinned"]);
const MAX_ROWS = 12;

export interface Mark {
  column: number;
  row: number;
  /** The newest of the runs that the mark stands for. */
  run: Run;
  /** All runs that the mark stands for, oldest first: several if they are bundled. */
  runs: Array<Run>;
}

export interface Move {
  column: number;
  event: Event;
  fromRow: number | null;
  toRow: number | null;
}

/** A span of columns in which one version was active. */
export interface Segment {
  from: number;
  pinned: boolean;
  row: number;
  to: number;
}

export interface Row {
  /** Column in which the version was parsed, or first mentioned if it is deleted; 0 if before the first column. */
  firstColumn: number;
  /** Whether the version was deleted. */
  deleted: boolean;
  number: number;
  version: Version | undefined;
}

export interface Timeline {
  columns: number;
  marks: Array<Mark>;
  moves: Array<Move>;
  /** How many runs have no mark, because their version has no row. */
  hidden: number;
  /** How many versions are left out. */
  omitted: number;
  rows: Array<Row>;
  segments: Array<Segment>;
  /** Time of each column. */
  times: Array<string>;
}

export interface History {
  /** The candidate, which always has a row. */
  candidate?: Version | null;
  /** Whether runs that follow each other and are alike have one mark, so that a long time fits. */
  bundled?: boolean;
  events: ReadonlyArray<Event>;
  runs: ReadonlyArray<Run>;
  state: ReleaseState;
  /** How many versions there are, if `versions` holds only the newest. */
  total?: number;
  versions: ReadonlyArray<Version>;
}

type Item = { at: number; event: Event } | { at: number; run: Run; runs: Array<Run> };

const at = (moment: string): number => new Date(moment).getTime();

/** Sort runs and moves by time; a move comes before a run of the same time. */
const inOrder = ({ events, runs }: History): Array<Item> => {
  const items: Array<Item> = [
    ...[...events].reverse().flatMap((event) => (MOVES.has(event.kind) ? [{ at: at(event.created_at), event }] : [])),
    ...[...runs].reverse().map((run) => ({ at: at(run.created_at), run, runs: [run] })),
  ];

  return items.sort((one, other) => one.at - other.at);
};

/** Few runs that are alike are shown one by one. */
const BUNDLED_FROM = 4;
const FINISHED = new Set(["failed", "success"]);

/** Join finished live runs that follow each other with the same version and state, without a change between them. */
const bundle = (items: ReadonlyArray<Item>): Array<Item> => {
  const bundles: Array<Array<Item>> = [];
  const likeness = (item: Item | undefined): string | undefined =>
    item && "run" in item && item.run.kind === "live" && FINISHED.has(item.run.state)
      ? `${item.run.version_number}/${item.run.state}`
      : undefined;

  for (const item of items) {
    const last = bundles.at(-1);
    const alike = likeness(item);

    if (last && alike !== undefined && alike === likeness(last[0])) {
      last.push(item);
    } else {
      bundles.push([item]);
    }
  }

  return bundles.flatMap((joined) => {
    const newest = joined.at(-1);

    return newest && "run" in newest && joined.length >= BUNDLED_FROM
      ? [{ ...newest, runs: joined.flatMap((item) => ("run" in item ? item.runs : [])) }]
      : joined;
  });
};

const names = (item: Item): Array<number | null | undefined> =>
  "run" in item
    ? [item.run.version_number]
    : [item.event.to_version?.version_number, item.event.from_version?.version_number];

/** Choose the versions that get a row: the current ones, then the most recently used, then the rest. */
const chooseRows = (items: ReadonlyArray<Item>, { candidate, state, versions }: History): [Array<number>, number] => {
  const wanted: Array<number | null | undefined> = [
    state.active?.version_number,
    state.latest?.version_number,
    candidate?.version_number,
    ...[...items].reverse().flatMap(names),
    ...versions.filter((version) => version.state === "candidate").map((version) => version.version_number),
    ...versions.map((version) => version.version_number),
  ];
  const all = [...new Set(wanted.filter((number) => typeof number === "number"))];

  return [all.slice(0, MAX_ROWS).sort((one, other) => other - one), Math.max(all.length - MAX_ROWS, 0)];
};

/** Without a pin the latest version is active: step to each version as it is parsed. */
const followLatest = (from: number, to: number, rows: ReadonlyArray<Row>): Array<Segment> => {
  const segments: Array<Segment> = [];
  let since = from;
  let current = rows.findIndex((row) => row.firstColumn <= from);

  for (const [index, row] of [...rows.entries()].reverse()) {
    if (row.firstColumn > from && row.firstColumn < to && (current === -1 || index < current)) {
      if (current !== -1) {
        segments.push({ from: since, pinned: false, row: current, to: row.firstColumn });
      }
      current = index;
      since = row.firstColumn;
    }
  }

  return current === -1 ? segments : [...segments, { from: since, pinned: false, row: current, to }];
};

/** Follow the active version from move to move. */
const follow = (moves: ReadonlyArray<Move>, state: ReleaseState, rows: ReadonlyArray<Row>, columns: number) => {
  const [first] = moves;
  const segments: Array<Segment> = [];
  let since = 0;
  let pinned = first ? first.event.kind === "unpinned" || first.event.revision > 1 : state.pinned;
  let row = first ? first.fromRow : rows.findIndex(({ number }) => number === state.active?.version_number);
  const add = (to: number) => {
    if (!pinned) {
      segments.push(...followLatest(since, to, rows));
    } else if (row !== null && row !== -1) {
      segments.push({ from: since, pinned, row, to });
    }
  };

  for (const move of moves) {
    add(move.column);
    since = move.column;
    pinned = move.event.kind === "pinned" || move.event.kind === "rolled_back";
    row = move.toRow;
  }
  add(columns);

  return segments.filter((segment) => segment.to > segment.from);
};

export const layOut = (history: History): Timeline => {
  const items = history.bundled ? bundle(inOrder(history)) : inOrder(history);
  const [numbers, omitted] = chooseRows(items, history);
  const byNumber = new Map(history.versions.map((version) => [version.version_number, version]));
  const rowOf = new Map(numbers.map((number, row) => [number, row]));
  const rowOfNumber = (number: number | null | undefined): number | null =>
    typeof number === "number" ? (rowOf.get(number) ?? null) : null;
  const listed = history.versions.length;
  const oldest = (history.total ?? listed) > listed ? (history.versions.at(-1)?.version_number ?? 0) : 0;
  const rows = numbers.map((number): Row => {
    const version = byNumber.get(number);
    const firstColumn = items.findIndex((item) =>
      version ? item.at >= at(version.created_at) : names(item).includes(number),
    );

    return {
      firstColumn: firstColumn === -1 ? items.length : firstColumn,
      deleted: !version && number > oldest,
      number,
      version,
    };
  });
  const marks: Array<Mark> = [];
  const moves: Array<Move> = [];

  for (const [column, item] of items.entries()) {
    if ("run" in item) {
      const row = rowOfNumber(item.run.version_number);

      if (row !== null) {
        marks.push({ column, row, run: item.run, runs: item.runs });
      }
    } else {
      moves.push({
        column,
        event: item.event,
        fromRow: rowOfNumber(item.event.from_version?.version_number),
        toRow: rowOfNumber(item.event.to_version?.version_number),
      });
    }
  }
  const columns = items.length + 1;

  return {
    columns,
    hidden: history.runs.length - marks.reduce((total, { runs }) => total + runs.length, 0),
    marks,
    moves,
    omitted,
    rows,
    segments: follow(moves, history.state, rows, columns),
    times: items.map((item) => ("run" in item ? item.run.created_at : item.event.created_at)),
  };
};

/** Choose the columns to label: each new day or minute, with room between the labels. */
export const labelColumns = (
  times: ReadonlyArray<string>,
  dayOf: (moment: string) => string,
  room: number,
): Array<number> => {
  const chosen: Array<number> = [];
  let day = "";

  for (const [column, moment] of times.entries()) {
    const today = dayOf(moment);
    const last = chosen.at(-1);

    if (today !== day && (last === undefined || column - last >= room)) {
      chosen.push(column);
      day = today;
    }
  }

  return chosen;
};
