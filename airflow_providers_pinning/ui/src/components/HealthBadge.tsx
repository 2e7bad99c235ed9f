import { Badge } from "@chakra-ui/react";

import type { Health } from "src/api/types";

const PALETTES: Record<string, string> = { broken: "red", degraded: "orange", healthy: "green" };

export const HealthBadge = ({ health }: { readonly health: Health }) => (
  <Badge colorPalette={PALETTES[health.status] ?? "gray"} title={health.problems.map(({ message }) => message).join("\n")}>
    {health.status}
  </Badge>
);
