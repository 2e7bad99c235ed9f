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

const LINES = 4;
const LETTERS = 280;

/** Shorten a text to a few lines; a text that is not long stays whole. */
export const shorten = (text: string): string => {
  const begin = text.split("\n").slice(0, LINES).join("\n");
  // A little more is not worth a button.
  const short = [...begin].length > LETTERS + 40 ? [...begin].slice(0, LETTERS).join("") : begin;

  return short.length < text.trimEnd().length ? `${short.trimEnd()}…` : text;
};

/** The first line of a commit's message, and its author. */
export const summaryOf = ({ author, message }: { author: string; message: string }): string =>
  `${shorten(message.split("\n", 1)[0] ?? "")} (${author})`;
