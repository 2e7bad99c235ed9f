import { DagPage } from "src/pages/DagPage";

/** The tab on a Dag's page; Airflow gives the Dag's id. */
export const PinningTab = ({ dagId }: { readonly dagId?: string }) =>
  dagId === undefined ? undefined : <DagPage dagId={dagId} key={dagId} />;
