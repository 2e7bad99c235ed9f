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

import { dagsPage, releaseAddress, versionsOf } from "src/lib/releases";

import { identity } from "./build";

describe("a release", () => {
  it("has an address, whatever its id", () => {
    expect(releaseAddress("a&b/c")).toBe("/plugin/pins?view=releases&release_id=a%26b%2Fc");
  });

  it("tells which version each Dag had and has", () => {
    expect(versionsOf({ from_version: identity(2), to_version: identity(3) })).toBe("2 → 3");
    expect(versionsOf({ from_version: identity(3), to_version: identity(3) })).toBe("3");
    expect(versionsOf({ from_version: null, to_version: identity(1) })).toBe("none → 1");
  });

  it("shows its Dags page by page", () => {
    expect(dagsPage([1, 2, 3, 4, 5], 2, 2)).toEqual([3, 4]);
  });
});
