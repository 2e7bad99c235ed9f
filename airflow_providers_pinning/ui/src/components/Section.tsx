import { Box, Flex, Heading } from "@chakra-ui/react";
import { useId, type ReactNode } from "react";

interface Props {
  readonly actions?: ReactNode;
  readonly children: ReactNode;
  readonly title: string;
}

/** A part of a page, with a heading by which screen readers find it. */
export const Section = ({ actions, children, title }: Props) => {
  const id = useId();

  return (
    <Box aria-labelledby={id} as="section" borderRadius="md" borderWidth={1} minW={0} p={{ base: 3, md: 4 }}>
      <Flex align="center" gap={2} justify="space-between" mb={3} wrap="wrap">
        <Heading as="h2" id={id} size="md">
          {title}
        </Heading>
        {actions}
      </Flex>
      {children}
    </Box>
  );
};
