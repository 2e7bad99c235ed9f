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

/** The configuration of runs, by the parameters of a version. The text in JSON is what is sent; the server checks it. */

import type { Param } from "src/api/types";

export type Conf = Record<string, unknown>;

export type ParamKind = "choice" | "flag" | "json" | "number" | "text";

/** The configuration that a text in JSON has; undefined if it is no object. */
export const readConf = (text: string): Conf | undefined => {
  try {
    const conf: unknown = text.trim() ? JSON.parse(text) : {};

    return typeof conf === "object" && conf !== null && !Array.isArray(conf) ? (conf as Conf) : undefined;
  } catch {
    return undefined;
  }
};

const KINDS: Record<string, ParamKind> = { boolean: "flag", integer: "number", number: "number", string: "text" };

/** By what a parameter is entered: its type, or that of its default. */
export const kindOf = ({ json_schema: schema, value }: Param): ParamKind => {
  if (Array.isArray(schema.enum)) {
    return "choice";
  }
  const types = [schema.type ?? (value === null ? [] : typeof value)].flat().filter((type) => type !== "null");

  return (types.length === 1 ? KINDS[String(types[0])] : undefined) ?? "json";
};

/** Whether a value must be given, as there is no default and null does not do. */
export const isRequired = ({ json_schema: schema, value }: Param): boolean =>
  value === null && schema.type !== undefined && ![schema.type].flat().includes("null");

const same = (one: unknown, other: unknown): boolean => JSON.stringify(one) === JSON.stringify(other);

/** The text with another value for one parameter; the default, and what is undefined, are left out. */
export const confWith = (text: string, param: Param, value: unknown): string => {
  const conf = Object.fromEntries(Object.entries(readConf(text) ?? {}).filter(([name]) => name !== param.name));
  const changed = value === undefined || same(value, param.value) ? conf : { ...conf, [param.name]: value };

  return Object.keys(changed).length === 0 ? "" : JSON.stringify(changed);
};

/** The value that is sent for a parameter. */
export const valueOf = (text: string, { name, value }: Param): unknown => {
  const conf = readConf(text) ?? {};

  return Object.hasOwn(conf, name) ? conf[name] : value;
};

/** A value as it is entered. */
export const written = (value: unknown, kind: ParamKind): string =>
  value === null || value === undefined
    ? ""
    : kind !== "json" && typeof value === "string"
      ? value
      : JSON.stringify(value);

/** What was entered; what is no number or no JSON is left to the server to refuse. */
export const parsed = (text: string, kind: ParamKind): unknown => {
  if (kind === "text") {
    return text;
  }
  if (!text.trim()) {
    return undefined;
  }
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
};
