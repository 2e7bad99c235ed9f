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
Automatically roll back a pinned version whose live runs fail more often than a policy allows.

It returns to the last version that is **stable**: an older one that was active before, that could be pinned now (not
rejected, not rewritten, readable, with available code), and whose newest finished live run succeeded. A version that
became active by any rollback is not watched: an outage that makes every version fail leads one step back, not through
the whole history.

The process that creates a run checks this under the lock of the pin. The scheduler then creates no run, rolls back at
the start of its next loop, and creates the runs that the stable version's schedule requires. Other processes create
their run with the stable version immediately, and roll back after their transaction. If they are killed in between,
the process that creates the next run does it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from functools import cache

from airflow.models.dagrun import DagRun
from airflow.utils.state import DagRunState
from airflow.utils.types import DagRunTriggeredByType, DagRunType
from sqlalchemy import Select, bindparam, select
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.canaries.routed_runs import of_canary_runs
from airflow_providers_pinning.domain.changes.pin_row import lock_pin
from airflow_providers_pinning.domain.changes.rollback import roll_back
from airflow_providers_pinning.domain.changes.rollback_target import PassedOver, RollbackTarget, find_target
from airflow_providers_pinning.domain.errors import PinningError
from airflow_providers_pinning.domain.history import events
from airflow_providers_pinning.domain.history.events import Caller, Change
from airflow_providers_pinning.domain.monitoring import attestation
from airflow_providers_pinning.domain.policies.breaker import Tripped
from airflow_providers_pinning.domain.policies.enforce import require_policies
from airflow_providers_pinning.domain.policies.model import ChangeKind
from airflow_providers_pinning.domain.policies.unmet import PlannedChange
from airflow_providers_pinning.domain.soak.bulk_changes import set_in_bulk
from airflow_providers_pinning.domain.soak.judged_runs import Scope, not_set_by_hand
from airflow_providers_pinning.domain.versions.identity import VersionIdentity, pinned_identity
from airflow_providers_pinning.models import Pin
from airflow_providers_pinning.vocabulary import BreakerState, CallerKind, EventKind, RunKind

ACTOR = "automatic rollback"
"""Actor of the automatic rollback."""

NOT_STABLE = "not_stable"
"""Reason for skipping a version without evidence that it works."""


_EVER = datetime(1970, 1, 1, tzinfo=timezone.utc)


@dataclass(frozen=True)
class Way:
    """Target of an automatic rollback."""

    version: VersionIdentity | None
    """The stable version; ``None`` if there is none that can become active."""
    target: RollbackTarget
    refusal: str | None = None
    """Why there is none."""


def find_way(pin: Pin, tripped: Tripped, *, session: Session) -> Way:
    """
    Find the stable version, without changing anything.

    :param pin: the pin, held against changes
    :param tripped: what was found of its version
    :param session: database session
    """
    current, change = pinned_identity(pin), _change(tripped)
    target = find_target(
        pin.dag_id,
        pin,
        current,
        change,
        refused=lambda one: _why_not_stable(pin.dag_id, one, current, session=session),
        session=session,
    )
    if target.version is None:
        said = " ".join(("No earlier version is stable.", *target.warnings()))
        return Way(None, target, said)
    try:
        attestation.require_enforcement(session=session)
        planned = PlannedChange(pin.dag_id, ChangeKind.ROLLBACK, target.version, ACTOR)
        require_policies(planned, change, session=session)
    except PinningError as error:
        return Way(None, target, error.message)
    return Way(target.version, target)


def put_into_effect(dag_id: str, tripped: Tripped, *, session: Session) -> bool:
    """
    Roll back the failing version, or record that there is nothing to return to. Only one of several concurrent
    callers does it.

    :param dag_id: the Dag
    :param tripped: the finding, possibly not recent
    :param session: database session; the caller commits
    :return: whether this changed anything
    """
    pin = lock_pin(dag_id, session=session)
    of_pin = (pin.dag_version_id, pin.last_run_before, pin.breaker_after)
    if pin.breaker is not None or of_pin != (tripped.dag_version_id, tripped.last_run_before, tripped.watched_after):
        return False
    way = find_way(pin, tripped, session=session)
    if way.version is None:
        _open(pin, tripped, way, session=session)
        return True
    savepoint = session.begin_nested()
    try:
        roll_back(
            dag_id,
            _change(tripped, way),
            to_version=way.version.version_number,
            reject_current=True,
            hold=tripped.hold,
            session=session,
        )
        savepoint.commit()
    except PinningError as error:
        savepoint.rollback()
        session.expire_all()
        pin = lock_pin(dag_id, session=session)
        _open(pin, tripped, Way(None, way.target, error.message), session=session)
    return True


def _change(tripped: Tripped, way: Way | None = None) -> Change:
    passed_over = way.target.evidence() if way else {}
    return Change(
        Caller(ACTOR, CallerKind.SYSTEM), f"{tripped}.", evidence={"breaker": tripped.evidence(), **passed_over}
    )


def _open(pin: Pin, tripped: Tripped, way: Way, *, session: Session) -> None:
    """Leave the failing version active, and report it once."""
    pin.breaker = (BreakerState.WAITING if tripped.waits else BreakerState.OPEN).value
    pin.revision += 1
    version = pinned_identity(pin)
    events.record(
        EventKind.BREAKER_OPENED,
        dag_id=pin.dag_id,
        revision=pin.revision,
        change=_change(tripped, way),
        request={"action": "automatic_rollback", "dag_id": pin.dag_id},
        from_version=version,
        to_version=version,
        evidence={"refusal": way.refusal, "runs_wait": tripped.waits},
        session=session,
    )
    session.flush()


def _why_not_stable(
    dag_id: str, version: VersionIdentity, current: VersionIdentity | None, *, session: Session
) -> PassedOver | None:
    number = version.version_number
    if current is not None and number > current.version_number:
        return PassedOver(number, NOT_STABLE, "It is newer, and newer versions only become active by a pin.")
    scope = Scope(dag_id, version.dag_version_id, RunKind.LIVE, _EVER, ())
    by_themselves = not_set_by_hand(scope, list(set_in_bulk(scope, session=session)))
    state = session.scalar(_newest_outcome().where(*by_themselves), {"dag_version_id": version.dag_version_id})
    if state is None:
        return PassedOver(number, NOT_STABLE, "It has no finished live run to show that it works.")
    if state != DagRunState.SUCCESS:
        return PassedOver(number, NOT_STABLE, "Its latest live run failed.")
    return None


@cache
def _newest_outcome() -> Select:
    return (
        select(DagRun.state)
        .where(
            DagRun.created_dag_version_id == bindparam("dag_version_id", type_=DagRun.created_dag_version_id.type),
            DagRun.state.in_((DagRunState.FAILED, DagRunState.SUCCESS)),
            DagRun.run_type != DagRunType.BACKFILL_JOB,
            DagRun.triggered_by.is_distinct_from(DagRunTriggeredByType.TEST),
            ~of_canary_runs(),
        )
        .order_by(DagRun.id.desc())
        .limit(1)
    )
