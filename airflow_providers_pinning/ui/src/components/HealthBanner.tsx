import type { DeploymentHealth, Health } from "src/api/types";
import { Notice } from "src/components/Notice";

/** Components of this deployment that would not honour a pin. */
export const DeploymentBanner = ({ health }: { readonly health: DeploymentHealth | null | undefined }) => {
  const bypassing = health?.components.filter((component) => !component.enforced) ?? [];

  return bypassing.length === 0 ? undefined : (
    <Notice status="error" title="Pins are not enforced everywhere">
      {bypassing
        .map(({ component, hostname, message }) => `${component} on ${hostname}: ${message}`)
        .join("\n")}
    </Notice>
  );
};

/** What is wrong with the pin of one Dag, and the remedy. */
export const PinProblems = ({ health }: { readonly health: Health }) =>
  health.problems.map((problem) => (
    <Notice
      key={problem.reason}
      status={problem.status === "broken" ? "error" : "warning"}
      title={problem.status === "broken" ? "The pin cannot be honoured" : "The pin needs attention"}
    >
      {problem.message}
    </Notice>
  ));
