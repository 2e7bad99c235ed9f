import { useSearchParams } from "react-router-dom";

import type { PinsQuestion } from "src/api/requests";
import { fromParams, toParams } from "src/lib/question";

/** What the overview asks for; kept in the address, so that it can be sent to somebody. */
export const usePinsQuestion = (): { ask: (changed: Partial<PinsQuestion>) => void; question: PinsQuestion } => {
  const [params, setParams] = useSearchParams();
  const question = fromParams(params);

  return {
    ask: (changed) => setParams(toParams({ ...question, ...changed }), { replace: true }),
    question,
  };
};
