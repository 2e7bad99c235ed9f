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
If a version fails too often, the next run already uses the last stable version.

Airflow has no hook between failing runs and the creation of the next one. So the creation of a run, which has read
and locked the pin, checks the runs of the pinned version, if a policy with an automatic rollback applies to the Dag.
A run that is due by the old version's schedule must not use the stable version: it waits for the next scheduler loop.
An error in this check never blocks a run.

Shown by ``tests/unit/enforcement/runs/test_breaker.py`` and ``tests/integration/test_breaker.py``.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from airflow_providers_pinning.enforcement.call import Call

log = logging.getLogger(__name__)

MUTED_FOR = 60.0
"""Seconds until this process checks a Dag again after a failed check or rollback."""

ERRORS = "pinning.automatic_rollback_errors"
"""Counter of errors that prevented a check or a rollback."""

_muted: dict[str, float] = {}


def guard_of(dag: Any, *, session: Any) -> Callable[[str, str | None], bool]:
    """Return the function that decides, from a run's pinned Dag, whether to check its runs."""
    return partial(_may_have_tripped, dag, session=session)


def _may_have_tripped(dag: Any, rules: str, bundle_name: str | None, *, session: Any) -> bool:
    from airflow_providers_pinning.domain.policies.breaker import may_have_tripped, rules_about

    def look() -> bool:
        about = rules_about(rules, dag, bundle_name, session=session)
        return bool(about) and may_have_tripped(dag.dag_id, about, session=session)

    return bool(_unless_it_fails(dag.dag_id, look))


def instead_of_failing(call: Call, pin: Any) -> Any:
    """
    Return the pin that a run is created with: the current one, or one of the stable version.

    :param call: creates a run
    :param pin: the ``LockedPin`` of its Dag
    :raises PinUnavailableError: if the run must not be created, or not in this scheduler loop
    """
    from airflow_providers_pinning.vocabulary import BreakerState

    dag_id = call.instance.dag_id
    if pin.breaker == BreakerState.WAITING.value:
        raise _waiting(call, pin)
    if pin.version is None or not pin.rules:
        return pin
    tripped = _unless_it_fails(dag_id, lambda: _find_tripped(call, pin))
    if tripped is None:
        return pin
    if _is_made_by_scheduler(call):
        raise _next_turn(dag_id, tripped)
    way = _unless_it_fails(dag_id, lambda: _find_way(call, tripped))
    if way is None:
        return pin
    from airflow_providers_pinning.domain.sessions import once_ended

    once_ended(call.session, partial(roll_back, dag_id, tripped))
    if way.version is not None:
        # Should the rollback fail, it would seem to have escaped the pin.
        _unless_it_fails(dag_id, lambda: _expect_stable(call, tripped))
        # A rollback ends a ramp as well.
        return replace(pin, version=way.version, ramp_id=None)
    if tripped.waits:
        raise _waiting(call, pin)
    return pin


def _expect_stable(call: Call, tripped: Any) -> None:
    from airflow_providers_pinning.domain.changes.acknowledgement import expect_run
    from airflow_providers_pinning.domain.changes.breaker import ACTOR

    expect_run(call.instance.dag_id, call.run_id, ACTOR, f"{tripped}.", session=call.session)


def roll_back(dag_id: str, tripped: Any, *, session: Any = None) -> None:
    """
    Roll back a Dag whose version fails too often, in a separate transaction. Errors are logged.

    :param dag_id: the Dag
    :param tripped: what was found
    :param session: a session without pending changes; by default a new one
    """
    from airflow.utils.session import create_session

    from airflow_providers_pinning.domain.changes.breaker import put_into_effect
    from airflow_providers_pinning.domain.changes.due import PATIENCE
    from airflow_providers_pinning.domain.changes.transactions import commit
    from airflow_providers_pinning.domain.errors import DatabaseBusyError, DatabaseUnavailableError

    # In the scheduler loop, all other Dags wait as well.
    patience = None if session is None else PATIENCE

    def act(session: Any) -> None:
        if commit(partial(put_into_effect, dag_id, tripped, session=session), patience=patience, session=session):
            log.warning("%s. See the history of Dag %s for the outcome.", tripped, dag_id)

    try:
        if session is not None:
            act(session)
        else:
            with create_session(scoped=False) as own:
                act(own)
    except (DatabaseBusyError, DatabaseUnavailableError) as error:
        log.warning("Dag %s is rolled back when its next run is created: %s", dag_id, error)
    except Exception:
        _note_error(dag_id)


def roll_back_noted(*, session: Any) -> None:
    """
    Roll back the Dags whose runs this scheduler postponed.

    :param session: a session without pending changes
    """
    from airflow_providers_pinning.domain.resolution.refused_runs import take_tripped

    if not (noted := take_tripped()):
        return
    for dag_id, tripped in noted.items():
        roll_back(dag_id, tripped, session=session)
    # As after any commit in the loop, to refresh the view of the database.
    session.expunge_all()


def _find_tripped(call: Call, pin: Any) -> Any:
    from airflow_providers_pinning.domain.policies.breaker import find_tripped, rules_about
    from airflow_providers_pinning.models import Pin

    session, dag_id = call.session, call.instance.dag_id
    dag = _dag_of(call, pin.version)
    about = rules_about(pin.rules, dag, pin.version.bundle_name, session=session)
    if not about:
        return None
    row = session.get(Pin, dag_id, populate_existing=True)
    return find_tripped(row, about, int(pin.rules.partition(":")[0]), session=session)


def _dag_of(call: Call, version: Any) -> Any:
    """Return the Dag of the pinned version, whose policies apply: the given Dag may be another version."""
    from airflow.models.serialized_dag import SerializedDagModel
    from sqlalchemy import select

    from airflow_providers_pinning.enforcement.versions.serialized_dag import stamp_of

    if stamp_of(call.instance) == (version.dag_version_id, version.dag_hash):
        return call.instance
    stored = select(SerializedDagModel).where(SerializedDagModel.dag_version_id == version.dag_version_id)
    return call.session.scalar(stored).dag


def _find_way(call: Call, tripped: Any) -> Any:
    from airflow_providers_pinning.domain.changes.breaker import find_way
    from airflow_providers_pinning.models import Pin

    return find_way(call.session.get_one(Pin, call.instance.dag_id), tripped, session=call.session)


def _is_made_by_scheduler(call: Call) -> bool:
    from airflow.utils.types import DagRunType

    return call.run_type in (DagRunType.SCHEDULED, DagRunType.ASSET_TRIGGERED)


def _next_turn(dag_id: str, tripped: Any) -> Exception:
    from airflow_providers_pinning.domain.errors import PinUnavailableError
    from airflow_providers_pinning.domain.resolution.refused_runs import note_tripped

    note_tripped(dag_id, tripped)
    return PinUnavailableError(
        f"Dag {dag_id!r} gets no run in this scheduler loop: {tripped}. It is rolled back first.", dag_id=dag_id
    )


def _waiting(call: Call, pin: Any) -> Exception:
    from airflow_providers_pinning.domain.errors import PinUnavailableError
    from airflow_providers_pinning.domain.resolution.refused_runs import note_waiting
    from airflow_providers_pinning.domain.text import confirm_command

    dag_id = call.instance.dag_id
    if _is_made_by_scheduler(call):
        note_waiting(dag_id, pin.version.dag_version_id)
    number = pin.version.version_number
    return PinUnavailableError(
        f"No run of Dag {dag_id!r} was created: version {number} failed more than a release policy allows, and "
        "there is no stable version to return to. Pin another version, or confirm this one "
        f"({confirm_command(dag_id, number)}).",
        dag_id=dag_id,
        version_number=number,
    )


def _unless_it_fails(dag_id: str, look: Callable[[], Any]) -> Any:
    """Return the result of a check; nothing if it fails because of an error in it."""
    from sqlalchemy.exc import SQLAlchemyError

    if _muted.get(dag_id, 0.0) > time.monotonic():
        return None
    try:
        return look()
    except SQLAlchemyError:
        # The transaction is lost, and the run with it, as with any other failing statement during its creation.
        raise
    except Exception:
        _note_error(dag_id)
        return None


def _note_error(dag_id: str) -> None:
    from airflow.observability import stats

    _muted[dag_id] = time.monotonic() + MUTED_FOR
    stats.incr(ERRORS)
    log.exception(
        "Could not check whether Dag %s must be rolled back automatically, or could not roll it back. Its runs "
        "keep using the pinned version; retrying in %d seconds",
        dag_id,
        MUTED_FOR,
    )
