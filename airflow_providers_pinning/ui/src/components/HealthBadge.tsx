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

import { Badge } from "@chakra-ui/react";

import type { Health } from "src/api/types";

const LABELS: Record<string, string> = { healthy: "OK" };
const PALETTES: Record<string, string> = { broken: "red", degraded: "orange", healthy: "green" };

/** Whether a pin is enforced; its tooltip lists the problems. */
export const HealthBadge = ({ health }: { readonly health: Health }) => (
  <Badge
    colorPalette={PALETTES[health.status] ?? "gray"}
    title={health.problems.map(({ message }) => message).join("\n")}
  >
    {LABELS[health.status] ?? health.status}
  </Badge>
);
