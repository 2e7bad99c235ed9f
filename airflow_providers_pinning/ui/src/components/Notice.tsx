import { Alert } from "@chakra-ui/react";
import type { ReactNode } from "react";

interface Props {
  readonly children?: ReactNode;
  readonly live?: boolean;
  readonly status: "error" | "info" | "success" | "warning";
  readonly title: string;
}

/** Something that the reader should know, and what to do about it. */
export const Notice = ({ children, live = false, status, title }: Props) => (
  <Alert.Root
    alignItems="flex-start"
    borderRadius="md"
    role={live ? (status === "error" ? "alert" : "status") : undefined}
    status={status}
  >
    <Alert.Indicator />
    <Alert.Content minW={0}>
      <Alert.Title>{title}</Alert.Title>
      {children === undefined ? undefined : (
        <Alert.Description overflowWrap="anywhere" whiteSpace="pre-wrap">
          {children}
        </Alert.Description>
      )}
    </Alert.Content>
  </Alert.Root>
);
