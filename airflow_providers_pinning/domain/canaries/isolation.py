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
"""How to isolate canary runs from live runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from airflow.exceptions import UnknownExecutorException
from airflow.executors.executor_loader import ExecutorLoader
from airflow.models.pool import Pool
from airflow.serialization.definitions.dag import SerializedDAG
from sqlalchemy import Select, bindparam, select
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.canaries.routed_runs import CANARY
from airflow_providers_pinning.domain.canaries.run_ids import may_be_canary
from airflow_providers_pinning.domain.canaries.substitutes import CONNECTIONS, VARIABLES, check_substitutes
from airflow_providers_pinning.domain.errors import InvalidIsolationError
from airflow_providers_pinning.domain.text import plural
from airflow_providers_pinning.models import RoutedRun
from airflow_providers_pinning.vocabulary import Alerts, Assets, Slots, StateWrites, Triggers

WITHHOLD = Assets.WITHHOLD.value
"""An effect of a canary run on live runs does not happen, and is kept as evidence."""

ASSETS = "assets"
"""Field for the asset events of a canary run."""

ALERTS = "alerts"
"""Field for its deadlines, Dag callbacks, and the callbacks and emails that Airflow itself sends."""

STATE = "state"
"""Field for writes to Variables and asset state."""

TRIGGERS = "triggers"
"""Field for whether its tasks may trigger runs."""

SLOTS = "slots"
"""Field for the slots of its Dag that a canary run uses."""

PLACES = ("pool", "queue", "executor")
"""Fields for where all tasks of a canary run run; by default as their Dag says."""


@dataclass(frozen=True)
class Isolation:
    """How to isolate canary runs from live runs. The defaults are the safe choices."""

    assets: Assets = Assets.WITHHOLD
    alerts: Alerts = Alerts.WITHHOLD
    triggers: Triggers = Triggers.REFUSE
    slots: Slots | None = None
    """``None`` means ``gap`` for Dags whose runs must never overlap, and ``behind`` for others."""
    pool: str | None = None
    queue: str | None = None
    executor: str | None = None
    state: StateWrites = StateWrites.WITHHOLD
    connections: Mapping[str, str] = field(default_factory=dict)
    """IDs of substitute connections, by the IDs that they replace."""
    variables: Mapping[str, str] = field(default_factory=dict)
    """Keys of substitute Variables, by the keys that they replace."""

    def as_request(self) -> dict[str, Any]:
        """Return the fields that differ from their defaults."""
        wanted = {
            ASSETS: self.assets.value if self.assets is not Assets.WITHHOLD else None,
            ALERTS: self.alerts.value if self.alerts is not Alerts.WITHHOLD else None,
            TRIGGERS: self.triggers.value if self.triggers is not Triggers.REFUSE else None,
            SLOTS: self.slots.value if self.slots is not None else None,
            **{place: getattr(self, place) for place in PLACES},
            STATE: self.state.value if self.state is not StateWrites.WITHHOLD else None,
            CONNECTIONS: dict(self.connections) or None,
            VARIABLES: dict(self.variables) or None,
        }
        return {field: value for field, value in wanted.items() if value is not None}


def default_slots(*limits: int | None) -> Slots:
    """
    Return the safe choice of slots for a Dag.

    :param limits: ``max_active_runs`` of its live runs and of the tested version; 1 means that runs must never
        overlap
    """
    return Slots.GAP if 1 in limits else Slots.BEHIND


def default_isolation() -> dict[str, Any]:
    """Return the default isolation of a canary run, by field, as ``RoutedRun.isolation`` stores it."""
    return {
        ASSETS: WITHHOLD,
        ALERTS: WITHHOLD,
        TRIGGERS: Triggers.REFUSE.value,
        STATE: WITHHOLD,
    }


def settle(
    isolation: Isolation, dag: SerializedDAG, max_active_runs: int | None, *, session: Session
) -> dict[str, Any]:
    """
    Return the isolation that canary runs will have, as ``RoutedRun.isolation`` stores it.

    :param isolation: the requested isolation
    :param dag: the tested version
    :param max_active_runs: limit of the live runs
    :param session: database session
    :raises InvalidIsolationError: if it would harm live runs, or a task could not run
    """
    safe = default_slots(max_active_runs, dag.max_active_runs)
    if isolation.slots is Slots.BEHIND and safe is Slots.GAP:
        raise InvalidIsolationError(
            f"Canary runs of Dag {dag.dag_id!r} cannot have slots 'behind': max_active_runs is 1, so its runs must "
            "never overlap. Use 'gap', which waits for time between live runs, or 'shared', for which live runs wait.",
            dag_id=dag.dag_id,
            field=SLOTS,
            value=isolation.slots.value,
        )
    if isolation.pool is not None:
        _check_pool(isolation.pool, dag, session=session)
    if isolation.executor is not None:
        _check_executor(isolation.executor, dag)
    _check_callbacks(isolation, dag)
    check_substitutes(CONNECTIONS, isolation.connections, dag, session=session)
    check_substitutes(VARIABLES, isolation.variables, dag, session=session)
    return {**default_isolation(), SLOTS: safe.value, **isolation.as_request()}


def _check_pool(name: str, dag: SerializedDAG, *, session: Session) -> None:
    pool = session.scalar(select(Pool).where(Pool.pool == name))
    if pool is None:
        raise InvalidIsolationError(
            f"There is no pool {name!r} for the canary runs of Dag {dag.dag_id!r}. Create it, or name another one.",
            dag_id=dag.dag_id,
            field="pool",
            value=name,
        )
    too_large = sorted(task.task_id for task in dag.tasks if pool.slots != -1 and task.pool_slots > pool.slots)
    if too_large:
        raise InvalidIsolationError(
            f"Pool {name!r} has {plural(pool.slots, 'slot')}, and these tasks of Dag {dag.dag_id!r} need more, so they "
            f"would never run: {', '.join(too_large)}. Make the pool larger, or name another one.",
            dag_id=dag.dag_id,
            field="pool",
            value=name,
        )


def _check_executor(name: str, dag: SerializedDAG) -> None:
    try:
        ExecutorLoader.lookup_executor_name_by_str(name)
    except UnknownExecutorException as error:
        raise InvalidIsolationError(
            f"The canary runs of Dag {dag.dag_id!r} cannot have executor {name!r}, which is not in [core] executor. "
            "Name one that is, or add it there.",
            dag_id=dag.dag_id,
            field="executor",
            value=name,
        ) from error


def _check_callbacks(isolation: Isolation, dag: SerializedDAG) -> None:
    """Refuse choices that could not be applied to the callbacks of the runs, which run outside of any task."""
    if isolation.alerts is Alerts.SEND and isolation.state is StateWrites.WITHHOLD:
        raise InvalidIsolationError(
            f"Canary runs of Dag {dag.dag_id!r} cannot have alerts 'send' and state 'withhold': the dag processor and "
            "the triggerer run callbacks outside the run, so what they write to Variables and to the state of assets "
            "is live. Leave alerts at 'withhold', or set state to 'write' as well.",
            dag_id=dag.dag_id,
            field=ALERTS,
            value=isolation.alerts.value,
        )
    if isolation.alerts is Alerts.SEND and (isolation.connections or isolation.variables):
        raise InvalidIsolationError(
            f"Canary runs of Dag {dag.dag_id!r} cannot have substitutes and alerts 'send': the dag processor and the "
            "triggerer run callbacks outside the run, with the live connections and Variables. Leave alerts at "
            "'withhold', or leave the substitutes out.",
            dag_id=dag.dag_id,
            field=ALERTS,
            value=isolation.alerts.value,
        )


def isolation_of(dag_id: str, run_id: str, *, session: Session) -> dict[str, Any] | None:
    """
    Return the isolation of a canary run; ``None`` if the run is not a canary run.

    Only run IDs in the format of canary runs cost a query.
    """
    if not may_be_canary(run_id):
        return None
    row = session.execute(_isolation(), {"dag_id": dag_id, "run_id": run_id}).one_or_none()
    # Runs that were created before a field existed have its safe choice.
    return None if row is None else {**default_isolation(), **(row.isolation or {})}


def is_recorded_canary(dag_id: str, run_id: str, *, session: Session) -> bool:
    """Return whether a run is a canary run."""
    return isolation_of(dag_id, run_id, session=session) is not None


def takes_slot(dag_id: str, run_id: str, *, session: Session) -> bool:
    """Return whether a run uses a slot of live runs. All runs do, except canary runs with slots of their own."""
    isolation = isolation_of(dag_id, run_id, session=session)
    return isolation is None or isolation.get(SLOTS) == Slots.SHARED


def refuses_to_trigger(dag_id: str, run_id: str, *, session: Session) -> bool:
    """Return whether a run is a canary run whose tasks may not trigger runs."""
    isolation = isolation_of(dag_id, run_id, session=session)
    return isolation is not None and isolation[TRIGGERS] == Triggers.REFUSE


def takes_slot_and_places(dag_id: str, run_id: str, *, session: Session) -> tuple[bool, dict[str, str]]:
    """Return whether a run uses a slot of live runs, and the pool, queue and executor of all its tasks."""
    isolation = isolation_of(dag_id, run_id, session=session)
    if isolation is None:
        return True, {}
    places = {place: isolation[place] for place in PLACES if place in isolation}
    return isolation.get(SLOTS) == Slots.SHARED, places


def withholds(field: str, dag_id: str, run_id: str, *, session: Session) -> bool:
    """Return whether a run is a canary run whose effects of the given field are withheld."""
    isolation = isolation_of(dag_id, run_id, session=session)
    return isolation is not None and isolation[field] == WITHHOLD


@cache
def _isolation() -> Select:
    return select(RoutedRun.isolation).where(
        RoutedRun.dag_id == bindparam("dag_id"), RoutedRun.run_id == bindparam("run_id"), RoutedRun.kind == CANARY
    )
