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

/** The starts of release windows in words. */

const DAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

const isNumber = (text: string, least: number, most: number): boolean =>
  /^\d{1,2}$/u.test(text) && Number(text) >= least && Number(text) <= most;

const dayName = (text: string): string | undefined =>
  isNumber(text, 0, 7) ? DAYS[Number(text)] : DAYS.find((name) => name.toLowerCase() === text.toLowerCase());

const weekdays = (field: string): string | undefined => {
  const parts = field.split(",").map((part) => part.split("-").map(dayName));

  return parts.every((names) => names.length <= 2 && names.every((name) => name !== undefined))
    ? parts.map((names) => names.join("–")).join(", ")
    : undefined;
};

const days = (day: string, month: string, weekday: string): string | undefined => {
  if (day === "*" && month === "*") {
    return weekday === "*" ? "each day" : weekdays(weekday);
  }
  // With both, cron takes either.
  if (weekday !== "*" || !isNumber(day, 1, 31)) {
    return undefined;
  }
  if (month === "*") {
    return `day ${Number(day)} of each month`;
  }

  return isNumber(month, 1, 12) ? `${Number(day)} ${MONTHS[Number(month) - 1] ?? ""} of each year` : undefined;
};

/** A cron expression, such as `Mon–Thu at 09:00`; one that is out of the ordinary as it was written. */
export const describeCron = (cron: string): string => {
  const [minute = "", hour = "", day = "", month = "", weekday = "", ...more] = cron.trim().split(/\s+/u);
  const hours = hour.split(",");
  const on = days(day, month, weekday);

  return more.length > 0 || on === undefined || !isNumber(minute, 0, 59) || !hours.every((one) => isNumber(one, 0, 23))
    ? cron
    : `${on} at ${hours.map((one) => `${one.padStart(2, "0")}:${minute.padStart(2, "0")}`).join(", ")}`;
};
