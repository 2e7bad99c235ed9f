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

import type { DagPinning } from "src/api/requests";
import { movedTo } from "src/lib/moved";
import { nextVersionOf } from "src/lib/versions";

import { identity, release, version } from "./build";

const before = {
  failedTasks: [{ task_id: "price" }],
  rollbackTarget: { passed_over: [], runs: { failed: 2 }, to_version: identity(1) },
  state: release(2, { pinned: true }),
  versions: {
    items: [version(2, { is_active: true, related_to_active: false }), version(1, { related_to_active: true })],
    total: 2,
  },
} as unknown as DagPinning;
const state = release(1, { latest: identity(2), pinned: true, versions_behind: 1 });

describe("what is known right after a change", () => {
  it("offers no rollback to the version that is active by now", () => {
    expect(movedTo(before, state).rollbackTarget.to_version).toBeNull();
    expect(movedTo(before, state).failedTasks).toEqual([]);
  });

  it("does not say that the version that was active changes nothing", () => {
    const { versions } = movedTo(before, state);

    expect(versions.items.map(({ is_active: isActive, version_number: number }) => [number, isActive])).toEqual([
      [2, false],
      [1, true],
    ]);
    expect(nextVersionOf(state, versions.items)).toMatchObject({ version: { version_number: 2 } });
  });

  it("stays as it is if the active version stays", () => {
    const held = release(2, { pinned: true, revision: 4 });

    expect(movedTo(before, held)).toEqual({ ...before, state: held });
  });
});
