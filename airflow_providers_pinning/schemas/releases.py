# Licensed to the Apache Software Foundation (ASF) under one
# or more contributor license agreements.  See the NOTICE file
# distributed with this work for additional information
# regarding copyright ownership.  The ASF licenses this file
# to you under the Apache License, Version 2.0 (the
# "License"); you may not use this file except in compliance
# with the License.  You may obtain a copy of the License at
#
#   http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing,
# software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY
# KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations
# under the License.
"""Releases of many Dags."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from airflow.api_fastapi.core_api.base import BaseModel
from pydantic import Field, model_validator

from airflow_providers_pinning.schemas.common import (
    ChangeBody,
    IdentityResponse,
    Moment,
    Reason,
    SeenRulesBody,
    VersionNumber,
)
from airflow_providers_pinning.schemas.storable import DagId, Text
from airflow_providers_pinning.vocabulary import (
    MAX_RELEASED_DAGS,
    ReleaseAction,
    ReleaseOutcome,
    ReleaseScope,
    ReleaseStatus,
)

MAX_CONDITIONS = 100
"""Maximum number of tags, bundles, patterns or owners in a request."""

PlanHash = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
ExpectedPlan = Annotated[
    PlanHash | None,
    Field(description="The `plan_hash` of the plan that was confirmed; refuse with `revision_conflict` to do another."),
]

Conditions: Any = Field(default_factory=list, max_length=MAX_CONDITIONS)


class ReleaseBody(SeenRulesBody, ChangeBody):
    """
    The action and its Dags.

    For a pin, give one of `bundle_version`, `versions`, `latest` and `newest`. A Dag must match one condition of each
    given kind.
    """

    action: ReleaseAction = Field(
        default=ReleaseAction.PIN, description="`pin`, `unpin`, or `rollback`: each Dag returns to the version before."
    )
    bundle_version: Text | None = Field(default=None, description="The commit to pin the Dags to.")
    bundle_name: Text | None = Field(default=None, description="Bundle of the commit, if several bundles have it.")
    versions: dict[DagId, VersionNumber] | None = Field(
        default=None, max_length=MAX_RELEASED_DAGS, description="Or a version number for each Dag."
    )
    latest: bool = Field(
        default=False, description="Or the current version of each Dag: its pinned version, otherwise the latest one."
    )
    newest: bool = Field(
        default=False,
        description="Or for each Dag what comes next: its newest candidate, otherwise its newest version if it "
        "has related changes. Rejected versions are skipped.",
    )
    scope: ReleaseScope = Field(
        default=ReleaseScope.CHANGED,
        description="Which Dags of the commit, unless they are named: pinned ones with related changes, all "
        "pinned ones, or all.",
    )
    dag_ids: list[DagId] | None = Field(default=None, min_length=1, max_length=MAX_RELEASED_DAGS)
    tags: list[Text] = Conditions
    bundles: list[Text] = Conditions
    dag_id_patterns: list[Text] = Field(
        default_factory=list, max_length=MAX_CONDITIONS, description="With the wildcards `*` and `?`."
    )
    owners: list[Text] = Conditions
    exclude: list[DagId] = Field(default_factory=list, max_length=MAX_RELEASED_DAGS, description="Dags to skip.")
    override_reason: Reason | None = Field(
        default=None, description="Reason for overriding holds, rejections and failed verdicts."
    )
    expected_plan: ExpectedPlan = None
    effective_from: Moment | None = Field(
        default=None,
        description="When a pin takes effect, by the database's clock: runs due at or after that time use the new "
        "versions, earlier ones the old versions. Default: now.",
    )

    @model_validator(mode="after")
    def _is_one_thing(self) -> ReleaseBody:
        if self.effective_from is not None and self.action is not ReleaseAction.PIN:
            raise ValueError(
                f"Only a pin takes effective_from; omit it, or {self.action.value} each Dag at that time by itself"
            )
        given = [self.bundle_version is not None, self.versions is not None, self.latest, self.newest]
        if self.action is ReleaseAction.PIN and given.count(True) != 1:
            raise ValueError("Use exactly one of bundle_version, versions, latest and newest")
        if self.action in (ReleaseAction.UNPIN, ReleaseAction.ROLLBACK) and any(given):
            raise ValueError(f"To {self.action.value}, give no bundle_version, versions, latest or newest")
        if self.action is ReleaseAction.APPLY:
            raise ValueError("Apply a document of pins with POST /pins/apply")
        chooses = self.dag_ids or self.tags or self.bundles or self.dag_id_patterns or self.owners
        if self.versions is not None and (chooses or not self.versions):
            raise ValueError("versions must name at least one Dag, and cannot be combined with other conditions")
        if self.bundle_version is None and self.versions is None and not chooses:
            raise ValueError("Select Dags with dag_ids, tags, bundles, dag_id_patterns or owners")
        return self


class ReleaseRollbackBody(SeenRulesBody, ChangeBody):
    """How to roll back a release."""

    leave_moved: bool = Field(
        default=False, description="Skip Dags whose pin has changed since; by default they block the rollback."
    )
    exclude: list[DagId] = Field(default_factory=list, max_length=MAX_RELEASED_DAGS)
    override_reason: Reason | None = None
    expected_plan: ExpectedPlan = None


class PlannedDagResponse(BaseModel):
    """Effect of a release on one Dag."""

    dag_id: str
    outcome: ReleaseOutcome
    was_pinned: bool = Field(description="Whether the Dag was pinned before.")
    from_version: IdentityResponse | None = Field(description="Previously active version.")
    to_version: IdentityResponse | None = Field(description="Active version afterwards.")
    reason: str | None = Field(description="Why it is blocked or skipped, as a machine-readable reason.")
    message: str | None
    revision: int | None = Field(description="Revision of the pin afterwards.")
    warnings: list[str]


class DependencyResponse(BaseModel):
    """A Dag that is triggered by an asset which another one updates."""

    producer: str
    consumer: str
    asset: str
    producer_included: bool
    consumer_included: bool


class ReleaseSummaryResponse(BaseModel):
    """One release in the list."""

    release_id: str = Field(validation_alias="id")
    action: ReleaseAction
    status: ReleaseStatus
    bundle_name: str | None
    bundle_version: str | None
    actor: str
    reason: str
    changed: int = Field(description="Number of Dags that it changed, or changes at its time.")
    created_at: datetime
    effective_from: datetime | None = Field(description="When it takes effect; null if it did immediately.")
    rolls_back: str | None = Field(description="The release that this one rolled back.")
    rolled_back_by: str | None = Field(description="The release that rolled this one back.")


class ReleaseCollectionResponse(BaseModel):
    """Releases, newest first."""

    releases: list[ReleaseSummaryResponse]
    total_entries: int


class ReleaseResponse(BaseModel):
    """A release or, without an ID, a preview."""

    release_id: str | None
    action: ReleaseAction
    status: ReleaseStatus | None
    bundle_name: str | None
    bundle_version: str | None
    actor: str | None
    reason: str | None
    created_at: datetime | None
    effective_from: datetime | None = Field(description="When it takes effect; null if it does immediately.")
    rolls_back: str | None
    rolled_back_by: str | None
    counts: dict[str, int] = Field(description="Number of Dags by outcome.")
    dags: list[PlannedDagResponse] = Field(description="All of them, or the requested page.")
    total_entries: int = Field(default=0, description="Number of Dags on all pages.")
    hidden: int = Field(default=0, description="Number of further Dags that the user cannot see.")
    dependencies: list[DependencyResponse]
    warnings: list[str]
    repeated: bool = Field(description="Whether it was already made with the same idempotency key.")
    plan_hash: str = Field(
        default="",
        description="What it changes from what to what, as a hash: the `expected_plan` of a request. Empty "
        "where one release is read.",
    )
    policy_revision: int | None = Field(
        default=None, description="Only in a preview: the `expected_policy_revision` of a request."
    )
    freeze_id: int | None = Field(default=None, description="Only in a preview: the `expected_freeze_id` of a request.")
