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
"""The criteria of a Dag: one verdict in every face, and no promotion against it by accident."""

from __future__ import annotations

import pytest
from airflow._shared.timezones import timezone
from airflow.models.dagrun import DagRun
from sqlalchemy import update

from airflow_providers_pinning.client.soak import SoakCriteria
from airflow_providers_pinning.domain import errors
from airflow_providers_pinning.domain.changes import canary
from airflow_providers_pinning.domain.changes.criteria import set_criteria
from airflow_providers_pinning.domain.changes.pins import Target, pin_version
from airflow_providers_pinning.domain.soak.criteria import GivenCriteria, criteria_of, question_of
from airflow_providers_pinning.exceptions import VerdictFailedError
from airflow_providers_pinning.hooks.pinning import PinningHook
from airflow_providers_pinning.models import DagCriteria, Event
from airflow_providers_pinning.operators.pin import PinDagVersionOperator
from airflow_providers_pinning.sensors.soak import VersionSoakSensor
from airflow_providers_pinning.vocabulary import RunKind
from tests.support.api import PINNING
from tests.support.api_server import airflow_address, airflow_server, connect, forget_tokens, serve
from tests.support.remembered import remembered
from tests.support.sources import STABLE
from tests.support.task_context import task_context

__all__ = ["airflow_address", "airflow_server", "connect", "forget_tokens", "serve"]

SOAK = f"{PINNING}/dags/orders/versions/2/soak"


@pytest.fixture
@remembered
def two_versions(lab):
    lab.pin_first_of_two()


@pytest.fixture
def judged(two_versions, lab, session):
    """Return a function that runs canaries of version 2 while version 1 is pinned."""

    def run(*states):
        if not states:
            lab.candidate("orders", 2)
            return
        request = canary.CanaryRequest(2, count=len(states))
        runs = canary.create_canary_runs("orders", request, lab.change(), session=session)
        session.commit()
        for run_id, state in zip(runs.run_ids, states, strict=True):
            session.execute(
                update(DagRun)
                .where(DagRun.run_id == run_id)
                .values(state=state, start_date=timezone.utcnow(), end_date=timezone.utcnow())
            )
        session.commit()

    return run


@pytest.fixture
def store(lab, session):
    def put(**criteria):
        stored = set_criteria("orders", GivenCriteria(**criteria), lab.change("agreed"), session=session)
        session.commit()
        return stored

    return put


def by_sensor():
    answer = VersionSoakSensor(task_id="soak", target_dag_id="orders", version_number=2).ask(PinningHook())
    return answer["verdict"] if answer else "progressing"


@pytest.mark.parametrize(
    ("criteria", "states", "verdict"),
    [
        ({}, ["success", "failed"], "failed"),
        ({"max_failures": 1, "min_runs": 2}, ["success", "failed"], "successful"),
        ({"min_runs": 5}, ["success"] * 3, "progressing"),
        ({"min_runs": 1, "consecutive_successes": 1}, ["success"], "successful"),
        ({"inconclusive_after": 0.0}, ["success"], "inconclusive"),
        ({"min_runs": 1, "compare": True}, ["success"], "inconclusive"),
        ({"run_kinds": RunKind.LIVE}, ["failed"], "progressing"),
    ],
    ids=str,
)
def test_every_face_gives_the_same_verdict_for_the_same_runs(
    criteria, states, verdict, judged, store, api, airflow_server, pinning
):
    judged(*states)
    store(**criteria)

    rest = api().get(SOAK).json()
    tab = api().get(SOAK, params={"show_comparison": True}).json()
    command = pinning("soak", "orders", "-V", 2, "-o", "json").json

    assert [rest["verdict"], tab["verdict"], command["verdict"], by_sensor()] == [verdict] * 4
    assert rest["criteria"] == tab["criteria"] == command["criteria"]


def test_caller_replaces_only_the_criteria_that_it_gives(judged, store, session):
    judged("success")
    store(min_runs=7, max_failures=2)
    question = question_of("orders", GivenCriteria(max_failures=0), session=session)
    assert (question.criteria.min_runs, question.criteria.max_failures) == (7, 0)


def test_replays_are_not_asked_for_of_live_runs(lab, store, session):
    lab.commit("sha1", orders=STABLE)
    store(max_output_differences=0)
    bake = question_of("orders", GivenCriteria(run_kinds=RunKind.LIVE), session=session)
    assert bake.criteria.max_output_differences is None


def test_criterion_that_this_release_does_not_know_is_passed_over(lab, session):
    lab.commit("sha1", orders=STABLE)
    session.add(DagCriteria(dag_id="orders", criteria={"min_runs": 4, "later": 1}, revision=1, actor="a", reason="r"))
    session.commit()
    assert criteria_of("orders", session=session).criteria["min_runs"] == 4


class TestSetting:
    def test_is_a_change_with_a_revision_of_its_own_and_is_in_the_history(self, lab, store, session):
        lab.commit("sha1", orders=STABLE)
        assert store(min_runs=4).revision == 1
        assert store(min_runs=4).revision == 1
        assert store(min_runs=5).revision == 2
        events = session.query(Event).filter_by(kind="criteria_set").all()
        assert [event.evidence["criteria"] for event in events] == [
            {"from": {}, "to": {"min_runs": 4}},
            {"from": {"min_runs": 4}, "to": {"min_runs": 5}},
        ]

    def test_is_refused_if_somebody_set_them_meanwhile(self, lab, store, session):
        lab.commit("sha1", orders=STABLE)
        store(min_runs=4)
        with pytest.raises(errors.RevisionConflictError, match="criteria of Dag 'orders' are at revision 1, not 0"):
            set_criteria("orders", GivenCriteria(), lab.change(expected_revision=0), session=session)

    def test_by_the_hook_is_what_the_hook_reads(self, lab, airflow_server):
        lab.commit("sha1", orders=STABLE)
        PinningHook().set_criteria("orders", SoakCriteria(min_runs=6, compare=True), reason="agreed")
        found = PinningHook().get_criteria("orders")
        assert found["stored"] == {"min_runs": 6, "compare": True}
        assert found["criteria"]["max_duration_ratio"] == 1.5

    def test_takes_nothing_that_is_about_one_version(self):
        with pytest.raises(ValueError, match="expected_dag_hash belongs to one question"):
            SoakCriteria(expected_dag_hash="h").as_criteria()

    def test_on_the_command_line_replaces_everything(self, lab, pinning):
        lab.commit("sha1", orders=STABLE)
        assert pinning("set-criteria", "orders", "--min-runs", 4, "--compare", "-r", "agreed", "--yes").code == 0
        done = pinning("set-criteria", "orders", "--max-failures", 1, "-r", "agreed", "--yes", "-o", "json")
        assert (done.json["stored"], done.json["revision"]) == ({"max_failures": 1}, 2)
        assert "max_failures=1 instead of min_runs=4, compare=True" in done.err
        assert pinning("criteria", "orders", "-o", "json").json == done.json

    def test_dry_run_changes_nothing(self, lab, pinning):
        lab.commit("sha1", orders=STABLE)
        assert pinning("set-criteria", "orders", "--min-runs", 4, "-r", "agreed", "--dry-run").code == 0
        assert pinning("criteria", "orders", "-o", "json").json["revision"] == 0


class TestPinningAgainstAFailedVerdict:
    def test_is_refused_with_the_verdict(self, judged, lab):
        judged("success", "failed")
        with pytest.raises(errors.VerdictFailedError, match="1 of 2 finished runs failed") as refused:
            lab.pin("orders", 2)
        assert refused.value.data["verdict_reason"] == "too_many_failures"

    def test_is_recorded_if_it_is_overridden(self, judged, lab, session):
        judged("failed")
        state = lab.pin("orders", 2, override_reason="known")
        assert any("despite its failed verdict" in warning for warning in state.warnings)
        event = session.query(Event).filter_by(kind="pinned").order_by(Event.id.desc()).first()
        assert event.evidence["verdict"]["verdict"] == "failed"

    def test_is_possible_for_a_caller_that_judges_otherwise(self, judged, lab, session):
        judged("failed")
        state = pin_version("orders", Target(2), lab.change(), ignore_verdict=True, session=session)
        assert state.active.version_number == 2

    def test_rests_on_the_stored_criteria(self, judged, store, lab):
        judged("failed")
        store(max_failures=1)
        assert lab.pin("orders", 2).active.version_number == 2

    def test_without_canary_runs_is_no_matter(self, judged, lab):
        judged()
        assert lab.pin("orders", 2).warnings == ()

    def test_rollback_is_exempt(self, judged, lab):
        judged("failed")
        lab.pin("orders", 2, override_reason="known")
        lab.pin("orders", 1)
        assert lab.roll_back("orders").active.version_number == 2

    def test_is_refused_by_every_face(self, judged, api, airflow_server, pinning):
        judged("failed")
        answer = api().put(f"{PINNING}/dags/orders/pin", json={"version_number": 2, "reason": "r"})
        assert (answer.status_code, answer.json()["detail"]["reason"]) == (409, "verdict_failed")
        refused = pinning("pin", "orders", "-V", 2, "-r", "r", "--yes")
        assert (refused.code, "verdict_failed: The verdict" in refused.err) == (3, True)
        with pytest.raises(VerdictFailedError):
            PinningHook().pin("orders", version_number=2, reason="r")
        operator = PinDagVersionOperator(task_id="pin", target_dag_id="orders", version_number=2, ignore_verdict=True)
        assert operator.execute(task_context("pin"))["active"]["version_number"] == 2
