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

import type { Param } from "src/api/types";
import { confWith, isRequired, kindOf, parsed, readConf, valueOf, written } from "src/lib/params";

const param = (schema: Record<string, unknown>, value: unknown = null, name = "size"): Param => ({
  description: null,
  json_schema: schema,
  name,
  value,
});

it.each([
  [{ type: "integer" }, 1, "number"],
  [{ type: ["null", "number"] }, null, "number"],
  [{ type: "string" }, "eu", "text"],
  [{ type: "boolean" }, true, "flag"],
  [{ enum: ["a", 2], type: ["string", "integer"] }, "a", "choice"],
  [{ type: ["string", "integer"] }, "a", "json"],
  [{ type: "array" }, [], "json"],
  [{}, "eu", "text"],
  [{}, 3, "number"],
  [{}, null, "json"],
])("a parameter of schema %j and default %j is entered as a %s", (schema, value, kind) => {
  expect(kindOf(param(schema, value))).toBe(kind);
});

it("a value is required that has neither a default nor may be null", () => {
  expect(isRequired(param({ type: "string" }))).toBe(true);
  expect(isRequired(param({ type: ["null", "string"] }))).toBe(false);
  expect(isRequired(param({ type: "string" }, "eu"))).toBe(false);
  expect(isRequired(param({}))).toBe(false);
});

describe("the configuration", () => {
  const size = param({ type: "integer" }, 1);
  const region = param({ type: "string" }, "eu", "region");

  it("has what differs from the defaults, and keeps what is no parameter", () => {
    expect(confWith("", size, 3)).toBe('{"size":3}');
    expect(confWith('{"size":3}', size, 1)).toBe("");
    expect(confWith('{"size":3}', size, undefined)).toBe("");
    expect(confWith('{"other":[1]}', region, "us")).toBe('{"other":[1],"region":"us"}');
  });

  it("tells the value that is sent", () => {
    expect(valueOf("", size)).toBe(1);
    expect(valueOf('{"size":null}', size)).toBeNull();
    expect(valueOf("", param({}, "x", "toString"))).toBe("x");
  });

  it("is a JSON object, or nothing", () => {
    expect(readConf(" ")).toEqual({});
    expect([readConf("{"), readConf("[]"), readConf("null")]).toEqual([undefined, undefined, undefined]);
  });

  it("comes back as it was entered", () => {
    expect(["text", "number", "json"].map((kind) => written(null, kind as "json"))).toEqual(["", "", ""]);
    expect([written("eu", "text"), written(3, "number"), written("big", "number")]).toEqual(["eu", "3", "big"]);
    expect(written({ a: [1] }, "json")).toBe('{"a":[1]}');
    expect([parsed("3", "number"), parsed("big", "number"), parsed(" ", "number")]).toEqual([3, "big", undefined]);
    expect([parsed("3", "text"), parsed("", "text"), parsed("[1", "json")]).toEqual(["3", "", "[1"]);
  });
});
