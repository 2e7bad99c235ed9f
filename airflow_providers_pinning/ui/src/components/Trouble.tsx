import { Button } from "@chakra-ui/react";

import type { ApiError } from "src/api/client";
import { Notice } from "src/components/Notice";

interface Props {
  readonly error: ApiError | undefined;
  readonly onRetry: () => void;
  /** Whether something older is still shown. */
  readonly stale: boolean;
}

/** That reading failed: what is still on the page may be old. */
export const Trouble = ({ error, onRetry, stale }: Props) =>
  error === undefined ? undefined : (
    <Notice live status="error" title={stale ? "This page may be out of date" : "This cannot be shown"}>
      {error.message}{" "}
      <Button ms={2} onClick={onRetry} size="xs" variant="outline">
        Try again
      </Button>
    </Notice>
  );
