import { Field, Flex, Input } from "@chakra-ui/react";
import { useEffect, useState } from "react";

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

  useEffect(() => {
    if (text === question.text) {
      return undefined;
    }
    const timer = setTimeout(() => onChange({ offset: 0, text }), PAUSE);

    return () => clearTimeout(timer);
  }, [text, question.text, onChange]);

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
