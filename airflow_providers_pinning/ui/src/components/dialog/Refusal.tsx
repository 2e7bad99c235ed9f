import type { ApiError } from "src/api/client";
import { Notice } from "src/components/Notice";
import { absolute } from "src/lib/time";

/** Why nothing was changed. */
export const Refusal = ({ error }: { readonly error: ApiError }) => {
  const { components, message, reason, state } = error;

  if (reason === "revision_conflict" && state) {
    const who = state.pin ? `${state.pin.actor} pinned version ${state.active?.version_number}` : "Somebody unpinned the Dag";
    const when = state.pin ? `, ${absolute(state.pin.pinned_at)}: ${state.pin.reason}` : ".";

    return (
      <Notice live status="error" title="Somebody else was faster; nothing was changed">
        {`${who}${when}\nLook at what would change now, then confirm again or cancel.`}
      </Notice>
    );
  }

  return (
    <Notice live status="error" title="Nothing was changed">
      {[message, ...components].join("\n")}
    </Notice>
  );
};
