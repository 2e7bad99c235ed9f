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

import { candidateOf, countRuns, nextVersionOf, plural, shortCode, whyNoCandidate } from "src/lib/versions";

import { identity, release, version } from "./build";

describe("the version to evaluate", () => {
  it("is none if nothing related to the Dag changed, or a rejection holds", () => {
    const passedOver = [{ related_to_active: false }, { rejection_held: { reason: "slow", version_number: 2 } }];

    for (const changes of passedOver) {
      expect(candidateOf([version(3, changes), version(1, { is_active: true })], 1)).toBeNull();
    }
    const state = release(1, { latest: identity(3), versions_behind: 2 });

    expect(whyNoCandidate(state)).toContain("No newer version changes anything");
    expect(nextVersionOf(state, [version(3, { related_to_active: false }), version(1)])).toContain(
      "Nothing related to the Dag changed up to the latest version (3).",
    );
  });

  it("is the newest one under evaluation", () => {
    const versions = [
      version(4, { is_latest: true }),
      version(3, { state: "candidate" }),
      version(2, { state: "candidate" }),
      version(1, { is_active: true }),
    ];

    expect(candidateOf(versions, 1)?.version_number).toBe(3);
  });

  it("is the latest if none is under evaluation", () => {
    expect(candidateOf([version(2, { is_latest: true }), version(1, { is_active: true })], 1)?.version_number).toBe(2);
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
    expect(candidateOf([version(2, { is_active: true, is_latest: true }), version(1)], 2)).toBeNull();
  });

  it("is not the latest if that is rejected while another one waits", () => {
    const versions = [version(3, { is_latest: true, state: "rejected" }), version(2), version(1, { is_active: true })];

    expect(candidateOf(versions, 1)?.version_number).toBe(2);
  });

  it("is none if the latest is rejected", () => {
    expect(
      candidateOf([version(2, { is_latest: true, state: "rejected" }), version(1, { is_active: true })], 1),
    ).toBeNull();
  });
});

describe("the next version", () => {
  const active = version(1, { is_active: true });
  const told = (...newest: Array<ReturnType<typeof version>>) => {
    const next = nextVersionOf(release(1, { latest: newest[0], versions_behind: newest.length }), [...newest, active]);

    return typeof next === "string" ? next : [next.version.version_number, next.newer];
  };

  it("is the latest version", () => {
    expect(told(version(3), version(2))).toEqual([3, 2]);
  });

  it("is the newest version that is not rejected", () => {
    expect(told(version(4, { state: "rejected" }), version(3), version(2))).toEqual([3, 2]);
  });

  it("is nothing if what is newer was rejected", () => {
    expect(told(version(2, { state: "rejected" }))).toBe("None. Latest version (2) is rejected.");
  });

  it("is nothing if the latest version is active", () => {
    expect(nextVersionOf(release(1), [active])).toBe("Up to date");
  });

  it("is nothing if what was newer than a pinned version is gone", () => {
    expect(nextVersionOf(release(3, { latest: version(1) }), [version(1)])).toBe("None. There is no newer version.");
  });
});

it("without a candidate it is said why", () => {
  expect(
    [
      release(1),
      release(1, { latest: version(2), related_versions_behind: 1 }),
      release(3, { latest: version(2) }),
      release(null),
    ].map(whyNoCandidate),
  ).toEqual([
    "No candidate. The latest version is already active.",
    "No candidate. The latest version (2) is rejected.",
    "No candidate. There is no newer version.",
    "No candidate. No version parsed yet.",
  ]);
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
