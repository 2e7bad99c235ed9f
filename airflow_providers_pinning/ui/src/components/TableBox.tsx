import { Box, Table } from "@chakra-ui/react";
import type { ReactNode } from "react";

interface Props {
  readonly caption: string;
  readonly children: ReactNode;
}

/** A table that scrolls in its own box where the page is narrow; the box takes the focus, so that keys scroll it. */
export const TableBox = ({ caption, children }: Props) => (
  <Box aria-label={caption} maxW="full" overflowX="auto" position="relative" role="region" tabIndex={0}>
    <Table.Root size="sm" variant="line">
      <Table.Caption captionSide="top" srOnly>
        {caption}
      </Table.Caption>
      {children}
    </Table.Root>
  </Box>
);
