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
"""Canary runs: requests and results."""

from __future__ import annotations

from typing import Annotated

from airflow.api_fastapi.core_api.base import BaseModel, StrictBaseModel
from pydantic import Field, StringConstraints, model_validator

from airflow_providers_pinning.schemas.common import (
    ExpectedBody,
    IdempotencyKey,
    IdentityResponse,
    Reason,
    RepetitionResponse,
    SeenRulesBody,
    VersionNumber,
)
from airflow_providers_pinning.schemas.storable import Conf, Storable
from airflow_providers_pinning.vocabulary import (
    MAX_CANARY_RUNS,
    MAX_ID,
    MAX_NOTE,
    MAX_REPLAYS,
    MAX_SUBSTITUTES,
    Alerts,
    Assets,
    Slots,
    StateWrites,
    Triggers,
)

Note = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_NOTE), Storable]
Place = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_ID), Storable]

Substitutes = Annotated[dict[Place, Place], Field(max_length=MAX_SUBSTITUTES)]


class IsolationBody(StrictBaseModel):
    """Isolation from live runs. The defaults are the safe choices."""

    assets: Assets = Field(
        default=Assets.WITHHOLD,
        description="withhold: asset events are recorded with the run but not published; publish: they trigger "
        "consumers.",
    )
    alerts: Alerts = Field(
        default=Alerts.WITHHOLD,
        description="withhold: deadlines, Dag callbacks, and task callbacks and emails that Airflow itself sends "
        "are recorded with the run; send: they are handled like those of live runs.",
    )
    triggers: Triggers = Field(
        default=Triggers.REFUSE,
        description="refuse: a task that triggers a Dag run fails; allow: the triggered run is a live run.",
    )
    slots: Slots | None = Field(
        default=None,
        description="behind: the runs use no slots of live runs, and start when no live run is waiting (default); "
        "gap: one at a time, between live runs (default if max_active_runs is 1); shared: they count "
        "as live runs, which wait for them.",
    )
    pool: Place | None = Field(default=None, description="Pool for all tasks of the runs.")
    queue: Place | None = Field(default=None, description="Queue for all tasks of the runs.")
    executor: Place | None = Field(default=None, description="Executor for all tasks of the runs.")
    state: StateWrites = Field(
        default=StateWrites.WITHHOLD,
        description="withhold: writes to Variables and asset state stay inside the run, which can read them back; "
        "write: live runs can read them.",
    )
    connections: Substitutes = Field(
        default_factory=dict,
        description="IDs of substitute connections, by the IDs that they replace.",
    )
    variables: Substitutes = Field(
        default_factory=dict,
        description="Keys of substitute Variables, by the keys that they replace.",
    )


class ReplayBody(StrictBaseModel):
    """Which live runs to replay: given ones, or the latest ones."""

    runs: list[Annotated[str, StringConstraints(min_length=1, max_length=MAX_ID), Storable]] = Field(
        default_factory=list, max_length=MAX_REPLAYS, description="IDs of finished live runs."
    )
    last: int | None = Field(
        default=None,
        ge=1,
        le=MAX_REPLAYS,
        description="Replay this many of the latest successful live runs of the active version.",
    )

    @model_validator(mode="after")
    def _one_of_both(self) -> ReplayBody:
        if bool(self.runs) == (self.last is not None):
            raise ValueError("Use either runs or last")
        if len(set(self.runs)) < len(self.runs):
            raise ValueError("The same run is given twice")
        return self


class CanaryBody(ExpectedBody, SeenRulesBody):
    """Which canary runs to create."""

    version_number: VersionNumber
    count: int = Field(default=1, ge=1, le=MAX_CANARY_RUNS)
    conf: Conf | None = Field(default=None, description="Conf of each run, validated against the version's own params.")
    partition_key: Annotated[str, StringConstraints(min_length=1, max_length=MAX_ID), Storable] | None = Field(
        default=None,
        description="Partition key of each run, if the Dag is partitioned (default: that of the last live run).",
    )
    note: Note | None = None
    isolation: IsolationBody = Field(default_factory=IsolationBody)
    replay: ReplayBody | None = Field(
        default=None,
        description="Live runs to replay with the same data interval, conf, consumed asset events and partition, "
        "and to compare with. Replaces count, conf and partition_key.",
    )
    replay_baseline: bool = Field(
        default=False,
        description="Replay the same runs with the active version too. Outputs in which it differs from the "
        "originals are not deterministic, and are ignored.",
    )
    override_reason: Reason | None = Field(default=None, description="Reason for overriding a rejection.")
    idempotency_key: IdempotencyKey | None = Field(default=None, description="The same key creates the runs only once.")

    @model_validator(mode="after")
    def _inputs_once(self) -> CanaryBody:
        if self.replay_baseline and self.replay is None:
            raise ValueError("replay_baseline needs replay")
        if self.replay is not None and (self.conf is not None or self.partition_key is not None or self.count != 1):
            raise ValueError("A replay uses the conf and partition of its original: omit conf, partition_key and count")
        return self


class CanaryRunsResponse(BaseModel):
    """The created canary runs."""

    dag_id: str
    version: IdentityResponse
    run_ids: list[str]
    warnings: list[str]
    isolation: dict[str, str | dict[str, str]] = Field(description="Isolation from live runs, by field.")
    replays: dict[str, str] = Field(description="IDs of the original live runs, by the IDs of their replays.")
    baseline_replays: dict[str, str] = Field(
        description="The same for the replays by the active version, which are not among run_ids."
    )
    repeated: RepetitionResponse | None = None
