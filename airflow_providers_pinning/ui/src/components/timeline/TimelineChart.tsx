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

import { useId, useRef, useState, type KeyboardEvent } from "react";

import type { ReleaseState } from "src/api/types";
import {
  AXIS,
  LINE_COLOR,
  MUTED_COLOR,
  PIN_COLOR,
  ROLLBACK_COLOR,
  ROW,
  TOP,
  yOf,
} from "src/components/timeline/geometry";
import { RunMark } from "src/components/timeline/RunMark";
import { placesOf, ticksOf } from "src/lib/axis";
import { describeMark, describeMove, describeTimeline } from "src/lib/describe";
import { absolute, axisFormat } from "src/lib/time";
import { labelColumns, type Move, type Timeline } from "src/lib/timeline";

/** Pixels that a label of the time needs. */
const LABEL_ROOM = 64;

const MoveMark = ({ move: { event, fromRow, toRow }, x }: { readonly move: Move; readonly x: number }) => {
  if (fromRow === null || toRow === null) {
    return undefined;
  }
  const y = yOf(toRow);
  const back = event.kind === "rolled_back";
  const color = back ? ROLLBACK_COLOR : event.kind === "unpinned" ? MUTED_COLOR : PIN_COLOR;
  const tip = fromRow < toRow ? -5 : 5;

  return (
    <g>
      <path
        d={`M${x} ${yOf(fromRow)}V${y}`}
        fill="none"
        stroke={color}
        strokeDasharray={event.kind === "unpinned" ? "3 4" : undefined}
        strokeWidth={4}
      />
      {fromRow === toRow ? (
        <circle cx={x} cy={y} fill={color} r={4} />
      ) : (
        <path d={`M${x - 6} ${y + tip * 2}H${x + 6}L${x} ${y}Z`} fill={color} />
      )}
    </g>
  );
};

interface Props {
  readonly column: number;
  readonly onOpenRun: (runId: string) => void;
  readonly onPoint: (text: string) => void;
  readonly state: ReleaseState;
  readonly timeline: Timeline;
  /** Whether the distances between the columns are those of their times. */
  readonly toScale: boolean;
}

/** The chart; its description and the table say the same. */
export const TimelineChart = ({ column: size, onOpenRun, onPoint, state, timeline, toScale }: Props) => {
  const id = useId();
  const { columns, marks, moves, rows, segments, times } = timeline;
  const format = axisFormat(times);
  const [width, bottom] = [columns * size, TOP + rows.length * ROW];
  const places = placesOf(times, { columns, size, toScale });
  const xOf = (column: number): number => places[column] ?? width;
  const labels = toScale
    ? ticksOf(times, { columns, room: LABEL_ROOM * 2, size })
    : labelColumns(times, (moment) => absolute(moment, format), Math.ceil(LABEL_ROOM / size)).map((column) => ({
        moment: times[column] ?? "",
        x: column * size,
      }));
  const svg = useRef<SVGSVGElement>(null);
  // One stop of the Tab key: arrows lead from mark to mark, in the order in which things happened.
  const stops = [...moves, ...marks].map(({ column }) => column).sort((one, other) => one - other);
  const [chosen, setChosen] = useState<number>();
  const stop = chosen !== undefined && stops.includes(chosen) ? chosen : stops.at(-1);
  const go = (event: KeyboardEvent) => {
    const index = stops.indexOf(stop ?? -1);
    const to = { ArrowLeft: index - 1, ArrowRight: index + 1, End: stops.length - 1, Home: 0 }[event.key];

    if (to !== undefined) {
      event.preventDefault();
      svg.current?.querySelector<SVGElement>(`[data-column="${stops[to] ?? stop}"]`)?.focus();
    }
  };
  const stopAt = (column: number, text: string) => ({
    "aria-label": text,
    "data-column": column,
    onFocus: () => {
      setChosen(column);
      onPoint(text);
    },
    onMouseEnter: () => onPoint(text),
    tabIndex: column === stop ? 0 : -1,
  });

  return (
    <svg
      aria-describedby={`${id}-text`}
      aria-labelledby={`${id}-title`}
      height={bottom + AXIS}
      onBlur={() => onPoint("")}
      onKeyDown={go}
      onMouseLeave={() => onPoint("")}
      ref={svg}
      role="group"
      style={{ display: "block", maxWidth: "none" }}
      viewBox={`0 0 ${width} ${bottom + AXIS}`}
      width={width}
    >
      <title id={`${id}-title`}>Version timeline</title>
      <desc id={`${id}-text`}>{describeTimeline(timeline, state)}</desc>
      {rows.map((row, index) => (
        <path
          d={`M${row.firstColumn === 0 ? 0 : xOf(row.firstColumn) - size / 2} ${yOf(index)}H${width}`}
          key={row.number}
          stroke={LINE_COLOR}
          strokeWidth={1}
        />
      ))}
      {labels.map(({ moment, x }) => (
        <text
          fill={MUTED_COLOR}
          key={x}
          style={{ fontSize: 11 }}
          textAnchor={x + LABEL_ROOM > width ? "end" : "start"}
          x={x + LABEL_ROOM > width ? width : x}
          y={bottom + 15}
        >
          {absolute(moment, format)}
        </text>
      ))}
      {segments.map(({ from, pinned, row, to }) => (
        <path
          d={`M${from === 0 ? 0 : xOf(from)} ${yOf(row)}H${to === columns ? width : xOf(to)}`}
          key={`${from}-${row}`}
          stroke={pinned ? PIN_COLOR : MUTED_COLOR}
          strokeDasharray={pinned ? undefined : "3 4"}
          strokeWidth={pinned ? 4 : 2}
        />
      ))}
      {segments.flatMap((segment, index) => {
        const before = segments[index - 1];

        return before &&
          !before.pinned &&
          !segment.pinned &&
          before.to === segment.from &&
          before.row !== segment.row ? (
          <path
            d={`M${xOf(segment.from)} ${yOf(before.row)}V${yOf(segment.row)}`}
            key={segment.from}
            stroke={MUTED_COLOR}
            strokeDasharray="3 4"
            strokeWidth={2}
          />
        ) : (
          []
        );
      })}
      {moves.map((move) => (
        <MoveMark key={move.event.id} move={move} x={xOf(move.column)} />
      ))}
      {moves.map((move) => (
        <rect
          fill="transparent"
          height={bottom - TOP}
          key={move.event.id}
          {...stopAt(move.column, describeMove(move.event))}
          role="img"
          width={size}
          x={xOf(move.column) - size / 2}
          y={TOP}
        >
          <title>{describeMove(move.event)}</title>
        </rect>
      ))}
      {marks.map(({ column, row, run, runs }) => (
        <g
          cursor="pointer"
          {...stopAt(column, describeMark({ column, row, run, runs }))}
          key={run.run_id}
          onClick={() => onOpenRun(run.run_id)}
          onKeyDown={({ key }) => {
            if (key === "Enter") {
              onOpenRun(run.run_id);
            }
          }}
          role="link"
        >
          <title>{describeMark({ column, row, run, runs })}</title>
          <rect fill="transparent" height={ROW} width={size} x={xOf(column) - size / 2} y={yOf(row) - ROW / 2} />
          <RunMark count={runs.length} kind={run.kind} state={run.state} x={xOf(column)} y={yOf(row)} />
        </g>
      ))}
    </svg>
  );
};
