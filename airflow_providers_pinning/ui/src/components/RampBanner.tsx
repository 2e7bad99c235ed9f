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

import { Button, HStack } from "@chakra-ui/react";

import type { Ramp } from "src/api/types";
import { Notice } from "src/components/Notice";
import type { ActionKind } from "src/lib/actions";
import { describeRamp, rampTitle } from "src/lib/ramps";

interface Props {
  /** Called to act on the ramp; without it, the user may not. */
  readonly onAct?: (kind: ActionKind) => void;
  readonly ramp: Ramp | null | undefined;
}

/** A second version that a share of new runs has, how it fares, and what can be done about it. */
export const RampBanner = ({ onAct, ramp }: Props) =>
  !ramp ? undefined : (
    <Notice status={ramp.message === null ? "info" : "warning"} title={rampTitle(ramp)}>
      {describeRamp(ramp).join("\n")}
      {onAct === undefined ? undefined : (
        <HStack flexWrap="wrap" mt={2}>
          <Button
            onClick={() => onAct(ramp.status === "paused" ? "resumeRamp" : "pauseRamp")}
            size="sm"
            variant="outline"
          >
            {ramp.status === "paused" ? "Resume" : "Pause"}
          </Button>
          <Button onClick={() => onAct("promoteRamp")} size="sm" variant="outline">
            Promote
          </Button>
          <Button colorPalette="red" onClick={() => onAct("abortRamp")} size="sm" variant="outline">
            Abort
          </Button>
        </HStack>
      )}
    </Notice>
  );
