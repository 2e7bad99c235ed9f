/** What the REST API answers, by the names that the components use. Generated from its description. */

import type { components, paths } from "src/api/schema";

type Schemas = components["schemas"];

export type Comparison = Schemas["ComparisonResponse"];
export type DeploymentHealth = Schemas["DeploymentHealthResponse"];
export type Event = Schemas["EventResponse"];
export type FieldChange = Schemas["FieldChangeResponse"];
export type Health = Schemas["HealthResponse"];
export type Identity = Schemas["IdentityResponse"];
export type Permissions = Schemas["PermissionsResponse"];
export type PinOrder = NonNullable<NonNullable<paths["/api/v1/pins"]["get"]["parameters"]["query"]>["order_by"]>;
export type PinSummary = Schemas["PinSummaryResponse"];
export type ReleaseState = Schemas["ReleaseStateResponse"];
export type Run = Schemas["RunResponse"];
export type Soak = Schemas["SoakResponse"];
export type Version = Schemas["VersionResponse"];
