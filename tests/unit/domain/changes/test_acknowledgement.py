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
from __future__ import annotations

import pytest
from airflow.api.common.trigger_dag import trigger_dag
from airflow.models.dagrun import DagRun
from airflow.utils.types import DagRunTriggeredByType
from sqlalchemy import delete, func, select

from airflow_providers_pinning.domain.changes.acknowledgement import acknowledge_runs, forget_acknowledgements
from airflow_providers_pinning.domain.errors import RevisionConflictError, UnknownDagError, UnknownRunError
from airflow_providers_pinning.domain.history.events import Caller, Change
from airflow_providers_pinning.domain.monitoring.escaped_runs import escaped_runs
from airflow_providers_pinning.models import Acknowledgement
from tests.support.events import list_events
from tests.support.remembered import remembered
from tests.support.sources import STABLE
from tests.support.stock import without_enforcement


@pytest.fixture
@remembered
def escaped(lab, session):
    """Pin version 1, and let a component without the package create two runs of version 2."""
    lab.pin_first_of_two()
    with without_enforcement():
        for run_id in ("first", "second"):
            trigger_dag("orders", run_id=run_id, triggered_by=DagRunTriggeredByType.CLI, session=session)
    session.commit()
    assert problems(lab) == ["escaped_runs"]
    return lab


def problems(lab):
    return [problem.reason for problem in lab.pin_state("orders").health.problems]


def acknowledge(session, run_ids=None, **conditions):
    state = acknowledge_runs("orders", run_ids, Change(Caller("jan"), "harmless", **conditions), session=session)
    session.commit()
    return state


def reported(session):
    return [run.run_id for run in escaped_runs(session=session)]


def test_all_runs_are_no_longer_reported(escaped, session):
    state = acknowledge(session)
    assert (state.health.problems, reported(session), problems(escaped)) == ((), [], [])


def test_others_are_still_reported(escaped, session):
    acknowledge(session, ["first"])
    assert (reported(session), problems(escaped)) == (["second"], ["escaped_runs"])


def test_run_that_escapes_later_is_reported(escaped, session):
    acknowledge(session)
    with without_enforcement():
        trigger_dag("orders", run_id="third", triggered_by=DagRunTriggeredByType.CLI, session=session)
    session.commit()
    assert reported(session) == ["third"]


def test_who_looked_at_which_runs_is_in_the_history(escaped, session):
    acknowledge(session, ["second"])
    [event, *_] = list_events("orders", limit=1, offset=0, session=session)[0]
    assert (event.kind, event.actor, event.reason, event.evidence) == (
        "acknowledged",
        "jan",
        "harmless",
        {"run_ids": ["second"]},
    )


@pytest.mark.parametrize("run_ids", [["first", "other"], ["other"]], ids=["one of two", "the only one"])
def test_run_that_did_not_escape_is_refused_and_nothing_is_acknowledged(run_ids, escaped, session):
    with pytest.raises(UnknownRunError, match="not reported as escaped: other"):
        acknowledge(session, run_ids)
    session.rollback()
    assert len(reported(session)) == 2


def test_request_with_a_key_is_carried_out_once(escaped, session):
    acknowledge(session, idempotency_key="k")
    assert acknowledge(session, idempotency_key="k").repeated is not None


def test_nothing_to_acknowledge_is_no_error_and_no_event(lab, session):
    lab.commit("sha1", orders=STABLE)
    lab.pin("orders", 1)
    acknowledge(session)
    assert list_events("orders", limit=9, offset=0, session=session)[1] == 1


def test_pin_that_changed_is_a_conflict(escaped, session):
    with pytest.raises(RevisionConflictError):
        acknowledge(session, expected_revision=9)


def test_unknown_dag_is_refused(session):
    with pytest.raises(UnknownDagError):
        acknowledge(session)


def test_runs_that_are_deleted_are_forgotten(escaped, session):
    acknowledge(session)
    session.execute(delete(DagRun).where(DagRun.run_id == "first"))
    session.commit()
    forget_acknowledgements(session=session)
    session.commit()
    assert session.scalar(select(func.count()).select_from(Acknowledgement)) == 1
