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
"""A rollback: what it asks for, and what it did."""

from __future__ import annotations

from typing import Any

from airflow.api_fastapi.core_api.base import BaseModel, StrictBaseModel
from pydantic import Field, model_validator

from airflow_providers_pinning.schemas.common import (
    ChangeBody,
    IdentityResponse,
    Moment,
    Reason,
    Revision,
    TimedBody,
    VersionNumber,
)
from airflow_providers_pinning.schemas.storable import Text
from airflow_providers_pinning.vocabulary import MAX_REPAIRED_RUNS, FinishedRuns, UnfinishedRuns


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


class RollbackBody(TimedBody, ChangeBody):
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
        if self.repair is None or (
            self.repair.unfinished is UnfinishedRuns.KEEP and self.repair.finished is FinishedRuns.KEEP
        ):
            return self
        if self.effective_from is not None:
            raise ValueError("A rollback that takes effect later repairs no runs. Leave out repair or effective_from.")
        if not self.dry_run and self.idempotency_key is None:
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
    canceled: list[str] = Field(description="Ids of unfinished runs that are stopped.")
    rerun: list[str] = Field(description="Ids of finished runs that are cleared onto the version that is active now.")
    pending: int = Field(
        description="How many of these are still to be done: the same request with the same idempotency key goes on."
    )
    blocked: list[BlockedRunResponse] = Field(description="Runs that were left alone, and why.")


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
