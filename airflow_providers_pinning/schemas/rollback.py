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
"""Rollbacks: requests and results."""

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
    SeenRulesBody,
    TimedBody,
    VersionNumber,
)
from airflow_providers_pinning.schemas.storable import Text
from airflow_providers_pinning.vocabulary import MAX_REPAIRED_RUNS, FinishedRuns, UnfinishedRuns


class RepairBody(StrictBaseModel):
    """What happens to the live runs of the version that is rolled back; canary runs are not affected."""

    unfinished: UnfinishedRuns = Field(
        default=UnfinishedRuns.KEEP, description="cancel: stop queued and running runs, and mark them as failed."
    )
    finished: FinishedRuns = Field(
        default=FinishedRuns.KEEP,
        description="rerun: clear finished runs, to run with the version that is active then.",
    )
    since: Moment | None = Field(
        default=None,
        description="Only runs due at or after this time (default: those created since the version was pinned).",
    )
    only_failed: bool = Field(default=False, description="Only rerun finished runs that failed.")
    run_ids: list[Text] | None = Field(
        default=None, max_length=MAX_REPAIRED_RUNS, description="Only these runs, as listed by a dry run."
    )
    skip_blocked: bool = Field(
        default=False, description="Skip runs that cannot be repaired instead of refusing the rollback."
    )


class RollbackBody(TimedBody, SeenRulesBody, ChangeBody):
    """How to roll back."""

    to_version: VersionNumber | None = Field(
        default=None, description="Version number to return to (default: the previously active version)."
    )
    expected_version: VersionNumber | None = Field(
        default=None, description="Refuse with `revision_conflict` if another version is active."
    )
    from_version: VersionNumber | None = Field(
        default=None, description="Former name of `expected_version`.", deprecated=True
    )
    reject_current: bool = Field(default=True, description="Reject the current version.")
    hold: bool = Field(default=False, description="Block further changes without an override_reason.")
    hold_until: Moment | None = Field(default=None, description="When the hold expires; only with hold.")
    repair: RepairBody | None = Field(
        default=None,
        description="What happens to the runs of the current version; by default nothing. A repair needs an "
        "idempotency_key, except in a dry run.",
    )
    dry_run: bool = Field(default=False, description="Preview the rollback and the repair without making them.")
    expected_revision: Revision | None = Field(default=None, description="Refuse if the pin has changed since.")
    override_reason: Reason | None = Field(
        default=None,
        description="Reason for overriding a rejection, or a hold that blocks a newer version.",
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
            raise ValueError("A rollback that takes effect later cannot repair runs. Omit repair or effective_from.")
        if not self.dry_run and self.idempotency_key is None:
            raise ValueError(
                "A repair needs an idempotency_key, with which the same request continues with the remaining runs."
            )
        return self

    @model_validator(mode="before")
    @classmethod
    def _take_former_name(cls, given: Any) -> Any:
        # Sent by hooks of 0.1.0, whose rollbacks would be refused during an upgrade.
        if isinstance(given, dict) and given.get("from_version") is not None:
            if given.get("expected_version") is not None:
                raise ValueError("from_version is the former name of expected_version. Use only expected_version.")
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
    """Result of a rollback for the runs of the replaced version."""

    version_number: int
    by_state: dict[str, int] = Field(description="Live runs of the version since it was pinned, by state.")
    canceled: list[str] = Field(description="IDs of the stopped unfinished runs.")
    rerun: list[str] = Field(description="IDs of the cleared finished runs, which use the version that is active now.")
    pending: int = Field(
        description="Number of runs still to be repaired: repeat the request with the same idempotency key to continue."
    )
    blocked: list[BlockedRunResponse] = Field(description="Skipped runs, with reasons.")


class PassedOverResponse(BaseModel):
    """A previously active version that cannot be restored."""

    version_number: int
    reason: str = Field(description="Reason of the refusal, such as `code_unavailable`.")
    message: str


class RollbackTargetResponse(BaseModel):
    """Target of a rollback."""

    to_version: IdentityResponse | None = Field(description="Null if there is nothing to roll back to.")
    passed_over: list[PassedOverResponse] = Field(
        description="Skipped versions that were active later and cannot be pinned, in the order in which they "
        "were checked."
    )
    current: IdentityResponse | None = Field(description="The version that would be replaced.")
    runs: dict[str, int] = Field(description="Number of live runs of that version since it was pinned, by state.")
