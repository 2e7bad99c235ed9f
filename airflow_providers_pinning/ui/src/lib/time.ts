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

const UNITS: ReadonlyArray<readonly [Intl.RelativeTimeFormatUnit, number]> = [
  ["year", 31_536_000],
  ["month", 2_592_000],
  ["day", 86_400],
  ["hour", 3600],
  ["minute", 60],
];

const RELATIVE = new Intl.RelativeTimeFormat("en", { numeric: "always" });

/** How long ago a time was, such as `3 hours ago`. */
export const age = (time: string, now: number = Date.now()): string => {
  const seconds = Math.round((new Date(time).getTime() - now) / 1000);

  for (const [unit, size] of UNITS) {
    if (Math.abs(seconds) >= size) {
      return RELATIVE.format(Math.trunc(seconds / size), unit);
    }
  }

  return Math.abs(seconds) < 5 ? "just now" : RELATIVE.format(seconds, "second");
};

/** A duration, such as `2 h 5 min`. */
export const duration = (seconds: number): string => {
  if (seconds < 60) {
    return `${seconds < 10 ? Math.round(seconds * 10) / 10 : Math.round(seconds)} s`;
  }
  const minutes = Math.round(seconds / 60);
  const parts: Array<[number, string]> =
    minutes < 60
      ? [[minutes, "min"]]
      : minutes < 1440
        ? [
            [Math.floor(minutes / 60), "h"],
            [minutes % 60, "min"],
          ]
        : [
            [Math.floor(minutes / 1440), "d"],
            [Math.floor((minutes % 1440) / 60), "h"],
          ];

  return parts
    .filter(([count]) => count > 0)
    .map(([count, unit]) => `${count} ${unit}`)
    .join(" ");
};

/** The time zone that the user selected in Airflow, which stores it in the browser. */
export const chosenZone = (): string | undefined => {
  const stored = globalThis.localStorage?.getItem("timezone")?.replaceAll('"', "");

  try {
    return stored ? new Intl.DateTimeFormat("en", { timeZone: stored }).resolvedOptions().timeZone : undefined;
  } catch {
    return undefined;
  }
};

const DAY = 86_400_000;

/** The name of the time zone in which times are shown and entered. */
export const zoneName = (): string => chosenZone() ?? new Intl.DateTimeFormat().resolvedOptions().timeZone;

const offsetAt = (time: number, zone: string): number => {
  const parts = new Intl.DateTimeFormat("en-US", {
    day: "numeric",
    hour: "numeric",
    hourCycle: "h23",
    minute: "numeric",
    month: "numeric",
    second: "numeric",
    timeZone: zone,
    year: "numeric",
  }).formatToParts(new Date(time));
  const part = (type: Intl.DateTimeFormatPartTypes): number =>
    Number(parts.find((candidate) => candidate.type === type)?.value);

  return (
    Date.UTC(part("year"), part("month") - 1, part("day"), part("hour"), part("minute"), part("second")) -
    Math.floor(time / 1000) * 1000
  );
};

/**
 * The moment that an input for a date and a time has, which is entered in a time zone; undefined if it is empty. A time
 * that there is twice, when clocks are set back, is the first one.
 */
export const momentOf = (local: string, zone: string = zoneName()): string | undefined => {
  const wall = Date.parse(`${local}Z`);

  if (Number.isNaN(wall)) {
    return undefined;
  }
  const [before, after] = [wall - DAY, wall + DAY].map((time) => wall - offsetAt(time, zone));
  const first = [before, after]
    .filter((time) => time !== undefined)
    .filter((time) => time + offsetAt(time, zone) === wall)
    .sort((one, other) => one - other)[0];

  // A time that there is not, when clocks are set forward, is that much later.
  return new Date(first ?? before ?? wall).toISOString();
};

const FORMATS = {
  day: { day: "numeric", month: "short" },
  moment: {
    day: "2-digit",
    hour: "2-digit",
    hourCycle: "h23",
    minute: "2-digit",
    month: "2-digit",
    second: "2-digit",
    timeZoneName: "short",
    year: "numeric",
  },
  time: { hour: "2-digit", hourCycle: "h23", minute: "2-digit" },
} as const satisfies Record<string, Intl.DateTimeFormatOptions>;

/** A time in the user's time zone: its day, its time of day, or both. */
export const absolute = (
  time: string,
  format: keyof typeof FORMATS = "moment",
  zone: string | undefined = chosenZone(),
): string =>
  new Intl.DateTimeFormat(format === "day" ? "en-US" : "sv-SE", { ...FORMATS[format], timeZone: zone }).format(
    new Date(time),
  );

/** How to label a time axis: by days, or by times of day if it spans less than a day. */
export const axisFormat = (times: ReadonlyArray<string>): "day" | "time" => {
  const [first, last] = [times[0], times.at(-1)];

  return first !== undefined && last !== undefined && new Date(last).getTime() - new Date(first).getTime() < DAY
    ? "time"
    : "day";
};
