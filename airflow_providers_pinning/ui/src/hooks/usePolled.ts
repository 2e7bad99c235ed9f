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

import { useCallback, useEffect, useRef, useState } from "react";

import { ApiError } from "src/api/client";

/** Milliseconds between checks of the components, which seldom change and cost more than reading one Dag. */
export const HEALTH_INTERVAL = 60_000;

export interface Polled<T> {
  /** Change the data until the next response. */
  amend: (change: (data: T) => T) => void;
  data: T | undefined;
  /** Why the last request failed; `data` is then from an earlier one. */
  error: ApiError | undefined;
  refresh: () => void;
  /** Whether the response to the last key or refresh is still pending. */
  waiting: boolean;
}

interface Answer<T> {
  data?: T;
  error?: ApiError;
  key: string;
  turn: number;
}

const asError = (error: unknown): ApiError =>
  error instanceof ApiError ? error : new ApiError(0, "unexpected", String(error));

/**
 * Load something now and at an interval, as long as the page is visible.
 *
 * @param key identifies what is loaded; a new key loads again
 * @param interval milliseconds between reads; null reads again only when the page becomes visible
 * @param keep whether to keep the data of the previous key until that of the new key arrives
 */
export const usePolled = <T>(
  load: (signal: AbortSignal) => Promise<T>,
  key: string,
  { interval = 10_000, keep = false }: { interval?: number | null; keep?: boolean } = {},
): Polled<T> => {
  const [answer, setAnswer] = useState<Answer<T>>({ key, turn: 0 });
  const [turn, setTurn] = useState(0);
  const latest = useRef(load);

  latest.current = load;

  useEffect(() => {
    const controller = new AbortController();
    let reading = false;
    let timer: number | undefined;

    const read = async () => {
      if (reading) {
        return;
      }
      reading = true;
      globalThis.clearTimeout(timer);
      if (!document.hidden) {
        try {
          const data = await latest.current(controller.signal);

          if (!controller.signal.aborted) {
            setAnswer({ data, key, turn });
          }
        } catch (error) {
          if (!controller.signal.aborted) {
            setAnswer((before) => ({
              data: before.key === key || keep ? before.data : undefined,
              error: asError(error),
              key,
              turn,
            }));
          }
        }
      }
      reading = false;
      if (!controller.signal.aborted && interval !== null) {
        timer = globalThis.setTimeout(read, interval) as unknown as number;
      }
    };
    const onVisible = () => {
      if (!document.hidden) {
        void read();
      }
    };

    void read();
    document.addEventListener("visibilitychange", onVisible);

    return () => {
      controller.abort();
      globalThis.clearTimeout(timer);
      document.removeEventListener("visibilitychange", onVisible);
    };
  }, [key, interval, keep, turn]);

  const current = answer.key === key;

  return {
    amend: useCallback(
      (change) =>
        setAnswer((before) => (before.data === undefined ? before : { ...before, data: change(before.data) })),
      [],
    ),
    data: current || keep ? answer.data : undefined,
    error: current ? answer.error : undefined,
    refresh: useCallback(() => setTurn((before) => before + 1), []),
    waiting: !current || answer.turn !== turn || (answer.data === undefined && answer.error === undefined),
  };
};
