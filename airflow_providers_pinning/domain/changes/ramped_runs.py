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
"""Which runs have the version of a ramp, as the creation of a run asks it under the pin's lock."""

from __future__ import annotations

from airflow.models.dag import DagModel
from airflow.models.dagbundle import DagBundleModel
from airflow.models.serialized_dag import SerializedDagModel
from airflow.utils.types import DagRunType
from sqlalchemy import select
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.canaries.routed_runs import live_types
from airflow_providers_pinning.domain.monitoring.ramp_runs import present_step
from airflow_providers_pinning.domain.ramp_steps import takes
from airflow_providers_pinning.domain.versions.drift import has_drifted
from airflow_providers_pinning.domain.versions.identity import VersionIdentity, identity_of
from airflow_providers_pinning.models import Ramp
from airflow_providers_pinning.vocabulary import RampStatus


def running_ramp(ramp_id: int, *, session: Session) -> Ramp | None:
    """Return a ramp, unless it is paused."""
    ramp = session.get(Ramp, ramp_id, populate_existing=True)
    return ramp if ramp is not None and ramp.status == RampStatus.RUNNING.value else None


def is_eligible(dag_id: str, run_type: DagRunType, *, session: Session) -> bool:
    """Return whether runs of a type are live runs of a Dag, as the verdict counts them."""
    return run_type in live_types(session.get_one(DagModel, dag_id))


def trouble_with(ramp: Ramp, *, session: Session) -> str | None:
    """Say why no run could have the version of a ramp; ``None`` if one can."""
    recorded = VersionIdentity.from_dict(ramp.to_version)
    present = identity_of(ramp.dag_version_id, session=session)
    if present is None:
        return f"Version {recorded.version_number} is gone."
    if has_drifted(recorded, present):
        return f"Version {recorded.version_number} is no longer what it was when the ramp began."
    configured = select(DagBundleModel.active).where(DagBundleModel.name == recorded.bundle_name)
    if session.scalar(configured) is False:
        return f"Bundle {recorded.bundle_name!r} of version {recorded.version_number} is no longer configured."
    stored = select(SerializedDagModel).where(SerializedDagModel.dag_version_id == ramp.dag_version_id)
    try:
        session.scalars(stored).one().dag  # noqa: B018
    except Exception as error:
        return f"Version {recorded.version_number} cannot be deserialized ({type(error).__name__}: {error})."
    return None


def chosen_version(ramp: Ramp, run_id: str, earlier: int) -> VersionIdentity | None:
    """
    Return the version of a ramp if a new run is to have it.

    :param ramp: a ramp that is running
    :param run_id: id of the run
    :param earlier: live runs of the Dag since the present step began
    """
    if not takes(present_step(ramp), dag_id=ramp.dag_id, run_id=run_id, earlier=earlier):
        return None
    return VersionIdentity.from_dict(ramp.to_version)
