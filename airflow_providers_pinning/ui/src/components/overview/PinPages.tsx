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

import { Button, Flex, NativeSelect, Text } from "@chakra-ui/react";

import type { PinsQuery } from "src/api/requests";
import { PAGE_SIZES } from "src/lib/pinsQuery";

interface Props {
  readonly onChange: (changed: Partial<PinsQuery>) => void;
  readonly query: PinsQuery;
  readonly total: number;
}

/** Pagination. */
export const PinPages = ({ onChange, query: { limit, offset }, total }: Props) => (
  <Flex align="center" aria-label="Pages" as="nav" gap={3} mt={3} wrap="wrap">
    <Button
      disabled={offset === 0}
      onClick={() => onChange({ offset: Math.max(offset - limit, 0) })}
      size="sm"
      variant="outline"
    >
      Previous
    </Button>
    <Text fontSize="sm">
      {total === 0 ? "0" : `${Math.min(offset + 1, total)}–${Math.min(offset + limit, total)}`} of {total}
    </Text>
    <Button
      disabled={offset + limit >= total}
      onClick={() => onChange({ offset: offset + limit })}
      size="sm"
      variant="outline"
    >
      Next
    </Button>
    <Flex align="center" as="label" fontSize="sm" gap={2}>
      Rows
      <NativeSelect.Root size="sm" w="5rem">
        <NativeSelect.Field
          onChange={({ target }) => onChange({ limit: Number(target.value), offset: 0 })}
          value={limit}
        >
          {PAGE_SIZES.map((size) => (
            <option key={size} value={size}>
              {size}
            </option>
          ))}
        </NativeSelect.Field>
        <NativeSelect.Indicator />
      </NativeSelect.Root>
    </Flex>
  </Flex>
);
