import { Checkbox } from "@chakra-ui/react";
import type { ReactNode } from "react";

interface Props {
  readonly checked: boolean;
  readonly children: ReactNode;
  readonly onChange: (checked: boolean) => void;
}

/** A box to tick, with its label. */
export const Check = ({ checked, children, onChange }: Props) => (
  <Checkbox.Root checked={checked} onCheckedChange={(details) => onChange(details.checked === true)}>
    <Checkbox.HiddenInput />
    <Checkbox.Control>
      <Checkbox.Indicator />
    </Checkbox.Control>
    <Checkbox.Label>{children}</Checkbox.Label>
  </Checkbox.Root>
);
