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
"""Which runs use the version of a ramp, decided under the pin's lock when a run is created."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from threading import Lock
from typing import Any

from airflow.models.dag import DagModel
from airflow.models.dag_version import DagVersion
from airflow.models.dagbundle import DagBundleModel
from airflow.models.serialized_dag import SerializedDagModel
from airflow.utils.types import DagRunType
from cachetools import LRUCache
from sqlalchemy import Row, Select, bindparam, select
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.canaries.routed_runs import live_types
from airflow_providers_pinning.domain.monitoring.ramp_runs import Counts, present_step
from airflow_providers_pinning.domain.ramp_steps import takes
from airflow_providers_pinning.domain.versions.code_availability.finding import CodeState
from airflow_providers_pinning.domain.versions.drift import has_drifted
from airflow_providers_pinning.domain.versions.identity import VersionIdentity
from airflow_providers_pinning.models import ManagedVersion, Ramp
from airflow_providers_pinning.vocabulary import RampStatus

DAGS_KEPT = 128
"""Of how many ramps a process keeps the Dag of the version."""

_dags: LRUCache[Any, Any] = LRUCache(DAGS_KEPT)
"""By version and hash: a version that was rewritten since is another one."""
_lock = Lock()


def forget_dags() -> None:
    """Read the Dags of ramps again."""
    with _lock:
        _dags.clear()


@dataclass(frozen=True)
class RunningRamp:
    """A ramp that is running, and its version, as the creation of a run finds them."""

    ramp: Ramp
    version: DagVersion | None
    trouble: str | None
    """Why no run could have the version."""


def running_ramp(ramp_id: int, *, session: Session) -> RunningRamp | None:
    """Read a ramp and its version with one statement; ``None`` if the ramp is paused."""
    options = {"populate_existing": True}
    found = session.execute(_ramp(), {"ramp_id": ramp_id}, execution_options=options).one_or_none()
    if found is None or found.Ramp.status != RampStatus.RUNNING.value:
        return None
    return RunningRamp(found.Ramp, found.DagVersion, _trouble_with(found))


def is_eligible(dag_id: str, run_type: DagRunType, *, session: Session) -> bool:
    """Return whether runs of a type are live runs of a Dag, as the verdict counts them."""
    return run_type in live_types(session.get_one(DagModel, dag_id))


def _trouble_with(found: Row) -> str | None:
    recorded = VersionIdentity.from_dict(found.Ramp.to_version)
    number = recorded.version_number
    if found.dag_hash is None:
        return f"Version {number} is gone."
    if has_drifted(recorded, found):
        return f"Version {number} is no longer what it was when the ramp began."
    if found.is_configured is False:
        return f"Bundle {recorded.bundle_name!r} of version {number} is no longer configured."
    if found.code_state == CodeState.MISSING.value:
        return f"The dag processor could not get the code of version {number}: {found.code_message}."
    return None


@cache
def _ramp() -> Select:
    return (
        select(
            Ramp,
            DagVersion,
            DagVersion.bundle_name.label("bundle_name"),
            DagVersion.bundle_version.label("bundle_version"),
            SerializedDagModel.dag_hash,
            DagBundleModel.active.label("is_configured"),
            ManagedVersion.code_state,
            ManagedVersion.code_message,
        )
        .outerjoin(DagVersion, DagVersion.id == Ramp.dag_version_id)
        .outerjoin(SerializedDagModel, SerializedDagModel.dag_version_id == DagVersion.id)
        .outerjoin(DagBundleModel, DagBundleModel.name == DagVersion.bundle_name)
        .outerjoin(ManagedVersion, ManagedVersion.dag_version_id == DagVersion.id)
        .where(Ramp.id == bindparam("ramp_id"))
    )


@dataclass(frozen=True)
class Fit:
    """Whether a run can be created from the version of a ramp."""

    dag: Any = None
    """The Dag of the version; ``None`` if the run cannot be created from it."""
    trouble: str | None = None
    """Why not, if that is the version's fault."""


def fit_for_run(ramp: Ramp, pinned: Any, conf: Any, *, session: Session) -> Fit:
    """
    Read the version of a ramp, and tell whether a run can be created from it.

    :param ramp: the ramp
    :param pinned: the Dag that the run is created from otherwise
    :param conf: what the run is given for the Dag's parameters
    :param session: session of the creating transaction
    """
    number = ramp.to_version["version_number"]
    try:
        dag = _dag_of(ramp, session=session)
    except Exception as error:
        return Fit(trouble=f"Version {number} cannot be deserialized ({type(error).__name__}: {error}).")
    if (refusal := _refusal_of(dag, conf)) is None:
        return Fit(dag)
    if _refusal_of(pinned, conf) is not None:
        return Fit()
    # Each such run would be refused, and on the way of assets the scheduler would exit.
    return Fit(trouble=f"Version {number} refuses the parameters of a run that the pinned version accepts: {refusal}")


def _dag_of(ramp: Ramp, *, session: Session) -> Any:
    """
    Return the Dag of a ramp's version, which was found to be what it was when the ramp began.

    Airflow reads the Dag of each run that it creates. That of the pinned version was read already, so reading this one
    as well would make each run of a ramp dearer; it is kept for the next one.
    """
    key = (ramp.dag_version_id, ramp.to_version["dag_hash"])
    with _lock:
        dag = _dags.get(key)
    if dag is None:
        stored = select(SerializedDagModel).where(SerializedDagModel.dag_version_id == ramp.dag_version_id)
        dag = session.scalars(stored).one().dag
        with _lock:
            _dags[key] = dag
    return dag


def _refusal_of(dag: Any, conf: Any) -> str | None:
    try:
        dag.params.deep_merge(conf).validate()
    except Exception as error:
        return str(error)
    return None


def chosen_version(ramp: Ramp, run_id: str, counts: Counts) -> VersionIdentity | None:
    """
    Return the version of a ramp if a new run is to have it.

    :param ramp: a ramp that is running
    :param run_id: id of the run
    :param counts: live runs of the Dag since the present step began
    """
    step = present_step(ramp)
    if not takes(step, dag_id=ramp.dag_id, run_id=run_id, earlier=counts.all_runs, had_it=counts.had_it):
        return None
    return VersionIdentity.from_dict(ramp.to_version)
