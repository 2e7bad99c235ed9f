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

import { Alert, CloseButton } from "@chakra-ui/react";
import type { ReactNode } from "react";

interface Props {
  readonly children?: ReactNode;
  readonly live?: boolean;
  /** Called when the reader dismisses it; without it, there is no button to do so. */
  readonly onClose?: () => void;
  readonly status: "error" | "info" | "success" | "warning";
  readonly title: string;
}

/** A message, and what to do about it. */
export const Notice = ({ children, live = false, onClose, status, title }: Props) => (
  <Alert.Root
    alignItems="flex-start"
    borderRadius="md"
    role={live ? (status === "error" ? "alert" : "status") : undefined}
    status={status}
  >
    <Alert.Indicator />
    <Alert.Content minW={0}>
      <Alert.Title>{title}</Alert.Title>
      {children === undefined ? undefined : (
        <Alert.Description overflowWrap="anywhere" whiteSpace="pre-wrap">
          {children}
        </Alert.Description>
      )}
    </Alert.Content>
    {onClose === undefined ? undefined : <CloseButton aria-label="Dismiss" onClick={onClose} size="2xs" />}
  </Alert.Root>
);
