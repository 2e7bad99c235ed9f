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
"""Change the pins of many Dags in one transaction, or preview that."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

import uuid6
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.batches import much_work
from airflow_providers_pinning.domain.changes.pin_row import lock_pins, read_pins
from airflow_providers_pinning.domain.changes.timed_many import check_ahead
from airflow_providers_pinning.domain.errors import NothingToReleaseError
from airflow_providers_pinning.domain.history.events import Change
from airflow_providers_pinning.domain.releases.access import check_access
from airflow_providers_pinning.domain.releases.choice import (
    Chosen,
    bundle_of,
    choose_at_commit,
    choose_by_number,
    choose_dags,
    choose_present,
    dag_ids_of,
)
from airflow_providers_pinning.domain.releases.dependencies import report_of_work
from airflow_providers_pinning.domain.releases.ledger import (
    find_repeated,
    keep,
    refuse_another_plan,
    refuse_blocked,
    with_seen_rules,
)
from airflow_providers_pinning.domain.releases.plan import ReleaseReport
from airflow_providers_pinning.domain.releases.request import Access, ReleaseRequest
from airflow_providers_pinning.domain.releases.unnamed import choose_newest, choose_previous
from airflow_providers_pinning.domain.releases.work import Progress, Work
from airflow_providers_pinning.domain.versions.identity import VersionIdentity, pinned_identity
from airflow_providers_pinning.models import Pin
from airflow_providers_pinning.vocabulary import EventKind, ReleaseAction, ReleaseOutcome


def plan_release(request: ReleaseRequest, change: Change, access: Access, *, session: Session) -> ReleaseReport:
    """
    Plan what a release would change, what it would leave, and what blocks it. No Dag is locked.

    :param request: the action and its Dags
    :param change: who asks, why, and what they override
    :param access: the permissions of the caller
    :param session: database session
    :raises UnknownVersionError: if no bundle has the commit
    :raises AmbiguousBundleError: if several have
    :raises NothingToReleaseError: if the release affects no Dag
    :raises DagsForbiddenError: if the caller may not change one of the Dags
    :raises NotEnforcedError: if a live component runs without the enforcement
    :raises ActivationInPastError: if its time is over
    """
    change = _at_its_time(request, change, session=session)
    bundle_name, dag_ids = _names(request, access, session=session)
    work = Work(_kind(request), change, None, total=len(dag_ids), progress=None, session=session)
    pins = read_pins(dag_ids, session=session)
    planned = _carry_out(request, change, bundle_name, work, pins, dag_ids, session=session)
    return with_seen_rules(planned, session=session)


def make_release(
    request: ReleaseRequest,
    change: Change,
    access: Access,
    *,
    progress: Progress | None = None,
    session: Session,
) -> ReleaseReport:
    """
    Change the pins of Dags as one: all that a release is about, or none.

    :param request: the action and its Dags
    :param change: who asks, why, and what they override
    :param access: the permissions of the caller
    :param progress: receives the progress
    :param session: database session; the caller commits
    :raises ReleaseBlockedError: if a Dag cannot be changed; it names each, with its reason
    :raises RevisionConflictError: if it would do something else than the plan that was confirmed
    :raises IdempotencyKeyReusedError: if the key was sent with another request
    :raises PinningError: whatever :func:`plan_release` raises
    """
    if repeated := find_repeated(change, request.as_request(), access, session=session):
        return repeated
    bundle_name, dag_ids = _names(request, access, session=session)
    locked = lock_pins(dag_ids, session=session)
    # The same request may also have waited for these locks.
    if repeated := find_repeated(change, request.as_request(), access, session=session):
        return repeated
    change = _at_its_time(request, change, session=session)
    release_id = str(uuid6.uuid7())
    work = Work(_kind(request), change, release_id, total=len(dag_ids), progress=progress, session=session)
    report = _carry_out(request, change, bundle_name, work, locked, dag_ids, session=session)
    report = replace(report, release_id=release_id)
    refuse_blocked(report)
    refuse_another_plan(report, request.expected_plan)
    return keep(report, change, request.as_request(), session=session)


def _at_its_time(request: ReleaseRequest, change: Change, *, session: Session) -> Change:
    """Return the change as it is checked: for the time at which it takes effect."""
    if request.effective_from is None:
        return change
    check_ahead(request.effective_from, session=session)
    return replace(change, effective_from=request.effective_from)


def _names(request: ReleaseRequest, access: Access, *, session: Session) -> tuple[str | None, set[str]]:
    bundle_name = bundle_of(request, session=session)
    dag_ids = dag_ids_of(request, bundle_name, access, session=session)
    if not dag_ids:
        raise NothingToReleaseError(
            "No Dag matches the release. Check the conditions, and whether the Dags are pinned (CLI: --all includes "
            "Dags that are not pinned)."
        )
    named = set(request.selection.dag_ids or ()) | set(request.versions)
    check_access(dag_ids - set(request.selection.exclude), named, access, session=session)
    return bundle_name, dag_ids


def _kind(request: ReleaseRequest) -> EventKind:
    return EventKind.ROLLED_BACK if request.action is ReleaseAction.ROLLBACK else EventKind.PINNED


@much_work()
def _carry_out(
    request: ReleaseRequest,
    change: Change,
    bundle_name: str | None,
    work: Work,
    pins: Mapping[str, Pin],
    dag_ids: Collection[str],
    *,
    session: Session,
) -> ReleaseReport:
    if request.action is ReleaseAction.UNPIN:
        work.lift(_pins_to_lift(request, work, pins, dag_ids))
    else:
        chosen = _choose(request, change, bundle_name, pins, dag_ids, session=session)
        work.done |= chosen.others
        goes_back = request.action is ReleaseAction.ROLLBACK

        def check(pin: Pin, version: VersionIdentity) -> None:
            # As for one Dag, a hold does not stop the way to an older version.
            if pinned_identity(pin) != version and not (
                goes_back and version.version_number < (pin.version_number or 0)
            ):
                work.check_hold(pin)

        work.activate(chosen.versions, pins, check=check, warnings=chosen.warnings)
    report = report_of_work(
        work, request.action, bundle_name=bundle_name, bundle_version=request.bundle_version, session=session
    )
    return replace(report, effective_from=request.effective_from)


def _choose(
    request: ReleaseRequest,
    change: Change,
    bundle_name: str | None,
    pins: Mapping[str, Pin],
    dag_ids: Collection[str],
    *,
    session: Session,
) -> Chosen:
    """Find the version of each Dag."""
    chosen, wanted = choose_dags(request, pins, dag_ids)
    if request.action is ReleaseAction.ROLLBACK:
        choose_previous(pins, wanted, change, chosen, session=session)
    elif request.versions:
        choose_by_number(request.versions, wanted, chosen, session=session)
    elif request.latest:
        choose_present(pins, wanted, chosen, session=session)
    elif request.newest:
        choose_newest(pins, wanted, chosen, session=session)
    else:
        choose_at_commit(request, bundle_name, pins, wanted, chosen, session=session)
    return chosen


def _pins_to_lift(
    request: ReleaseRequest, work: Work, pins: Mapping[str, Pin], dag_ids: Collection[str]
) -> dict[str, Pin]:
    lifted = {}
    for dag_id in dag_ids:
        if dag_id in request.selection.exclude:
            work.leave(dag_id, "excluded", "It was excluded from the release.")
        elif dag_id not in pins or pins[dag_id].dag_version_id is None:
            work.leave(dag_id, "not_pinned", "It is not pinned.", outcome=ReleaseOutcome.UNCHANGED)
        else:
            lifted[dag_id] = pins[dag_id]
    return lifted
