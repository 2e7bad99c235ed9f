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

import { Button, Flex, Text } from "@chakra-ui/react";

interface PagesProps {
  readonly limit: number;
  readonly offset: number;
  readonly onMove: (offset: number) => void;
  readonly total: number;
}

/** Buttons to the pages of a list; nothing if there is only one. */
export const Pages = ({ limit, offset, onMove, total }: PagesProps) =>
  total <= limit ? undefined : (
    <Flex align="center" aria-label="Pages" as="nav" gap={3} mt={3}>
      <Button disabled={offset === 0} onClick={() => onMove(Math.max(offset - limit, 0))} size="sm" variant="outline">
        Previous
      </Button>
      <Text fontSize="sm">
        {Math.min(offset + 1, total)}–{Math.min(offset + limit, total)} of {total}
      </Text>
      <Button disabled={offset + limit >= total} onClick={() => onMove(offset + limit)} size="sm" variant="outline">
        Next
      </Button>
    </Flex>
  );
