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
"""
Decide which version a run gets for its time, if pin changes have an effective time.

A change with an effective time divides the runs of a Dag by their ``run_after``: runs at or after that time get the
new version, earlier ones the old version, whenever they are created. So a late scheduler creates a run for 12:59 with
the version that was active then, and a run triggered now for tomorrow gets tomorrow's version.

The times of the pending change and of the current choice are in the Dag's pin, which the creation of a run reads
anyway. The changes themselves are only read for a run on the other side of one of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any
from uuid import UUID

from airflow.models.dagbundle import DagBundleModel
from sqlalchemy import select
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.errors import PinUnavailableError
from airflow_providers_pinning.domain.versions.drift import has_drifted
from airflow_providers_pinning.domain.versions.identity import VersionIdentity, identity_of, latest_identity
from airflow_providers_pinning.models import Pin, TimedChange
from airflow_providers_pinning.vocabulary import TimedAction, TimedStatus


@dataclass(frozen=True)
class TimedVersion:
    """The version of a run that does not get the active one, because of its time."""

    version: VersionIdentity | None
    """``None`` if the Dag had no version then."""
    is_pending: bool
    """Whether the change has not taken effect yet."""


def is_of_another_time(run_after: datetime | None, pending_from: datetime | None, since: datetime | None) -> bool:
    """
    Return whether a run gets another version than the active one.

    :param run_after: when the run is due; ``None`` if that does not matter
    :param pending_from: effective time of the pending change
    :param since: effective time of the current choice, if it has one
    """
    if run_after is None or (pending_from is None and since is None):
        return False
    run_after = _aware(run_after)
    return bool((pending_from and run_after >= _aware(pending_from)) or (since and run_after < _aware(since)))


def version_by_time(dag_id: str, run_after: datetime | None, *, session: Session) -> TimedVersion | None:
    """
    Return the version of a run that does not get the active one.

    :param dag_id: the Dag
    :param run_after: when the run is due
    :param session: database session
    :return: ``None`` if the run gets the active version
    :raises PinUnavailableError: if the version is gone or has changed, or cannot become active
    """
    pin = session.execute(
        select(Pin.pending_from, Pin.effective_from, Pin.timeline_id).where(Pin.dag_id == dag_id)
    ).one_or_none()
    if pin is None or not is_of_another_time(run_after, pin.pending_from, pin.effective_from):
        return None
    return _read(dag_id, _aware(run_after), pin.timeline_id, session=session)  # type: ignore[arg-type]


def pinned_id_by_time(dag_id: str, run_after: datetime | None, *, session: Session) -> UUID | None:
    """
    Return the ID of the version that is pinned at the time of a run; ``None`` if none is.

    :param dag_id: the Dag
    :param run_after: when the run is due
    :param session: database session
    :raises PinUnavailableError: as :func:`version_by_time` does
    """
    pin = session.execute(
        select(Pin.dag_version_id, Pin.pending_from, Pin.effective_from, Pin.timeline_id).where(Pin.dag_id == dag_id)
    ).one_or_none()
    if pin is None:
        return None
    if is_of_another_time(run_after, pin.pending_from, pin.effective_from) and (
        timed := _read(dag_id, _aware(run_after), pin.timeline_id, session=session)
    ):
        return timed.version.dag_version_id if timed.version else None
    found: UUID | None = pin.dag_version_id
    return found


def _read(dag_id: str, run_after: datetime, timeline_id: int | None, *, session: Session) -> TimedVersion | None:
    of_dag = select(TimedChange).where(TimedChange.dag_id == dag_id)
    if timeline_id is not None:
        later = session.scalar(
            of_dag.where(
                TimedChange.id >= timeline_id,
                TimedChange.status == TimedStatus.IN_EFFECT.value,
                TimedChange.effective_from > run_after,
            )
            .order_by(TimedChange.effective_from)
            .limit(1)
        )
        if later is not None:
            before = later.from_version and VersionIdentity.from_dict(later.from_version)
            if before:
                _require_present(dag_id, before, "was active", later.effective_from, run_after, session=session)
            return TimedVersion(before or None, is_pending=False)
    pending = session.scalar(
        of_dag.where(TimedChange.status == TimedStatus.PENDING.value, TimedChange.effective_from <= run_after)
    )
    return None if pending is None else TimedVersion(_pending_version(pending, run_after, session=session), True)


def _pending_version(pending: TimedChange, run_after: datetime, *, session: Session) -> VersionIdentity | None:
    dag_id = pending.dag_id
    if pending.action == TimedAction.UNPIN.value:
        version = latest_identity(dag_id, session=session)
    else:
        version = VersionIdentity.from_dict(pending.to_version or {})
        _require_present(
            dag_id, version, "is scheduled to be active", pending.effective_from, run_after, session=session
        )
    return version


def _require_present(
    dag_id: str,
    version: VersionIdentity,
    why: str,
    moment: datetime,
    run_after: datetime,
    *,
    session: Session,
) -> None:
    """Refuse a run whose version has changed, or whose code is unavailable."""
    present = identity_of(version.dag_version_id, session=session)
    removed = select(DagBundleModel.name).where(
        DagBundleModel.name == version.bundle_name, DagBundleModel.active.is_(False)
    )
    if present is not None and not has_drifted(version, present) and session.scalar(removed) is None:
        return
    side = "until" if why == "was active" else "from"
    trouble = "is gone" if present is None else "was rewritten, or its bundle is no longer configured"
    raise PinUnavailableError(
        f"No run of Dag {dag_id!r} was created for {run_after.isoformat()}: it would use {version.label}, which "
        f"{why} {side} {moment.isoformat()}, but {trouble}. Pin a version without an effective time, which then "
        "applies to all runs.",
        dag_id=dag_id,
        version_number=version.version_number,
    )


def _aware(moment: Any) -> datetime:
    aware: datetime = moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
    return aware
