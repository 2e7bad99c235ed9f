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
"""Read and lock the pin of a Dag for the creation of a run."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, fields
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from airflow.models.dag_version import DagVersion
from airflow.models.dagbundle import DagBundleModel
from airflow.models.serialized_dag import SerializedDagModel
from sqlalchemy import Row, Select, bindparam, case, select
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain import locks
from airflow_providers_pinning.domain.errors import PinUnavailableError
from airflow_providers_pinning.domain.resolution.locked_rows import is_locked, is_watched
from airflow_providers_pinning.domain.resolution.timeline import is_of_another_time, version_by_time
from airflow_providers_pinning.domain.versions.drift import has_drifted
from airflow_providers_pinning.domain.versions.identity import VersionIdentity
from airflow_providers_pinning.domain.versions.rules import rules_in_force
from airflow_providers_pinning.models import Pin


def pinned_version_ids(dag_ids: Collection[str], *, session: Session) -> dict[str, UUID]:
    """Return the IDs of the pinned versions, by Dag."""
    rows = session.execute(
        select(Pin.dag_id, Pin.dag_version_id).where(Pin.dag_id.in_(dag_ids), Pin.dag_version_id.is_not(None))
    )
    return {row.dag_id: row.dag_version_id for row in rows}


_IDENTITY = fields(VersionIdentity)


@dataclass(frozen=True)
class LockedPin:
    """The pin of a Dag, which cannot change until the transaction ends."""

    recorded: bool
    """Whether the Dag was ever pinned. Only then can it have just been unpinned."""
    version: VersionIdentity | None
    """The pinned version, or ``None`` if the Dag is not pinned."""
    is_pending: bool = False
    """Whether the version is not pinned yet, but will be when the run is due."""
    breaker: str | None = None
    """Why automatic rollback does not watch the version, as a :class:`~.vocabulary.BreakerState`."""
    rules: str | None = None
    """The policies in force, if automatic rollback watches the version."""
    ramp_id: int | None = None
    """The ramp that may give the run another version."""
    dag: Any = field(default=None, compare=False, repr=False)
    """The Dag of ``version``, if it was already read."""
    row: DagVersion | None = field(default=None, compare=False, repr=False)
    """Airflow's row of ``version``, likewise."""


def lock_active_pin(dag_id: str, *, run_after: datetime | None = None, session: Session) -> LockedPin:
    """
    Read the pin for the creation of a run, and block changes of it until the transaction ends.

    This includes a Dag that was never pinned, which has no pin row to lock: it cannot get its first pin in between.

    :param dag_id: the Dag that gets a run
    :param run_after: when the run is due; it may have another version than the active one, see
        :mod:`~airflow_providers_pinning.domain.resolution.timeline`
    :param session: session of the creating transaction
    :raises PinUnavailableError: if the pinned version is gone or has changed, or its bundle is no longer configured
    """
    # A caller that holds the Dag's row must not wait for the gate, because a change that has shut it waits for the row.
    if not is_locked(dag_id):
        locks.pass_gate(dag_id, session=session)
    row = session.execute(_pins_with_versions(), {"dag_ids": [dag_id]}).one_or_none()
    if (
        row is not None
        and is_of_another_time(run_after, row.pending_from, row.effective_from)
        and (timed := version_by_time(dag_id, run_after, session=session))
    ):
        return LockedPin(recorded=True, version=timed.version, is_pending=timed.is_pending)
    if row is None or row.dag_version_id is None or _is_honored(row):
        return _locked_pin(row)
    raise PinUnavailableError(
        f"No run of Dag {dag_id!r} was created: it is pinned to version {row.version_number}, {_why_not_honored(row)}",
        dag_id=dag_id,
        version_number=row.version_number,
    )


@cache
def _pins_with_versions() -> Select:
    # Built once: the scheduler executes it in every loop, and building it would cost as much as executing it.
    return (
        select(
            Pin.dag_id,
            Pin.dag_version_id,
            Pin.version_number,
            Pin.bundle_name,
            Pin.bundle_version,
            Pin.dag_hash,
            Pin.relative_fileloc,
            Pin.pending_from,
            Pin.effective_from,
            Pin.breaker,
            Pin.ramp_id,
            case((is_watched(), rules_in_force())).label("rules"),
            DagVersion.bundle_name.label("live_bundle_name"),
            DagVersion.bundle_version.label("live_bundle_version"),
            SerializedDagModel.dag_hash.label("live_dag_hash"),
            DagBundleModel.active.label("bundle_is_configured"),
        )
        .outerjoin(DagVersion, DagVersion.id == Pin.dag_version_id)
        .outerjoin(DagBundleModel, DagBundleModel.name == Pin.bundle_name)
        .outerjoin(SerializedDagModel, SerializedDagModel.dag_version_id == Pin.dag_version_id)
        .where(Pin.dag_id.in_(bindparam("dag_ids", expanding=True)))
    )


def _is_honored(row: Row) -> bool:
    """Return whether the pinned version exists unchanged, and tasks can get its code."""
    return not has_drifted(row, row, prefix="live_") and row.bundle_is_configured is not False


def _why_not_honored(row: Row) -> str:
    if row.live_dag_hash is None:
        return "which was deleted. Pin another version or unpin the Dag."
    if row.bundle_is_configured is False:
        return (
            f"whose bundle {row.bundle_name!r} is no longer configured. Configure it again, pin a version from another "
            "bundle or unpin the Dag."
        )
    return "which was rewritten. Pin another version or unpin the Dag."


def _locked_pin(row: Row | None) -> LockedPin:
    if row is None or row.dag_version_id is None:
        return LockedPin(recorded=row is not None, version=None)
    version = VersionIdentity(**{f.name: getattr(row, f.name) for f in _IDENTITY})
    return LockedPin(recorded=True, version=version, breaker=row.breaker, rules=row.rules, ramp_id=row.ramp_id)
