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

import { Field, Flex, Input } from "@chakra-ui/react";
import { useEffect, useRef, useState } from "react";

import type { PinsQuestion } from "src/api/requests";
import { Check } from "src/components/Check";

const PAUSE = 300;

interface Props {
  readonly onChange: (changed: Partial<PinsQuestion>) => void;
  readonly question: PinsQuestion;
}

/** Which pins to list; a text is asked for when the typing pauses. */
export const PinFilters = ({ onChange, question }: Props) => {
  const [text, setText] = useState(question.text);
  const known = useRef(question.text);

  // The address may change by itself, as by a link to this page; what was typed before that is over.
  useEffect(() => {
    if (known.current !== question.text) {
      known.current = question.text;
      setText(question.text);
    }
  }, [question.text]);

  useEffect(() => {
    if (text === known.current) {
      return undefined;
    }
    const timer = setTimeout(() => {
      known.current = text;
      onChange({ offset: 0, text });
    }, PAUSE);

    return () => clearTimeout(timer);
  }, [text, onChange]);

  return (
    <Flex align="flex-end" gap={4} wrap="wrap">
      <Field.Root maxW="24rem">
        <Field.Label>Dag</Field.Label>
        <Input
          onChange={({ target }) => setText(target.value)}
          placeholder="Part of the Dag's id"
          type="search"
          value={text}
        />
      </Field.Root>
      <Check checked={question.behind} onChange={(behind) => onChange({ behind, offset: 0 })}>
        Behind the latest version
      </Check>
      <Check checked={question.unhealthy} onChange={(unhealthy) => onChange({ offset: 0, unhealthy })}>
        With a problem
      </Check>
    </Flex>
  );
};
