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

import { Box, Text } from "@chakra-ui/react";

import type { Unmet } from "src/api/types";
import { metAt, ruleName } from "src/lib/objections";

/** The rules of release policies that are not met, with what would meet each. */
export const UnmetRules = ({ unmet }: { readonly unmet: ReadonlyArray<Unmet> }) => (
  <Box aria-label="Unmet rules" as="ul" listStyleType="disc" overflowWrap="anywhere" ps={5}>
    {unmet.map((one) => {
      const moment = metAt(one);

      return (
        <li key={`${one.rule} ${one.message}`}>
          <Text as="strong">{ruleName(one)}: </Text>
          {one.message}
          {moment === undefined ? "" : ` In your time zone: ${moment}.`}
          {one.policies.length === 0 ? "" : ` (${one.policies.join(", ")})`}
        </li>
      );
    })}
  </Box>
);
