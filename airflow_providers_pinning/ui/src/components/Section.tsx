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

import { Box, Flex, Heading } from "@chakra-ui/react";
import { useId, type ReactNode } from "react";

interface Props {
  readonly actions?: ReactNode;
  readonly children: ReactNode;
  readonly title: string;
}

/** A part of a page, labeled by its heading. */
export const Section = ({ actions, children, title }: Props) => {
  const id = useId();

  return (
    <Box aria-labelledby={id} as="section" borderRadius="md" borderWidth={1} minW={0} p={{ base: 3, md: 4 }}>
      <Flex align="center" gap={2} justify="space-between" mb={3} wrap="wrap">
        <Heading as="h2" id={id} size="md">
          {title}
        </Heading>
        {actions}
      </Flex>
      {children}
    </Box>
  );
};
