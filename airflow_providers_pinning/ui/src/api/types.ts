/*
 * Licensed to the Apache Software Foundation (ASF) under one
 * or more contributor license agreements.  See the NOTICE file
 * distributed with this work for additional information
 * regarding copyright ownership.  The ASF licenses this file
 * to you under the Apache License, Version 2.0 (the
 * "License"); you may not use this file except in compliance
 * with the License.  You may obtain a copy of the License at
 *
 *   http://www.apache.org/licenses/LICENSE-2.0
 *
 * Unless required by applicable law or agreed to in writing,
 * software distributed under the License is distributed on an
 * "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY
 * KIND, either express or implied.  See the License for the
 * specific language governing permissions and limitations
 * under the License.
 */

/** What the REST API answers, by the names that the components use. Generated from its description. */

import type { components, paths } from "src/api/schema";

type Schemas = components["schemas"];

export type Commit = Schemas["CommitResponse"];
export type Comparison = Schemas["ComparisonResponse"];
export type Components = Schemas["ComponentsResponse"];
export type Criteria = Schemas["CriteriaResponse"];
export type Difference = Schemas["DifferenceResponse"];
export type EventFeed = Schemas["EventFeedResponse"];
export type Event = Schemas["EventResponse"];
export type FailedTask = Schemas["FailedTaskResponse"];
export type Failure = Schemas["FailureResponse"];
export type FieldChange = Schemas["FieldChangeResponse"];
export type Head = Schemas["HeadResponse"];
export type Freeze = Schemas["FreezeResponse"];
export type Health = Schemas["HealthResponse"];
export type Identity = Schemas["IdentityResponse"];
/** The server leaves nothing out. */
export type Pair = Required<Schemas["PairResponse"]>;
export type Explanation = Schemas["ExplanationResponse"];
export type Param = Schemas["ParamResponse"];
export type Permissions = Schemas["PermissionsResponse"];
export type PinOrder = NonNullable<NonNullable<paths["/api/v1/pins"]["get"]["parameters"]["query"]>["order_by"]>;
export type PinSummary = Schemas["PinSummaryResponse"];
export type Policies = Schemas["PoliciesResponse"];
export type PoliciesOverview = Schemas["PoliciesOverviewResponse"];
export type Policy = Schemas["PolicyDocument"];
export type PolicyOverview = Schemas["PolicyOverviewResponse"];
export type RollbackTarget = Schemas["RollbackTargetResponse"];
export type RunsSincePin = Schemas["RunsSincePinResponse"];
export type PendingChange = Schemas["PendingChangeResponse"];
export type Ramp = Schemas["RampResponse"];
export type Release = Schemas["ReleaseResponse"];
/** What a request leaves out has its default. */
export type ReleaseBody = Partial<Schemas["ReleaseBody"]> & Pick<Schemas["ReleaseBody"], "reason">;
export type ReleaseSummary = Schemas["ReleaseSummaryResponse"];
export type ReleaseState = Schemas["ReleaseStateResponse"];
export type Run = Schemas["RunResponse"];
export type Soak = Schemas["SoakResponse"];
export type UnpinnedDag = Schemas["UnpinnedDagResponse"];
export type Unmet = Schemas["UnmetResponse"];
export type Version = Schemas["VersionResponse"];
