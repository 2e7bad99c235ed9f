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

from datetime import timedelta

import pytest
from airflow._shared.timezones.timezone import utcnow
from airflow.models.asset import AssetModel
from airflow.models.dagrun import DagRun
from airflow.utils.state import DagRunState
from airflow.utils.types import DagRunTriggeredByType, DagRunType
from sqlalchemy import select

from airflow_providers_pinning.domain.history.events import Caller, Change
from airflow_providers_pinning.domain.policies import store
from airflow_providers_pinning.models import RoutedRun
from airflow_providers_pinning.schemas.policies import validated
from airflow_providers_pinning.vocabulary import CANARY_PREFIX
from tests.support.remembered import remembered
from tests.support.sources import dag_file
from tests.support.statements import sent

RUNS = "/api/v2/dags/orders/dagRuns"


@pytest.fixture
@remembered
def pinned(lab):
    """Return a deployment with a Dag that is pinned to the first of two commits."""
    lab.commit("sha1", orders=dag_file("orders", tasks="extract"))
    lab.pin("orders", 1)
    lab.commit("sha2", orders=dag_file("orders", tasks="extract load"))
    lab.session.commit()
    return lab


def asked(api, commit, role="op", username=None, **body):
    return api(role, username=username).post(RUNS, json={"logical_date": None, "bundle_version": commit, **body})


def run_of(session, answer):
    session.expire_all()
    return session.scalars(select(DagRun).where(DagRun.run_id == answer.json()["dag_run_id"])).one()


def test_run_of_another_commit_than_is_pinned_is_a_canary_run(pinned, api, session):
    answer = asked(api, "sha2", conf={"day": 1}, note="to see")

    assert answer.status_code == 200, answer.text
    run = run_of(session, answer)
    assert run.run_id.startswith(CANARY_PREFIX)
    assert run.bundle_version == "sha2"
    assert run.created_dag_version_id == pinned.version("orders", 2).id
    assert len(run.task_instances) == 2
    assert (run.conf, run.note) == ({"day": 1}, "to see")
    assert session.get(RoutedRun, ("orders", run.run_id)).dag_version_id == run.created_dag_version_id


def test_run_of_the_pinned_commit_is_an_ordinary_one(pinned, api, session):
    answer = asked(api, "sha1", dag_run_id="mine")

    assert answer.status_code == 200, answer.text
    run = run_of(session, answer)
    assert (run.run_id, run.bundle_version) == ("mine", "sha1")
    assert run.created_dag_version_id == pinned.version("orders", 1).id
    assert session.get(RoutedRun, ("orders", "mine")) is None


def test_run_of_a_dag_that_is_not_pinned_is_an_ordinary_one(pinned, api, session):
    pinned.unpin("orders")
    session.commit()

    run = run_of(session, asked(api, "sha2", dag_run_id="mine"))

    assert (run.run_id, run.bundle_version) == ("mine", "sha2")
    assert session.get(RoutedRun, ("orders", "mine")) is None


def test_run_of_a_dag_that_was_never_pinned_costs_no_statement_of_ours(lab, api, session):
    lab.commit("sha1", orders=dag_file("orders"))
    session.commit()

    with sent(session) as statements:
        assert asked(api, "sha1").status_code == 200

    airflows = ("FROM serialized_dag", "FROM dag_version")
    ours = [one for one in statements if "pinning_pin" in one or "pg_advisory" in one]
    apart = [one for one in ours if not any(table in one for table in airflows)]
    # SQLite, which has one writer, has no gate to be passed with a statement of Airflow's.
    assert len(apart) == (0 if session.get_bind().dialect.name == "postgresql" else 2), apart


def test_run_of_a_commit_that_the_dag_never_had_is_refused(pinned, api, session):
    assert asked(api, "sha9").status_code == 404
    assert session.scalars(select(DagRun)).all() == []


def test_partition_that_the_version_does_not_have_is_refused(pinned, api, session):
    assert asked(api, "sha2", partition_key="a").status_code in {400, 422}
    assert session.scalars(select(DagRun)).all() == []


def test_configuration_that_does_not_fit_the_version_is_refused(lab, api, session):
    lab.commit("sha1", orders=dag_file("orders", "params={'day': Param('monday', type='string')}"))
    lab.pin("orders", 1)
    lab.commit("sha2", orders=dag_file("orders", "params={'day': Param(1, type='integer')}"))
    session.commit()

    assert asked(api, "sha2", conf={"day": "monday"}).status_code == 400
    assert asked(api, "sha1", conf={"day": "monday"}).status_code == 200


def test_who_may_not_create_runs_creates_no_canary_run(pinned, api, session):
    assert asked(api, "sha2", role="viewer").status_code == 403
    assert session.scalars(select(DagRun)).all() == []


class TestWhoMayStartCanaryRuns:
    @pytest.fixture
    def may_edit(self, airflow_app, monkeypatch):
        """Return the answers that the auth manager gives to whether somebody may edit a Dag."""
        answers, ask = [], airflow_app.state.auth_manager.is_authorized_dag

        def is_authorized(*, method, access_entity=None, **asked):
            if method == "PUT" and access_entity is None:
                return answers[-1]
            return ask(method=method, access_entity=access_entity, **asked)

        monkeypatch.setattr(airflow_app.state.auth_manager, "is_authorized_dag", is_authorized)
        return answers

    def test_who_may_not_edit_the_dag_is_told_so(self, pinned, api, session, may_edit):
        may_edit.append(False)

        answer = asked(api, "sha2")

        assert answer.status_code == 403
        assert "Missing: edit the Dag" in answer.json()["detail"]
        assert session.scalars(select(DagRun)).all() == []

    def test_who_may_not_edit_the_dag_gets_runs_of_the_pinned_commit(self, pinned, api, session, may_edit):
        may_edit.append(False)

        assert asked(api, "sha1").status_code == 200

    def test_who_asks_is_known_to_the_canary_run(self, pinned, api, session):
        answer = asked(api, "sha2", username="bob")

        assert run_of(session, answer).triggering_user_name == "bob"

    def test_code_that_asks_for_nobody_is_refused(self, pinned, session):
        dag = pinned.serialized("orders", 1).dag
        with pytest.raises(ValueError, match="the requesting user is unknown"):
            dag.create_dagrun(
                run_id="mine",
                run_after=utcnow(),
                run_type=DagRunType.MANUAL,
                triggered_by=DagRunTriggeredByType.REST_API,
                state=DagRunState.QUEUED,
                bundle_version="sha2",
                session=session,
            )


class TestWhatIsKept:
    def test_logical_date_and_interval_are_those_that_were_given(self, pinned, api, session):
        date = "2026-01-05T10:00:00.123000Z"
        dates = {"data_interval_start": "2026-01-04T00:00:00Z", "data_interval_end": "2026-01-05T00:00:00Z"}

        run = run_of(session, asked(api, "sha2", logical_date=date, run_after="2026-02-01T00:00:00Z", **dates))

        assert run.logical_date.isoformat() == "2026-01-05T10:00:00.123000+00:00"
        assert run.data_interval_start.isoformat() == "2026-01-04T00:00:00+00:00"
        assert run.run_after.isoformat() == "2026-02-01T00:00:00+00:00"

    def test_logical_date_that_a_scheduled_run_may_have_is_refused(self, pinned, api, session):
        answer = asked(api, "sha2", logical_date="2026-01-05T00:00:00Z")

        assert answer.status_code == 400
        assert "must not take the logical date of a scheduled run" in answer.json()["detail"]

    def test_run_id_is_refused(self, pinned, api, session):
        answer = asked(api, "sha2", dag_run_id="mine")

        assert answer.status_code == 400
        assert "Omit dag_run_id, 'mine'" in answer.json()["detail"]
        assert session.scalars(select(DagRun)).all() == []

    def test_partition_is_the_one_that_was_given(self, lab, api, session):
        partitioned = (
            "schedule=PartitionedAssetTimetable(assets=Asset('one'), default_partition_mapper=IdentityMapper())"
        )
        lab.commit("sha1", orders=dag_file("orders", partitioned, tasks="extract"))
        lab.pin("orders", 1)
        lab.commit("sha2", orders=dag_file("orders", partitioned, tasks="extract load"))
        session.commit()

        answer = asked(api, "sha2", partition_key="eu")

        assert answer.status_code == 200, answer.text
        run = run_of(session, answer)
        assert (run.partition_key, run.logical_date) == ("eu", None)
        assert session.get(RoutedRun, ("orders", run.run_id)) is not None


class TestMaterialization:
    """Of an asset, which names no Dag."""

    @pytest.fixture
    @remembered
    def asset(self, lab, session):
        for commit, tasks in (("sha1", "extract"), ("sha2", "extract load")):
            lab.commit(
                commit,
                orders=dag_file(
                    "orders", tasks=tasks, body="EmptyOperator(task_id='publish', outlets=[Asset('report')])"
                ),
            )
            if commit == "sha1":
                lab.pin("orders", 1)
        session.commit()
        return session.scalars(select(AssetModel)).one().id

    def materialize(self, api, asset, commit):
        return api().post(f"/api/v2/assets/{asset}/materialize", json={"bundle_version": commit})

    def test_with_another_commit_than_is_pinned_is_a_canary_run(self, lab, api, session, asset):
        answer = self.materialize(api, asset, "sha2")

        assert answer.status_code == 200, answer.text
        run = run_of(session, answer)
        assert run.created_dag_version_id == lab.version("orders", 2).id
        assert session.get(RoutedRun, ("orders", run.run_id)) is not None

    def test_with_the_pinned_commit_is_an_ordinary_run(self, lab, api, session, asset):
        answer = self.materialize(api, asset, "sha1")

        assert answer.status_code == 200, answer.text
        run = run_of(session, answer)
        assert run.run_type == DagRunType.ASSET_MATERIALIZATION
        assert run.created_dag_version_id == lab.version("orders", 1).id


class TestWhileAChangeIsPending:
    @pytest.fixture
    def moment(self, pinned):
        moment = utcnow() + timedelta(hours=1)
        pinned.pin_from("orders", 2, moment)
        return moment

    def test_commit_that_is_pinned_at_the_time_of_the_run_gives_an_ordinary_one(self, pinned, moment, api, session):
        early = run_of(session, asked(api, "sha1", dag_run_id="early"))
        late = run_of(session, asked(api, "sha2", dag_run_id="late", run_after=moment.isoformat()))

        assert (early.run_id, early.bundle_version) == ("early", "sha1")
        assert (late.run_id, late.bundle_version) == ("late", "sha2")
        assert session.scalars(select(RoutedRun)).all() == []

    def test_any_other_commit_gives_a_canary_run(self, pinned, moment, api, session):
        early = run_of(session, asked(api, "sha2"))
        late = run_of(session, asked(api, "sha1", run_after=moment.isoformat()))

        assert early.run_id.startswith(CANARY_PREFIX)
        assert late.run_id.startswith(CANARY_PREFIX)
        assert (early.bundle_version, late.bundle_version) == ("sha2", "sha1")


class TestPinnedCommitThatFails:
    @pytest.fixture
    def failing(self, pinned, session):
        policy = {
            "name": "critical",
            "match": {"dag_ids": ["orders"]},
            "auto_rollback": {"max_failures": 0, "within_runs": 5, "when_nothing_is_stable": "wait"},
        }
        store.apply(validated({"policies": [policy]}), Change(Caller("ruler"), "because"), session=session)
        session.commit()
        return pinned

    def fail(self, api, session, commit):
        run = run_of(session, asked(api, commit))
        run.state = DagRunState.FAILED
        session.commit()

    def test_gets_no_run_and_is_rolled_back(self, failing, api, session):
        self.succeed(api, session)
        failing.pin("orders", 2)
        self.fail(api, session, "sha2")

        answer = asked(api, "sha2")

        assert answer.status_code == 400, answer.text
        assert "failed more often than a release policy allows, and is being rolled back" in answer.text
        assert failing.pin_row("orders").version_number == 1
        assert asked(api, "sha1").status_code == 200

    def succeed(self, api, session):
        run = run_of(session, asked(api, "sha1"))
        run.state = DagRunState.SUCCESS
        session.commit()

    def test_gets_no_run_while_runs_wait_for_a_person(self, failing, api, session):
        self.fail(api, session, "sha1")

        for _ in range(2):
            answer = asked(api, "sha1")
            assert answer.status_code == 400, answer.text
            assert "there is no stable version to return to" in answer.text
        assert len(failing.runs("orders")) == 1


def test_run_of_the_pinned_commit_cannot_be_named_like_a_canary_run(pinned, api, session):
    canary = run_of(session, asked(api, "sha2")).run_id

    answer = asked(api, "sha1", dag_run_id=canary.replace("v2", "v1"))

    assert answer.status_code == 400, answer.text
    assert "is the ID of a canary run" in answer.text
