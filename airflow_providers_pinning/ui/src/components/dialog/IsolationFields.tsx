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

import { Box, Field, Flex, Input, NativeSelect, Text } from "@chakra-ui/react";

import type { Isolation } from "src/lib/isolation";
import { CHOICES, PLACES, SUBSTITUTES } from "src/lib/isolation";

interface Props {
  readonly isolation: Isolation;
  readonly onChange: (isolation: Isolation) => void;
}

/** How canary runs are kept apart from live runs; folded, as the defaults are the safe choices. */
export const IsolationFields = ({ isolation, onChange }: Props) => (
  <Box as="details">
    <Text as="summary" cursor="pointer" fontWeight="medium">
      Isolation from live runs
    </Text>
    <Flex direction="column" gap={3} mt={2}>
      {CHOICES.map(({ field, helper, label, options }) => (
        <Field.Root key={field}>
          <Field.Label>{label}</Field.Label>
          <NativeSelect.Root size="sm">
            <NativeSelect.Field
              onChange={({ target }) => onChange({ ...isolation, [field]: target.value })}
              value={isolation[field] ?? ""}
            >
              {options.map(([value, text]) => (
                <option key={value} value={value}>
                  {text}
                </option>
              ))}
            </NativeSelect.Field>
            <NativeSelect.Indicator />
          </NativeSelect.Root>
          <Field.HelperText>{helper}</Field.HelperText>
        </Field.Root>
      ))}
      <Flex gap={3}>
        {PLACES.map(([field, label]) => (
          <Field.Root key={field}>
            <Field.Label>{label}</Field.Label>
            <Input
              onChange={({ target }) => onChange({ ...isolation, [field]: target.value })}
              placeholder="As in the Dag"
              size="sm"
              value={isolation[field] ?? ""}
            />
          </Field.Root>
        ))}
      </Flex>
      {SUBSTITUTES.map(([field, label, placeholder]) => (
        <Field.Root key={field}>
          <Field.Label>{label}</Field.Label>
          <Input
            onChange={({ target }) => onChange({ ...isolation, [field]: target.value })}
            placeholder={placeholder}
            size="sm"
            value={isolation[field] ?? ""}
          />
          <Field.HelperText>Canary runs cannot read the live ones. Separate entries with commas.</Field.HelperText>
        </Field.Root>
      ))}
    </Flex>
  </Box>
);
