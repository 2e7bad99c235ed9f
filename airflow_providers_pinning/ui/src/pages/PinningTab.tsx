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

import { Box } from "@chakra-ui/react";
import { useEffect, useRef } from "react";

import { DagPage } from "src/pages/DagPage";

/** Width of a window beside Airflow's navigation. */
const VISIBLE = "calc(100vw - 5rem)";

/**
 * The tab on a Dag's page; Airflow passes the Dag ID.
 *
 * Airflow's Dag page is never narrower than 1280 pixels, and scrolls sideways in a narrower window. The tab still fits
 * the window, and is scrolled into view once.
 */
export const PinningTab = ({ dagId }: { readonly dagId?: string }) => {
  const box = useRef<HTMLDivElement>(null);

  useEffect(() => {
    const edge = box.current?.getBoundingClientRect().right ?? 0;

    if (edge > globalThis.innerWidth) {
      box.current?.scrollIntoView({ block: "nearest", inline: "start" });
    }
  }, [dagId]);

  return dagId === undefined ? undefined : (
    <Box maxW={VISIBLE} ref={box}>
      <DagPage dagId={dagId} inTab key={dagId} />
    </Box>
  );
};
