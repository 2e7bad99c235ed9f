import { Box, Heading, Skeleton, Stack, Text } from "@chakra-ui/react";

import { getHealth, getPins } from "src/api/requests";
import { DeploymentBanner } from "src/components/HealthBanner";
import { PinFilters } from "src/components/overview/PinFilters";
import { PinPages } from "src/components/overview/PinPages";
import { PinsTable } from "src/components/overview/PinsTable";
import { Trouble } from "src/components/Trouble";
import { usePinsQuestion } from "src/hooks/usePinsQuestion";
import { usePolled } from "src/hooks/usePolled";
import { plural } from "src/lib/versions";

/** Every pin that the user may see. */
export const PinsPage = () => {
  const { ask, question } = usePinsQuestion();
  const pins = usePolled((signal) => getPins(question, signal), JSON.stringify(question), { keep: true });
  const health = usePolled(getHealth, "health");
  const filtered = question.text !== "" || question.behind || question.unhealthy;

  return (
    <Stack gap={3} maxW="full" minW={0} p={2}>
      <Heading as="h1" size="lg">
        Pinned Dags
      </Heading>
      <DeploymentBanner health={health.data} />
      <Trouble error={pins.error} onRetry={pins.refresh} stale={pins.data !== undefined} />
      <PinFilters onChange={ask} question={question} />
      {pins.data === undefined ? (
        pins.error === undefined ? (
          <Skeleton aria-busy="true" aria-label="Loading" h="12rem" role="status" />
        ) : undefined
      ) : (
        <Box aria-busy={pins.waiting} opacity={pins.waiting ? 0.6 : 1}>
          <Text aria-live="polite" color="fg.muted" fontSize="sm">
            {plural(pins.data.total, "pinned Dag")}
            {filtered ? " found" : ""}
          </Text>
          {pins.data.items.length === 0 ? (
            <Text py={8} textAlign="center">
              {filtered
                ? "No pin is like that."
                : "No Dag is pinned: every Dag runs its latest version. Pin one on its Pinning tab."}
            </Text>
          ) : (
            <PinsTable onOrder={(order) => ask({ offset: 0, order })} order={question.order} pins={pins.data.items} />
          )}
          <PinPages onChange={ask} question={question} total={pins.data.total} />
        </Box>
      )}
    </Stack>
  );
};
