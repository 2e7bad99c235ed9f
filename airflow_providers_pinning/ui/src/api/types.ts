/** What the REST API answers, by the names that the components use. Generated from its description. */

import type { components } from "src/api/schema";

type Schemas = components["schemas"];

export type DeploymentHealth = Schemas["DeploymentHealthResponse"];
export type Event = Schemas["EventResponse"];
export type Health = Schemas["HealthResponse"];
export type Identity = Schemas["IdentityResponse"];
export type Permissions = Schemas["PermissionsResponse"];
export type PinOrder =
  | "-actor"
  | "-dag_id"
  | "-pinned_at"
  | "-versions_behind"
  | "actor"
  | "dag_id"
  | "pinned_at"
  | "versions_behind";
export type PinSummary = Schemas["PinSummaryResponse"];
export type ReleaseState = Schemas["ReleaseStateResponse"];
export type Run = Schemas["RunResponse"];
export type Soak = Schemas["SoakResponse"];
export type Version = Schemas["VersionResponse"];

export interface FieldChange {
  after: unknown;
  before: unknown;
  kind: "added" | "changed" | "removed";
  name: string;
}

export interface Comparison {
  assets: Array<{ kind: "added" | "removed"; name: string; role: string; task_id: string | null; uri: string | null }>;
  dag_id: string;
  from_version: Identity;
  identical: boolean;
  limits: Array<FieldChange>;
  other: Array<FieldChange>;
  params: Array<FieldChange>;
  schedule: {
    after: string;
    before: string;
    changed: boolean;
    next_runs_after: Array<string>;
    next_runs_before: Array<string>;
    note: string | null;
  };
  source: { after_path: string | null; before_path: string | null; diff: string | null; note: string | null };
  tasks: {
    added: Array<string>;
    changed: Array<{ fields: Array<FieldChange>; task_id: string }>;
    removed: Array<string>;
  };
  to_version: Identity;
}
