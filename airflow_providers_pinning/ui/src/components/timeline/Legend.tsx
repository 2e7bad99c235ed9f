import { chakra, Flex } from "@chakra-ui/react";

import { MUTED_COLOR, PIN_COLOR, ROLLBACK_COLOR } from "src/components/timeline/geometry";
import { RunMark } from "src/components/timeline/RunMark";

const MARKS = [
  ["live", "success", "live run"],
  ["canary", "success", "canary run"],
  ["live", "failed", "failed"],
  ["live", "running", "running"],
  ["live", "queued", "queued"],
] as const;
const LINES = [
  [PIN_COLOR, undefined, "pinned"],
  [MUTED_COLOR, "3 4", "not pinned"],
  [ROLLBACK_COLOR, undefined, "rollback"],
] as const;

/** What the marks and lines mean. */
export const Legend = () => (
  <Flex as="ul" color="fg.muted" columnGap={4} fontSize="xs" listStyleType="none" m={0} mt={2} p={0} rowGap={1} wrap="wrap">
    {MARKS.map(([kind, state, text]) => (
      <Flex align="center" as="li" gap={1} key={text}>
        <svg aria-hidden="true" height={18} width={18}>
          <RunMark kind={kind} state={state} x={9} y={9} />
        </svg>
        <chakra.span>{text}</chakra.span>
      </Flex>
    ))}
    {LINES.map(([color, dashes, text]) => (
      <Flex align="center" as="li" gap={1} key={text}>
        <svg aria-hidden="true" height={18} width={24}>
          <path d="M1 9H23" stroke={color} strokeDasharray={dashes} strokeWidth={dashes ? 2 : 4} />
        </svg>
        <chakra.span>{text}</chakra.span>
      </Flex>
    ))}
  </Flex>
);
