import { chakra } from "@chakra-ui/react";

import { absolute, age } from "src/lib/time";

/** How long ago something was; the exact moment is its tooltip. */
export const Moment = ({ value }: { readonly value: string }) => (
  <chakra.time dateTime={value} title={absolute(value)} whiteSpace="nowrap">
    {age(value)}
  </chakra.time>
);
