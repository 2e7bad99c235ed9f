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

import { useCallback } from "react";
import { useSearchParams } from "react-router-dom";

import type { PinsQuery } from "src/api/requests";
import { fromParams, toParams } from "src/lib/pinsQuery";

/** The filters, order and page of the overview, kept in the URL so that they can be shared. */
export const usePinsQuery = (): { query: PinsQuery; setQuery: (changed: Partial<PinsQuery>) => void } => {
  const [params, setParams] = useSearchParams();

  return {
    query: fromParams(params),
    setQuery: useCallback(
      (changed) => setParams((before) => toParams({ ...fromParams(before), ...changed }), { replace: true }),
      [setParams],
    ),
  };
};
