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
Write what :mod:`~airflow_providers_pinning.domain.changes.activation` checked for a later time, for many Dags at once.

Each Dag gets a pending change of its own, all for the same second and in one transaction. When its time has come, each
is checked and made like any other: a run that is due then or later has the new version of its Dag, whichever of the
changes was made already.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.changes.activation import Ready
from airflow_providers_pinning.domain.changes.obstacles import known_as
from airflow_providers_pinning.domain.changes.pending import facts_of, warn_all_of_runs_of_later
from airflow_providers_pinning.domain.changes.released import RELEASE
from airflow_providers_pinning.domain.changes.stored_caller import rights_under
from airflow_providers_pinning.domain.clocks import database_clock
from airflow_providers_pinning.domain.errors import ActivationInPastError
from airflow_providers_pinning.domain.history import events
from airflow_providers_pinning.domain.history.events import Change
from airflow_providers_pinning.domain.versions import managed
from airflow_providers_pinning.domain.versions.managed import Managing, VersionState
from airflow_providers_pinning.models import ManagedVersion, TimedChange
from airflow_providers_pinning.vocabulary import EventKind, TimedAction, TimedStatus


def check_ahead(effective_from: datetime, *, session: Session) -> None:
    """
    Refuse a time that is over by the database's clock.

    :raises ActivationInPastError: if it is
    """
    # Locks may have been waited for, and runs of the time meanwhile have the active version.
    now = database_clock(session=session)
    if effective_from <= now:
        raise ActivationInPastError(
            f"The effective time, {effective_from.isoformat()}, is in the past: it is {now.isoformat()} by the "
            "database's clock. Give a later time, or none to make the change now.",
        )


def schedule_pins(
    ready: Sequence[Ready],
    change: Change,
    requests: Mapping[str, Mapping[str, Any]],
    rows: dict[UUID, ManagedVersion],
    *,
    release_id: str,
    session: Session,
) -> dict[str, tuple[str, ...]]:
    """
    Let checked versions become active at ``change.effective_from``. The caller holds the locks of the Dags.

    :param ready: what is to become active; none of it is active already
    :param change: who asks, and why
    :param requests: what was asked for, by Dag
    :param rows: the management rows of the versions
    :param release_id: the release that the changes are a part of
    :param session: database session
    :return: what to tell the caller, by Dag
    """
    now = database_clock(session=session)
    pending = {one.dag_id: _row(one, change, rows, release_id, now) for one in ready}
    # Else the next commit could overwrite them before their time.
    unmanaged = [one for one in ready if one.version.dag_version_id not in rows]
    candidates = [Managing(one.dag_id, one.version, VersionState.CANDIDATE) for one in unmanaged]
    managed.manage_all(candidates, rows, reason=change.reason, session=session)
    session.add_all(pending.values())
    for one in ready:
        one.pin.revision += 1
        one.pin.pending_from = change.effective_from
        one.pin.activation_failure = None
    session.flush()
    later = warn_all_of_runs_of_later(pending.values(), session=session)
    told = {one.dag_id: (*one.warnings, *later.get(one.dag_id, ())) for one in ready}
    events.append(
        [
            events.event_of(
                EventKind.ACTIVATION_SCHEDULED,
                dag_id=one.dag_id,
                revision=one.pin.revision,
                change=change,
                request=requests[one.dag_id],
                from_version=one.from_version,
                to_version=one.version,
                evidence={
                    **(one.evidence or {}),
                    "activation": facts_of(pending[one.dag_id]),
                    **({"warnings": list(told[one.dag_id])} if told[one.dag_id] else {}),
                },
                release_id=release_id,
            )
            for one in ready
        ],
        session=session,
    )
    return told


def _row(
    one: Ready, change: Change, rows: Mapping[UUID, ManagedVersion], release_id: str, now: datetime
) -> TimedChange:
    overridden = ((one.evidence or {}).get("policy") or {}).get("overridden", ())
    return TimedChange(
        dag_id=one.dag_id,
        action=TimedAction.PIN.value,
        effective_from=change.effective_from,
        status=TimedStatus.PENDING.value,
        to_version=one.version.as_dict(),
        options={
            "ignore_verdict": False,
            RELEASE: release_id,
            **rights_under(one.checked.known, change),
            "known": known_as(rows.get(one.version.dag_version_id), one.pin, overridden),
        },
        **change.as_columns(),
        created_at=now,
    )
