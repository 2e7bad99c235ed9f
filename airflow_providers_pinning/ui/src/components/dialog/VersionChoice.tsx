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

import { Field, NativeSelect } from "@chakra-ui/react";

import type { Version } from "src/api/types";
import { evidenceOf } from "src/lib/versions";

interface Props {
  readonly active: number | undefined;
  readonly chosen: number;
  readonly onChoose: (version: Version) => void;
  readonly versions: ReadonlyArray<Version>;
}

/** The version to roll back to, each with how its runs ended and until when it was active. */
export const VersionChoice = ({ active, chosen, onChoose, versions }: Props) => (
  <Field.Root>
    <Field.Label>Version</Field.Label>
    <NativeSelect.Root>
      <NativeSelect.Field
        onChange={({ target }) => {
          const version = versions.find(({ version_number: number }) => String(number) === target.value);

          if (version) {
            onChoose(version);
          }
        }}
        value={String(chosen)}
      >
        {versions
          .filter(({ version_number: number }) => number !== active)
          .map((version) => (
            <option key={version.dag_version_id} value={String(version.version_number)}>
              {`Version ${version.version_number}: ${evidenceOf(version)}`}
            </option>
          ))}
        {versions.some(({ version_number: number }) => number === chosen) ? undefined : (
          <option value={String(chosen)}>{`Version ${chosen}`}</option>
        )}
      </NativeSelect.Field>
      <NativeSelect.Indicator />
    </NativeSelect.Root>
  </Field.Root>
);
