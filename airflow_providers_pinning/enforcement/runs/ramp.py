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
During a ramp, a share of the new runs gets its version.

The process that creates a run decides this under the lock of the pin, from the run ID or the number of runs, so a
retried transaction decides the same. All runs follow the pinned version's schedule, limits and assets. A process that
finds a step completed, or the version failing, advances the ramp after its own transaction, or in the scheduler at
the start of the next loop; if it is killed before, the process that creates the next run does it. A failing version
gets no more runs once the failure is visible.

If no run could use the version of a ramp, the ramp is aborted and recorded, and the run gets the pinned version. It
also does if this check fails because of an error in it.

Shown by ``tests/unit/enforcement/runs/test_ramp.py``.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any

from airflow_providers_pinning.enforcement.call import Call

log = logging.getLogger(__name__)

ERRORS = "pinning.ramp_errors"
"""Counter of errors that prevented checking or advancing a ramp."""

_noted: dict[str, Any] = {}
"""Work on ramps for the start of this scheduler's next loop."""


def by_share(call: Call, pin: Any) -> Any:
    """
    Return the pin that a run is created with: the current one, or one of the ramp's version.

    :param call: creates a run
    :param pin: the ``LockedPin`` of its Dag
    """
    from sqlalchemy.exc import SQLAlchemyError

    if pin.ramp_id is None or pin.version is None:
        return pin
    try:
        found = _look(call, pin)
    except SQLAlchemyError:
        # The transaction is lost, and the run with it, as with any other failing statement during its creation.
        raise
    except Exception:
        _note_error(call.instance.dag_id)
        return pin
    return pin if found is None else replace(pin, version=found[0], dag=found[1], row=found[2])


def _look(call: Call, pin: Any) -> Any:
    """Return the ramp's version, its Dag and Airflow's row of it, if the run is to have them."""
    from airflow_providers_pinning.domain.changes import ramp_progress
    from airflow_providers_pinning.domain.changes.ramped_runs import (
        chosen_version,
        fit_for_run,
        is_eligible,
        running_ramp,
    )
    from airflow_providers_pinning.domain.monitoring.ramp_runs import count_runs
    from airflow_providers_pinning.domain.soak.ramp_verdict import Course, assess

    session, dag_id = call.session, call.instance.dag_id
    running = running_ramp(pin.ramp_id, session=session)
    if running is None or not is_eligible(dag_id, call.run_type, session=session):
        return None
    ramp = running.ramp
    if running.trouble:
        _do(call, partial(ramp_progress.abort_unusable, dag_id, ramp.id, running.trouble))
        return None
    counts = count_runs(ramp, session=session)
    course = assess(ramp, counts, session=session).course
    if course is not Course.STAY:
        _do(call, partial(ramp_progress.carry_on, dag_id, ramp.id))
    if course is Course.ABORT:
        return None
    if (version := chosen_version(ramp, call.run_id, counts)) is None:
        return None
    fit = fit_for_run(ramp, call.instance, call.conf, session=session)
    if fit.trouble:
        _do(call, partial(ramp_progress.abort_unusable, dag_id, ramp.id, fit.trouble))
    return None if fit.dag is None else (version, fit.dag, running.version)


@contextmanager
def inserting(pin: Any, *, session: Any) -> Iterator[None]:
    """
    Insert a run of a ramp's version with the commit of that version.

    Airflow takes the pinned one from ``DagModel``, and correcting it afterwards would cost a statement for each run.

    :param pin: the ``LockedPin`` that a run is created with
    :param session: session of the creating transaction
    """
    if pin.row is None:
        yield
        return
    from airflow.models.dagrun import DagRun
    from sqlalchemy import event

    def correct(flushed: Any, *_: Any) -> None:
        for new in flushed.new:
            # It is None if the Dag disables versions of its bundle.
            if isinstance(new, DagRun) and new.dag_id == pin.row.dag_id and new.bundle_version is not None:
                new.bundle_version = pin.version.bundle_version

    event.listen(session, "before_flush", correct)
    try:
        yield
    finally:
        event.remove(session, "before_flush", correct)


def carry_on_noted(*, session: Any) -> None:
    """
    Advance the ramps of Dags for which this scheduler created a run.

    :param session: a session without pending changes
    """
    if not _noted:
        return
    for dag_id in list(_noted):
        _carry_on(dag_id, _noted.pop(dag_id), session=session)
    # As after any commit in the loop, to refresh the view of the database.
    session.expunge_all()


def _do(call: Call, change: Any) -> None:
    from airflow.utils.types import DagRunType

    from airflow_providers_pinning.domain.sessions import once_ended

    dag_id = call.instance.dag_id
    if call.run_type in (DagRunType.SCHEDULED, DagRunType.ASSET_TRIGGERED):
        _noted[dag_id] = change
    else:
        once_ended(call.session, partial(_carry_on, dag_id, change))


def _carry_on(dag_id: str, change: Any, *, session: Any = None) -> None:
    from airflow.utils.session import create_session

    from airflow_providers_pinning.domain.changes.due import PATIENCE
    from airflow_providers_pinning.domain.changes.transactions import commit
    from airflow_providers_pinning.domain.errors import DatabaseBusyError, DatabaseUnavailableError

    try:
        if session is not None:
            # In the scheduler loop, all other Dags wait as well.
            commit(partial(change, session=session), patience=PATIENCE, session=session)
        else:
            with create_session(scoped=False) as own:
                commit(partial(change, session=own), session=own)
    except (DatabaseBusyError, DatabaseUnavailableError) as error:
        log.warning("The ramp of Dag %s advances when its next run is created: %s", dag_id, error)
    except Exception:
        _note_error(dag_id)


def _note_error(dag_id: str) -> None:
    from airflow.observability import stats

    stats.incr(ERRORS)
    log.exception("Could not check or advance the ramp of Dag %s; the run uses the pinned version", dag_id)
