import { chakra } from "@chakra-ui/react";

/** What a person wrote: lines are kept, and a long word does not widen the page. */
export const Prose = chakra("span", { base: { overflowWrap: "anywhere", whiteSpace: "pre-wrap" } });
