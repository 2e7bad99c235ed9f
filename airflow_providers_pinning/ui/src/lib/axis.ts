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

/** Where the columns of the version timeline are, in pixels: evenly spaced, or to the scale of time. */

const at = (moment: string): number => new Date(moment).getTime();

/** The first and the last moment; undefined if there is no time between them. */
const spanOf = (times: ReadonlyArray<string>): [number, number] | undefined => {
  const [first, last] = [times[0], times.at(-1)];

  return first !== undefined && last !== undefined && at(last) > at(first) ? [at(first), at(last)] : undefined;
};

/**
 * The middle of each column. Columns are in the order of time; the last one, after all times, is the end.
 *
 * @param size width of a column where they are evenly spaced; to scale, it is the room that all of them have together
 */
export const placesOf = (
  times: ReadonlyArray<string>,
  { columns, size, toScale }: { columns: number; size: number; toScale: boolean },
): Array<number> => {
  const span = toScale ? spanOf(times) : undefined;
  const places = Array.from({ length: columns }, (_, column) => (column + 0.5) * size);

  if (span === undefined) {
    return places;
  }
  const [from, to] = span;
  const room = (columns - 2) * size;

  return places.map((_, column) => {
    const moment = times[column];

    return moment === undefined ? (columns - 0.5) * size : size / 2 + ((at(moment) - from) / (to - from)) * room;
  });
};

export interface Tick {
  moment: string;
  x: number;
}

/** Moments to label on an axis to scale, at even distances. */
export const ticksOf = (
  times: ReadonlyArray<string>,
  { columns, room, size }: { columns: number; room: number; size: number },
): Array<Tick> => {
  const span = spanOf(times);

  if (span === undefined) {
    return [];
  }
  const [from, to] = span;
  const width = (columns - 2) * size;
  const count = Math.max(Math.floor(width / room), 1);

  return Array.from({ length: count }, (_, index) => ({
    moment: new Date(from + (index / count) * (to - from)).toISOString(),
    x: size / 2 + (index / count) * width,
  }));
};
