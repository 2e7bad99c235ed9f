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
"""Canary runs: what they are like, and which were created."""

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
    """How the runs are kept apart from live ones. The defaults are the safe choices."""

    assets: Assets = Field(
        default=Assets.WITHHOLD,
        description="withhold: asset events are kept with the run and reach nobody; publish: consumers run on them.",
    )
    alerts: Alerts = Field(
        default=Alerts.WITHHOLD,
        description="withhold: deadlines, Dag callbacks, and task callbacks and e-mails that Airflow itself sends are "
        "kept with the run; send: they are handled as those of live runs.",
    )
    triggers: Triggers = Field(
        default=Triggers.REFUSE,
        description="refuse: a task that triggers a run of any Dag fails; allow: the run is a live one.",
    )
    slots: Slots | None = Field(
        default=None,
        description="behind: the runs take no slot and start when no live run waits (default); gap: one at a time, "
        "between live runs (default if max_active_runs is 1); shared: they count as live runs, which wait for them.",
    )
    pool: Place | None = Field(default=None, description="Pool of all tasks of the runs.")
    queue: Place | None = Field(default=None, description="Queue of all tasks of the runs.")
    executor: Place | None = Field(default=None, description="Executor of all tasks of the runs.")
    state: StateWrites = Field(
        default=StateWrites.WITHHOLD,
        description="withhold: writes to Variables and to the state of assets stay inside the run, which reads back "
        "what it wrote; write: live runs read them.",
    )
    connections: Substitutes = Field(
        default_factory=dict,
        description="Ids of connections that the runs get instead, by the ids of those that they do not get.",
    )
    variables: Substitutes = Field(
        default_factory=dict,
        description="Keys of Variables that the runs get instead, by the keys of those that they do not get.",
    )


class ReplayBody(StrictBaseModel):
    """Which live runs to replay: either some, or the last ones."""

    runs: list[Annotated[str, StringConstraints(min_length=1, max_length=MAX_ID), Storable]] = Field(
        default_factory=list, max_length=MAX_REPLAYS, description="Ids of finished live runs."
    )
    last: int | None = Field(
        default=None,
        ge=1,
        le=MAX_REPLAYS,
        description="As many of the newest successful live runs of the active version.",
    )

    @model_validator(mode="after")
    def _one_of_both(self) -> ReplayBody:
        if bool(self.runs) == (self.last is not None):
            raise ValueError("Give either runs or last")
        if len(set(self.runs)) < len(self.runs):
            raise ValueError("Name each run once")
        return self


class CanaryBody(ExpectedBody):
    """Which canary runs to create."""

    version_number: VersionNumber
    count: int = Field(default=1, ge=1, le=MAX_CANARY_RUNS)
    conf: Conf | None = Field(
        default=None, description="Configuration of each run, validated against the version's own parameters."
    )
    partition_key: Annotated[str, StringConstraints(min_length=1, max_length=MAX_ID), Storable] | None = Field(
        default=None,
        description="Partition of each run, if the Dag is partitioned; by default that of the last live run.",
    )
    note: Note | None = None
    isolation: IsolationBody = Field(default_factory=IsolationBody)
    replay: ReplayBody | None = Field(
        default=None,
        description="Live runs on whose inputs the runs work: data interval, configuration, consumed asset events and "
        "partition. Each run is compared with its original. Takes the place of count, conf and partition_key.",
    )
    replay_baseline: bool = Field(
        default=False,
        description="Let the active version replay the same runs. Outputs in which it differs from the originals are "
        "not deterministic, and set aside by name.",
    )
    override_reason: Reason | None = Field(default=None, description="Why a rejection is passed over.")
    idempotency_key: IdempotencyKey | None = Field(
        default=None, description="The same key makes the runs once, however often it is sent."
    )

    @model_validator(mode="after")
    def _inputs_once(self) -> CanaryBody:
        if self.replay_baseline and self.replay is None:
            raise ValueError("Give replay with replay_baseline, which replays the same runs")
        if self.replay is not None and (self.conf is not None or self.partition_key is not None or self.count != 1):
            raise ValueError(
                "A replay has configuration and partition of its original, and there is one for each: leave out conf, "
                "partition_key and count"
            )
        return self


class CanaryRunsResponse(BaseModel):
    """The canary runs that were created."""

    dag_id: str
    version: IdentityResponse
    run_ids: list[str]
    warnings: list[str]
    isolation: dict[str, str | dict[str, str]] = Field(
        description="How the runs are kept apart from live ones, by field."
    )
    replays: dict[str, str] = Field(description="Ids of the live runs that the runs replay, by their own ids.")
    baseline_replays: dict[str, str] = Field(
        description="The same of the replays by the active version, which are not among run_ids."
    )
    repeated: RepetitionResponse | None = None
