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
While a ramp is under way, a share of the new runs has its version.

Whoever creates a run decides it, under the lock that keeps the pin as it is, from the run's id or from how many runs
there were: a transaction that is tried again decides the same. The pinned version's schedule, limits and assets hold
for all runs. Who finds that a step is passed, or that the version fails, lets the ramp go on as soon as its own
transaction has ended, or, in the loop of a scheduler, at the beginning of the next turn; should it be killed before,
whoever creates the next run does it. A version that fails gets no run from the moment on that this can be seen.

A ramp whose version no run could have is aborted, on record, and the run has the pinned version. So it has if the look
fails for a reason of our own.

Shown by ``tests/unit/enforcement/runs/test_ramp.py``.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from functools import partial
from typing import Any

from airflow_providers_pinning.enforcement.call import Call

log = logging.getLogger(__name__)

ERRORS = "pinning.ramp_errors"
"""Counter of errors that kept a ramp from being looked at, or from going on."""

_noted: dict[str, Any] = {}
"""What is to be done about ramps at the beginning of the next turn of this scheduler's loop."""


def by_share(call: Call, pin: Any) -> Any:
    """
    Return the pin that a run is created with: the one that is, or one of the ramp's version.

    :param call: creates a run
    :param pin: the ``LockedPin`` of its Dag
    """
    from sqlalchemy.exc import SQLAlchemyError

    if pin.ramp_id is None or pin.version is None:
        return pin
    try:
        found = _look(call, pin)
    except SQLAlchemyError:
        # The transaction is lost, and with it the run, as with any other statement of its creation.
        raise
    except Exception:
        _note_error(call.instance.dag_id)
        return pin
    return pin if found is None else replace(pin, version=found[0], dag=found[1])


def _look(call: Call, pin: Any) -> Any:
    """Return the ramp's version and its Dag if the run is to have them."""
    from airflow_providers_pinning.domain.changes import ramp as changes
    from airflow_providers_pinning.domain.changes.ramped_runs import (
        chosen_version,
        fit_for_run,
        is_eligible,
        running_ramp,
        trouble_with,
    )
    from airflow_providers_pinning.domain.monitoring.ramp_runs import count_runs
    from airflow_providers_pinning.domain.soak.ramp_verdict import Course, assess

    session, dag_id = call.session, call.instance.dag_id
    ramp = running_ramp(pin.ramp_id, session=session)
    if ramp is None or not is_eligible(dag_id, call.run_type, session=session):
        return None
    if trouble := trouble_with(ramp, session=session):
        _do(call, partial(changes.abort_unusable, dag_id, ramp.id, trouble))
        return None
    counts = count_runs(ramp, session=session)
    course = assess(ramp, counts, session=session).course
    if course is not Course.STAY:
        _do(call, partial(changes.carry_on, dag_id, ramp.id))
    if course is Course.ABORT:
        return None
    if (version := chosen_version(ramp, call.run_id, counts)) is None:
        return None
    fit = fit_for_run(ramp, call.instance, call.conf, session=session)
    if fit.trouble:
        _do(call, partial(changes.abort_unusable, dag_id, ramp.id, fit.trouble))
    return None if fit.dag is None else (version, fit.dag)


def carry_on_noted(*, session: Any) -> None:
    """
    Let the ramps go on of which this scheduler created a run.

    :param session: a session in which nothing is pending
    """
    if not _noted:
        return
    for dag_id in list(_noted):
        _carry_on(dag_id, _noted.pop(dag_id), session=session)
    # As after any commit of the loop, which would have an outdated view of the database otherwise.
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
            # In the loop of a scheduler all other Dags wait as well.
            commit(partial(change, session=session), patience=PATIENCE, session=session)
        else:
            with create_session(scoped=False) as own:
                commit(partial(change, session=own), session=own)
    except (DatabaseBusyError, DatabaseUnavailableError) as error:
        log.warning("The ramp of Dag %s goes on where its next run is created: %s", dag_id, error)
    except Exception:
        _note_error(dag_id)


def _note_error(dag_id: str) -> None:
    from airflow.observability import stats

    stats.incr(ERRORS)
    log.exception("Could not look at the ramp of Dag %s, or let it go on; the run has the pinned version", dag_id)
