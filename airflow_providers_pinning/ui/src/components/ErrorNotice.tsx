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

import { Button } from "@chakra-ui/react";

import type { ApiError } from "src/api/client";
import { Notice } from "src/components/Notice";

interface Props {
  readonly error: ApiError | undefined;
  readonly onRetry: () => void;
  /** Whether earlier data is still shown. */
  readonly stale: boolean;
}

/** Says that a request failed; what is still shown may be out of date. */
export const ErrorNotice = ({ error, onRetry, stale }: Props) =>
  error === undefined ? undefined : (
    <Notice live status="error" title={stale ? "This page may be out of date" : "Couldn't load this page"}>
      {error.message}{" "}
      <Button ms={2} onClick={onRetry} size="xs" variant="outline">
        Try again
      </Button>
    </Notice>
  );
