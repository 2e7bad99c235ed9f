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
"""A pending change of the pin, and what happens to it when another one is made."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from airflow.models.dag_version import DagVersion
from airflow.models.dagrun import DagRun
from airflow.utils.state import State
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.canaries.routed_runs import of_canary_runs
from airflow_providers_pinning.domain.changes import conditions
from airflow_providers_pinning.domain.changes.pin_row import lock_pin
from airflow_providers_pinning.domain.changes.ramp_row import settle_ramp
from airflow_providers_pinning.domain.changes.released import note_in_release
from airflow_providers_pinning.domain.changes.repeated import answer_if_repeated
from airflow_providers_pinning.domain.clocks import database_clock
from airflow_providers_pinning.domain.errors import ActivationPendingError, NothingPendingError
from airflow_providers_pinning.domain.history import events
from airflow_providers_pinning.domain.history.events import Change
from airflow_providers_pinning.domain.monitoring.pending import pending_change
from airflow_providers_pinning.domain.monitoring.release_state import ReleaseState, release_state
from airflow_providers_pinning.domain.text import command, plural
from airflow_providers_pinning.domain.versions.identity import VersionIdentity, latest_identity, pinned_identity
from airflow_providers_pinning.models import Pin, TimedChange
from airflow_providers_pinning.vocabulary import EventKind, TimedAction, TimedStatus


def described(change: TimedChange) -> str:
    """Describe a pending change for messages, such as ``pin of version 3 at 2027-01-01T13:00:00+00:00``."""
    what = change.action
    if change.action != TimedAction.UNPIN.value:
        what += f" {'of' if change.action == TimedAction.PIN.value else 'to'} version "
        what += str((change.to_version or {}).get("version_number"))
    return f"{what} at {change.effective_from.isoformat()}"


def facts_of(change: TimedChange) -> dict[str, Any]:
    """Return what events record about a pending change."""
    return {
        "id": change.id,
        "action": change.action,
        "effective_from": change.effective_from.isoformat(),
        "actor": change.actor,
        "reason": change.reason,
    }


def settle_pending(pin: Pin, change: Change, *, session: Session) -> tuple[str, ...]:
    """
    End the ramp and the pending change of a Dag because of another change, or refuse that.

    The caller has locked the pin.

    :param pin: the pin
    :param change: the other change, which supersedes the pending one or not
    :param session: database session
    :return: what to tell the caller
    :raises ActivationPendingError: if a change is pending that is not to be superseded
    :raises RampUnderWayError: if a ramp is under way that is not to be superseded
    """
    aborted = settle_ramp(pin, change, session=session)
    pending = pending_row(pin, session=session)
    if pending is None:
        return aborted
    if not change.supersede:
        raise pending_refusal(pin, session=session)
    told = f"The pending {described(pending)}, requested by {pending.actor}, was canceled."
    cancel_row(pin, pending, replace(change, idempotency_key=None, evidence={}), session=session)
    return (*aborted, told, *warn_of_runs_of_later(pending, session=session))


def warn_of_runs_of_later(pending: TimedChange, *, session: Session) -> tuple[str, ...]:
    """
    Tell of runs that are due once a change is in effect and are there already, which keep the version that they have.

    :param pending: a change that is asked for, which comes too late for runs of the active version, or one that is
        canceled, which comes too late for those of its own
    :param session: database session
    """
    return warn_all_of_runs_of_later([pending], session=session).get(pending.dag_id, ())


def warn_all_of_runs_of_later(changes: Collection[TimedChange], *, session: Session) -> dict[str, tuple[str, ...]]:
    """Do so for changes of several Dags, all of which take effect at one time, with one statement."""
    by_dag = {change.dag_id: change for change in changes}
    moments = {change.effective_from for change in changes}
    if not moments:
        return {}
    [moment] = moments
    rows = session.execute(
        select(DagRun.dag_id, DagVersion.version_number, func.count())
        .select_from(DagRun)
        .join(DagVersion, DagVersion.id == DagRun.created_dag_version_id)
        .where(
            DagRun.dag_id.in_(by_dag),
            DagRun.run_after >= moment,
            DagRun.state.in_(State.unfinished_dr_states),
            ~of_canary_runs(),
        )
        .group_by(DagRun.dag_id, DagVersion.version_number)
        .order_by(DagRun.dag_id, DagVersion.version_number)
    ).all()
    told: dict[str, tuple[str, ...]] = {}
    for dag_id, used, count in rows:
        number = (by_dag[dag_id].to_version or {}).get("version_number")
        if (used == number) == (by_dag[dag_id].status != TimedStatus.PENDING.value):
            told[dag_id] = (
                *told.get(dag_id, ()),
                f"{plural(count, 'unfinished run')} due at {moment.isoformat()} or later "
                f"{'has' if count == 1 else 'have'} version {used} and {'keeps' if count == 1 else 'keep'} it. To "
                "change the version of a run, clear it with the latest version.",
            )
    return told


def pending_refusal(pin: Pin, *, session: Session) -> ActivationPendingError:
    """Return the refusal of a change of a Dag of which another one is pending."""
    pending, shown = pending_row(pin, session=session), pending_change(pin, session=session)
    what = (
        f"the {described(pending)} is pending, requested by {pending.actor}: {pending.reason.rstrip('.')}"
        if pending
        else "a change is pending"
    )
    return ActivationPendingError(
        f"For Dag {pin.dag_id!r}, {what}. Cancel it first ({command('cancel', pin.dag_id)}), wait for it, or "
        "replace it with supersede (CLI: --supersede).",
        dag_id=pin.dag_id,
        pending=shown and shown.as_dict(),
    )


def cancel(dag_id: str, change: Change, *, session: Session) -> ReleaseState:
    """
    Cancel the pending change of a Dag.

    Runs that are due after its time and were created before keep the version that they have.

    :param dag_id: the Dag
    :param change: who asks, and why
    :param session: database session; the caller commits
    :raises UnknownDagError: if there is no such Dag
    :raises NothingPendingError: if no change is pending
    :raises RevisionConflictError: if the pin is at another revision than the caller expected
    """
    request = {"action": "cancel", "dag_id": dag_id}
    pin = lock_pin(dag_id, session=session)
    if repeated := answer_if_repeated(change, request, session=session):
        return repeated
    conditions.check_revision(dag_id, pin, change, session=session)
    pending = pending_row(pin, session=session)
    if pending is None:
        raise NothingPendingError(f"Dag {dag_id!r} has no pending change to cancel.", dag_id=dag_id)
    cancel_row(pin, pending, change, request, session=session)
    return release_state(dag_id, warnings=warn_of_runs_of_later(pending, session=session), session=session)


def cancel_row(
    pin: Pin,
    pending: TimedChange,
    change: Change,
    request: Mapping[str, Any] | None = None,
    *,
    release_id: str | None = None,
    session: Session,
) -> None:
    """
    Cancel the pending change of a Dag whose pin is locked, and record it.

    :param release_id: the release that cancels it
    """
    end(pin, pending, TimedStatus.CANCELED, message=change.reason, session=session)
    version = pinned_identity(pin) or latest_identity(pin.dag_id, session=session)
    events.record(
        EventKind.ACTIVATION_CANCELED,
        dag_id=pin.dag_id,
        revision=pin.revision,
        change=change,
        request=request or {"action": "cancel", "dag_id": pin.dag_id},
        from_version=version,
        to_version=VersionIdentity.from_dict(pending.to_version) if pending.to_version else None,
        evidence={"activation": facts_of(pending)},
        release_id=release_id,
        session=session,
    )


def end(
    pin: Pin,
    pending: TimedChange,
    status: TimedStatus,
    *,
    message: str | None = None,
    result_reason: str | None = None,
    session: Session,
) -> None:
    """End the pending state of a change, with a new revision."""
    pending.status, pending.message, pending.result_reason = status.value, message, result_reason
    pending.ended_at = database_clock(session=session)
    pin.pending_from = None
    pin.revision += 1
    session.flush()
    note_in_release(pin, pending, session=session)


def pending_row(pin: Pin, *, session: Session) -> TimedChange | None:
    """Return the pending change of a Dag whose pin is locked."""
    if pin.pending_from is None:
        return None
    found: TimedChange | None = session.scalar(
        select(TimedChange)
        .where(TimedChange.dag_id == pin.dag_id, TimedChange.status == TimedStatus.PENDING.value)
        # An older one is a stray of which the pin knows nothing.
        .order_by(TimedChange.id.desc())
        .limit(1)
        .execution_options(populate_existing=True)
    )
    return found
