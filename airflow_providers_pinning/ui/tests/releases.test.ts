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

import type { Release } from "src/api/types";
import {
  bodyOf,
  boundTo,
  byConcern,
  canRelease,
  canRollBack,
  confirmOf,
  dagsPage,
  describeCounts,
  draftIn,
  draftProblem,
  EMPTY,
  planOf,
  releaseAddress,
  versionsOf,
  withoutBlocked,
} from "src/lib/releases";

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

const dag = (dagId: string, outcome: string) => ({ dag_id: dagId, outcome }) as Release["dags"][number];

describe("a rollback", () => {
  it("is offered for what stands, and for what waits for its time", () => {
    const statuses = ["released", "scheduled", "incomplete", "canceled", "rolled_back"] as const;

    expect(statuses.filter((status) => canRollBack({ status }))).toEqual(["released", "scheduled", "incomplete"]);
    expect(canRelease({ counts: { blocked: 0, canceled: 2, changed: 0 } })).toBe(true);
  });
});

describe("a plan", () => {
  it("binds what is confirmed to what was shown, and an override to the release rules that were", () => {
    const plan = { freeze_id: 3, plan_hash: "abc", policy_revision: 5 };

    expect(boundTo(plan, " ")).toEqual({ expected_plan: "abc" });
    expect(boundTo(plan, " incident ")).toEqual({
      expected_freeze_id: 3,
      expected_plan: "abc",
      expected_policy_revision: 5,
      override_reason: "incident",
    });
  });

  it("needs a commit, or Dags", () => {
    expect(draftProblem(EMPTY)).toBe("Enter a commit.");
    expect(draftProblem({ ...EMPTY, commit: "sha2" })).toBeUndefined();
    expect(draftProblem({ ...EMPTY, action: "unpin", commit: "sha2", dags: " , " })).toBe("Enter the Dags.");
    expect(draftProblem({ ...EMPTY, action: "latest", dags: "orders" })).toBeUndefined();
  });

  it("asks for the Dags of a commit, or for those that are named", () => {
    expect(bodyOf({ ...EMPTY, commit: " sha2 " })).toEqual({
      action: "pin",
      bundle_name: null,
      bundle_version: "sha2",
      scope: "changed",
    });
    expect(
      bodyOf({ ...EMPTY, bundle: "team", commit: "sha2", dags: "a\nb, a", exclude: "c", override: " now " }),
    ).toEqual({
      action: "pin",
      bundle_name: "team",
      bundle_version: "sha2",
      dag_ids: ["a", "b"],
      exclude: ["c"],
      override_reason: "now",
    });
  });

  it("takes names as patterns if one of them is one", () => {
    expect(bodyOf({ ...EMPTY, action: "latest", commit: "sha2", dags: "pay_*\norders" })).toEqual({
      action: "pin",
      dag_id_patterns: ["pay_*", "orders"],
      latest: true,
    });
    expect(bodyOf({ ...EMPTY, action: "unpin", dags: "orders" })).toEqual({ action: "unpin", dag_ids: ["orders"] });
  });

  it("is made of the Dags that were selected elsewhere", () => {
    const draft = draftIn(planOf("rollback", ["orders", "stock"]));

    expect(draft && bodyOf(draft)).toEqual({ action: "rollback", dag_ids: ["orders", "stock"] });
    expect(bodyOf({ ...EMPTY, action: "newest", dags: "orders" })).toEqual({
      action: "pin",
      dag_ids: ["orders"],
      newest: true,
    });
    expect([draftIn(null), draftIn({ key: "x" })]).toEqual([undefined, undefined]);
    expect(confirmOf({ action: "rollback" }, { counts: { changed: 2 } })).toBe("Roll back 2 Dags");
    expect(confirmOf({ action: "newest" }, { counts: { changed: 1 } })).toBe("Release 1 Dag");
  });

  it("shows first what blocks it, which can be left out", () => {
    const dags = [
      dag("a", "unchanged"),
      dag("b", "changed"),
      dag("c", "blocked"),
      dag("d", "left"),
      dag("e", "blocked"),
    ];

    expect(byConcern(dags).map(({ dag_id: dagId }) => dagId)).toEqual(["c", "e", "b", "d", "a"]);
    expect(withoutBlocked({ ...EMPTY, exclude: "x" }, { dags }).exclude).toBe("x\nc\ne");
  });

  it("can be carried out if it changes something and nothing blocks it", () => {
    expect(canRelease({ counts: { blocked: 0, changed: 2 } })).toBe(true);
    expect(canRelease({ counts: { blocked: 1, changed: 2 } })).toBe(false);
    expect(canRelease({ counts: { blocked: 0, changed: 0 } })).toBe(false);
    expect(describeCounts({ counts: { blocked: 1, changed: 2 }, hidden: 1 })).toBe(
      "blocked: 1, changed: 2. 1 more Dag you may not see",
    );
  });
});
