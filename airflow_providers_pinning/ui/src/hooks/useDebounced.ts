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

import { useEffect, useRef, useState } from "react";

/** Milliseconds without typing after which the search starts. */
const DEBOUNCE = 300;

/** What is being typed, and how to go on: the value follows the one that is known from elsewhere, such as the URL. */
export const useDebounced = (value: string, onChange: (text: string) => void): [string, (text: string) => void] => {
  const [text, setText] = useState(value);
  const known = useRef(value);

  // The URL may change without typing, such as by a link to this page; it then replaces what was typed.
  useEffect(() => {
    if (known.current !== value) {
      known.current = value;
      setText(value);
    }
  }, [value]);

  useEffect(() => {
    if (text === known.current) {
      return undefined;
    }
    const timer = setTimeout(() => {
      known.current = text;
      onChange(text);
    }, DEBOUNCE);

    return () => clearTimeout(timer);
  }, [text, onChange]);

  return [text, setText];
};
