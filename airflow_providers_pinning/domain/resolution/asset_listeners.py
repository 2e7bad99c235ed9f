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
"""Leave out pinned, asset-triggered Dags that cannot be read."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache

from airflow.models.asset import AssetDagRunQueue, AssetPartitionDagRun
from airflow.models.dag_version import DagVersion
from airflow.models.serialized_dag import SerializedDagModel
from sqlalchemy import func, literal, or_, select
from sqlalchemy.orm import LoaderCriteriaOption, ORMExecuteState, Session, with_loader_criteria

from airflow_providers_pinning.domain.resolution.active import is_active
from airflow_providers_pinning.domain.sessions import listening
from airflow_providers_pinning.models import Pin
from airflow_providers_pinning.vocabulary import BreakerState

_left_out: ContextVar[Collection[str]] = ContextVar("pinning_left_out", default=())


@contextmanager
def left_out(dag_ids: Collection[str]) -> Iterator[None]:
    """Make lookups of many Dags' active versions inside the block skip these Dags."""
    token = _left_out.set(dag_ids)
    try:
        yield
    finally:
        _left_out.reset(token)


def dags_left_out() -> Collection[str]:
    """Return the Dags that lookups must skip."""
    return _left_out.get()


def unreadable_listeners(*, session: Session) -> set[str]:
    """Return the pinned Dags with queued asset events whose pinned version cannot be deserialized."""
    rows = session.scalars(
        select(SerializedDagModel)
        .join(Pin, Pin.dag_version_id == SerializedDagModel.dag_version_id)
        .where(Pin.dag_id.in_(select(AssetDagRunQueue.target_dag_id)))
    )
    return {row.dag_id for row in rows if not _is_readable(row)}


@contextmanager
def blocked_partitions_passed_over(session: Session) -> Iterator[None]:
    """
    Make the session's SELECTs of partitions inside the block skip Dags whose pin cannot be honored, or that wait.

    This does not include versions that cannot be deserialized, which the database cannot detect. Airflow skips such a
    Dag, and its partitions take up places in the batch until the pin is changed.
    """
    criteria = _not_blocked()

    def pass_over(state: ORMExecuteState) -> None:
        if state.is_select and state.bind_mapper is AssetPartitionDagRun.__mapper__:
            state.statement = state.statement.options(criteria)

    with listening(session, pass_over):
        yield


@cache
def _not_blocked() -> LoaderCriteriaOption:
    # Built once, because the scheduler uses it in every loop.
    honored = (
        select(literal(1))
        .select_from(DagVersion)
        .join(SerializedDagModel, SerializedDagModel.dag_version_id == DagVersion.id)
        .where(DagVersion.id == Pin.dag_version_id, is_active(DagVersion, SerializedDagModel))
        .correlate(Pin)
        .exists()
    )
    blocked = (
        select(literal(1))
        .where(
            Pin.dag_id == AssetPartitionDagRun.target_dag_id,
            Pin.dag_version_id.is_not(None),
            or_(~honored, func.coalesce(Pin.breaker, "") == BreakerState.WAITING.value),
        )
        .correlate(AssetPartitionDagRun)
        .exists()
    )
    return with_loader_criteria(AssetPartitionDagRun, ~blocked, propagate_to_loaders=False)


def _is_readable(serialized: SerializedDagModel) -> bool:
    try:
        return serialized.dag is not None
    except Exception:
        return False
