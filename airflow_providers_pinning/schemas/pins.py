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
"""The pin of a Dag: what changes it, and the state that it is in."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from airflow.api_fastapi.core_api.base import BaseModel, StrictBaseModel
from pydantic import Field, model_validator

from airflow_providers_pinning.schemas.common import (
    ChangeBody,
    ExpectedBody,
    IdentityResponse,
    Moment,
    Reason,
    RepetitionResponse,
    Revision,
    VersionNumber,
)
from airflow_providers_pinning.schemas.storable import Text
from airflow_providers_pinning.vocabulary import MAX_HELD_DAGS, MAX_REPAIRED_RUNS, FinishedRuns, UnfinishedRuns


class PinBody(ExpectedBody, ChangeBody):
    """Which version to pin, and under which conditions."""

    version_number: VersionNumber | None = None
    dag_version_id: UUID | None = None
    bundle_version: Text | None = Field(default=None, min_length=1)
    override_reason: Reason | None = Field(
        default=None, description="Why a rejection, a hold or a failed verdict is passed over."
    )
    ignore_verdict: bool = Field(
        default=False, description="Pin the version although its runs failed the criteria of the Dag."
    )

    @model_validator(mode="after")
    def _name_one_version(self) -> PinBody:
        if [self.version_number, self.dag_version_id, self.bundle_version].count(None) != 2:
            raise ValueError("Give exactly one of version_number, dag_version_id and bundle_version.")
        return self


class RepairBody(StrictBaseModel):
    """What becomes of the live runs of the version that is rolled back; canary runs are left alone."""

    unfinished: UnfinishedRuns = Field(
        default=UnfinishedRuns.KEEP, description="cancel: queued and running runs are stopped, and end as failed."
    )
    finished: FinishedRuns = Field(
        default=FinishedRuns.KEEP,
        description="rerun: finished runs are cleared, and run on the version that is active then.",
    )
    since: Moment | None = Field(
        default=None,
        description="Only runs that were due then or later; by default those created since the version was pinned.",
    )
    only_failed: bool = Field(default=False, description="Of the finished runs, rerun only those that failed.")
    run_ids: list[Text] | None = Field(
        default=None, max_length=MAX_REPAIRED_RUNS, description="Only these runs, as a dry run named them."
    )
    skip_blocked: bool = Field(
        default=False, description="Leave runs alone that cannot be repaired, rather than refuse the whole."
    )


class RollbackBody(ChangeBody):
    """How to roll back."""

    to_version: VersionNumber | None = Field(
        default=None, description="Version number to return to, instead of the one that was active before."
    )
    expected_version: VersionNumber | None = Field(
        default=None, description="Refuse with `revision_conflict` if another version is active."
    )
    from_version: VersionNumber | None = Field(
        default=None, description="Former name of `expected_version`.", deprecated=True
    )
    reject_current: bool = Field(default=True, description="Mark the present version as not to be pinned.")
    hold: bool = Field(default=False, description="Take no further change without an override_reason.")
    hold_until: Moment | None = Field(default=None, description="When the hold ends by itself; only with hold.")
    repair: RepairBody | None = Field(
        default=None,
        description="What becomes of the runs of the present version; by default nothing. A repair needs an "
        "idempotency_key, except in a dry run.",
    )
    dry_run: bool = Field(
        default=False, description="Answer what the rollback and the repair would do, and change nothing."
    )
    expected_revision: Revision | None = Field(default=None, description="Refuse if the pin changed since.")
    override_reason: Reason | None = Field(
        default=None,
        description="Why a rejection, or a hold that stands in the way of a newer version, is passed over.",
    )

    @model_validator(mode="after")
    def _end_only_a_hold(self) -> RollbackBody:
        if self.hold_until is not None and not self.hold:
            raise ValueError("hold_until needs hold, which is false.")
        return self

    @model_validator(mode="after")
    def _name_a_repair(self) -> RollbackBody:
        if self.repair is None or self.dry_run or self.idempotency_key is not None:
            return self
        if self.repair.unfinished is not UnfinishedRuns.KEEP or self.repair.finished is not FinishedRuns.KEEP:
            raise ValueError(
                "A repair needs an idempotency_key, with which the same request goes on with runs that are left."
            )
        return self

    @model_validator(mode="before")
    @classmethod
    def _take_former_name(cls, given: Any) -> Any:
        # Sent by hooks of 0.1.0, whose rollbacks would be refused during an upgrade.
        if isinstance(given, dict) and given.get("from_version") is not None:
            if given.get("expected_version") is not None:
                raise ValueError("from_version is the former name of expected_version. Give only expected_version.")
            return {**given, "expected_version": given["from_version"]}
        return given


class PinInfoResponse(BaseModel):
    """Why a Dag is pinned."""

    reason: str
    actor: str
    pinned_at: datetime


class HoldResponse(BaseModel):
    """Why a Dag is on hold."""

    reason: str
    actor: str
    held_at: datetime
    until: datetime | None = Field(description="When it ends by itself; null keeps it until somebody lifts it.")


class ProblemResponse(BaseModel):
    """One thing that is wrong, and what to do about it."""

    reason: str
    message: str
    status: str


class HealthResponse(BaseModel):
    """Whether a pin is honored: ``healthy``, ``degraded`` or ``broken``."""

    status: str
    problems: list[ProblemResponse]


class HeadResponse(BaseModel):
    """What became of a pinned Dag at HEAD: ``defined``, ``broken`` or ``missing``; the pin goes on in any case."""

    status: str
    since: datetime | None
    message: str | None


class RunsSincePinResponse(BaseModel):
    """How the live runs of a pinned version fare since it was pinned, which says nothing of its enforcement."""

    finished: int
    failed: int
    unfinished: int
    failing: bool = Field(description="Whether the newest finished run failed.")
    failed_tasks: dict[str, int] = Field(
        description="In how many of the newest 100 failed runs each task failed; empty in lists."
    )


class BlockedRunResponse(BaseModel):
    """A run that cannot be repaired."""

    run_id: str
    reason: str = Field(
        description="`tasks_running`, `unfinished`, `deleted`, `other_version`, `canary`, `no_tasks`, "
        "`changed`, `superseded` or `before`."
    )
    message: str


class RepairResponse(BaseModel):
    """What a rollback did with the runs of the version that it replaced."""

    version_number: int
    by_state: dict[str, int] = Field(description="Live runs of the version since it was pinned, by state.")
    cancelled: list[str] = Field(description="Ids of unfinished runs that are stopped.")
    rerun: list[str] = Field(description="Ids of finished runs that are cleared onto the version that is active now.")
    pending: int = Field(
        description="How many of these are still to be done: the same request with the same idempotency key goes on."
    )
    blocked: list[BlockedRunResponse] = Field(description="Runs that were left alone, and why.")


class ReleaseStateResponse(BaseModel):
    """What new runs of a Dag use, and how that came about."""

    dag_id: str
    revision: int
    pinned: bool
    active: IdentityResponse | None
    latest: IdentityResponse | None
    versions_behind: int
    related_versions_behind: int = Field(
        description="How many of these change something related to the Dag. What is not known counts as related."
    )
    pin: PinInfoResponse | None
    hold: HoldResponse | None
    health: HealthResponse
    head: HeadResponse | None = Field(default=None, description="Null if the Dag is not pinned.")
    runs: RunsSincePinResponse | None = Field(
        default=None, description="Runs since the pin; null if the Dag is not pinned."
    )
    warnings: list[str] = []
    repair: RepairResponse | None = Field(default=None, description="Only in answers to a rollback.")
    repeated: RepetitionResponse | None = None


class HoldBody(ChangeBody):
    """Why a Dag is put on hold, and for how long."""

    until: Moment | None = Field(
        default=None, description="When the hold ends by itself, by the database's clock; null keeps it until lifted."
    )
    expected_revision: Revision | None = Field(default=None, description="Refuse if the pin changed since.")


class DagIdsBody(ChangeBody):
    """Several Dags, and why they are changed."""

    dag_ids: list[Text] = Field(min_length=1, max_length=MAX_HELD_DAGS)


class HoldAllBody(DagIdsBody):
    """Several Dags that are put on hold, why, and for how long."""

    until: Moment | None = Field(
        default=None, description="When the holds end by themselves, by the database's clock; null keeps them."
    )


class ReleaseStateCollectionResponse(BaseModel):
    """What new runs of several Dags use, by Dag id."""

    dags: list[ReleaseStateResponse]


class PassedOverResponse(BaseModel):
    """A version that was active before and cannot be returned to."""

    version_number: int
    reason: str = Field(description="What refuses a pin of it, such as `code_unavailable`.")
    message: str


class RollbackTargetResponse(BaseModel):
    """Where a rollback would lead."""

    to_version: IdentityResponse | None = Field(description="Null if there is nothing to roll back to.")
    passed_over: list[PassedOverResponse] = Field(
        description="Versions that were active later and cannot be pinned, in the order in which they were looked at."
    )
    current: IdentityResponse | None = Field(description="The version that would be replaced.")
    runs: dict[str, int] = Field(description="Live runs of that version since it was pinned, by state.")


class PinSummaryResponse(BaseModel):
    """A pinned Dag."""

    dag_id: str
    revision: int
    active: IdentityResponse
    latest_version_number: int | None
    versions_behind: int
    related_versions_behind: int = Field(
        description="How many of these change something related to the Dag. What is not known counts as related."
    )
    pin: PinInfoResponse
    hold: HoldResponse | None
    health: HealthResponse
    head: HeadResponse
    runs: RunsSincePinResponse


PinOrderBy = Literal[
    "dag_id",
    "-dag_id",
    "versions_behind",
    "-versions_behind",
    "pinned_at",
    "-pinned_at",
    "actor",
    "-actor",
    "failed_runs",
    "-failed_runs",
]


class PinCollectionResponse(BaseModel):
    """Pinned Dags by id."""

    pins: list[PinSummaryResponse]
    total_entries: int
