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

import { candidateOf, countRuns, plural, shortCode } from "src/lib/versions";

import { version } from "./build";

describe("the version that waits", () => {
  it("is the newest one under evaluation", () => {
    const versions = [
      version(4, { is_latest: true }),
      version(3, { state: "candidate" }),
      version(2, { state: "candidate" }),
      version(1, { is_active: true }),
    ];

    expect(candidateOf(versions)?.version_number).toBe(3);
  });

  it("is the latest if none is under evaluation", () => {
    expect(candidateOf([version(2, { is_latest: true }), version(1, { is_active: true })])?.version_number).toBe(2);
  });

  it("is not one that the active version has overtaken, while a newer one waits", () => {
    const versions = [
      version(3, { is_latest: true }),
      version(2, { is_active: true }),
      version(1, { state: "candidate" }),
    ];

    expect(candidateOf(versions, 2)?.version_number).toBe(3);
  });

  it("is none if the latest is active", () => {
    expect(candidateOf([version(2, { is_active: true, is_latest: true }), version(1)])).toBeNull();
  });

  it("is none if the latest is rejected", () => {
    expect(
      candidateOf([version(2, { is_latest: true, state: "rejected" }), version(1, { is_active: true })]),
    ).toBeNull();
  });
});

describe("a bundle version", () => {
  it.each([
    ["1f3c9a2b41d05e6789abcdef0123456789abcdef", "1f3c9a2b"],
    ["2026.1", "2026.1"],
    ["a-very-long-name-of-a-bundle-version", "a-very-long-name-of-a-b…"],
    [null, ""],
  ])("%s is shown as %s", (bundleVersion, text) => {
    expect(shortCode({ bundle_version: bundleVersion })).toBe(text);
  });
});

it("runs are counted over all states", () => {
  expect(countRuns({ run_counts: { failed: 1, success: 4 } })).toBe(5);
});

it("words follow their number", () => {
  expect([plural(0, "run"), plural(1, "run"), plural(2, "run")]).toEqual(["0 runs", "1 run", "2 runs"]);
});
