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

from contextlib import suppress
from datetime import datetime, timezone

import pytest
from airflow.api.common.trigger_dag import trigger_dag
from airflow.cli import cli_parser
from airflow.cli.commands import dag_command
from airflow.dag_processing.dagbag import DagBag
from airflow.exceptions import DagNotFound
from airflow.models.asset import AssetModel
from airflow.models.dag import DagModel
from airflow.models.dagbag import DBDagBag
from airflow.models.deadline import Deadline
from airflow.utils.state import DagRunState
from airflow.utils.types import DagRunTriggeredByType, DagRunType
from sqlalchemy import select, update

from airflow_providers_pinning.domain import locks
from airflow_providers_pinning.domain.errors import PinUnavailableError
from tests.support.backfills import backfill
from tests.support.lab import BUNDLE
from tests.support.repository import Repository
from tests.support.sources import dag_file

PINNED = dag_file(
    "orders",
    "schedule='@daily', max_active_runs=2, tags=['stable'], params={'size': Param(1, type='integer')}",
    "extract load",
    body="@task\ndef part(i): ...\npart.expand(i=[1, 2, 3])",
)
HEAD = dag_file(
    "orders",
    "schedule='@hourly', max_active_runs=7, tags=['changed'], params={'name': Param('x', type='string')}",
    "extract transform load",
    body="@task\ndef part(i): ...\npart.expand(i=[1, 2, 3, 4, 5])",
)


def schedule(lab, scheduler, api):
    scheduler.create_due_runs()


def call_rest_api(lab, scheduler, api):
    api().post("/api/v2/dags/orders/dagRuns", json={"logical_date": None, "conf": {"size": 5}})


def click_in_ui(lab, scheduler, api):
    referer = {"referer": "http://testserver/dags/orders"}
    api().post("/api/v2/dags/orders/dagRuns", json={"logical_date": None}, headers=referer)


def trigger_from_task(lab, scheduler, api):
    trigger_dag(
        "orders",
        run_type=DagRunType.OPERATOR_TRIGGERED,
        triggered_by=DagRunTriggeredByType.OPERATOR,
        conf={"size": 5},
    )


def run_cli(lab, scheduler, api):
    parser = cli_parser.get_parser()
    dag_command.dag_trigger(parser.parse_args(["dags", "trigger", "orders", "--output", "json"]))


def create_backfill(lab, scheduler, api):
    backfill()


def assert_all_use(lab, dag_id, number, *, commit, tasks):
    runs = lab.runs(dag_id)
    assert runs
    for run in runs:
        assert run.bundle_version == commit
        assert lab.used_versions(run) == {number}
        assert lab.task_ids(run) == tasks


@pytest.mark.parametrize(
    "create",
    [schedule, call_rest_api, click_in_ui, trigger_from_task, run_cli, create_backfill],
    ids=lambda f: f.__name__,
)
class TestEveryWayToCreateARun:
    def test_uses_the_pinned_version_and_its_code(self, create, lab, scheduler, api):
        lab.commit("sha1", orders=PINNED)
        lab.pin("orders", 1)
        lab.commit("sha2", orders=HEAD)

        create(lab, scheduler, api)

        assert_all_use(lab, "orders", 1, commit="sha1", tasks={"extract", "load", "part"})

    def test_uses_a_version_that_is_pinned_after_a_newer_one_was_active(self, create, lab, scheduler, api):
        lab.commit("sha1", orders=PINNED)
        lab.candidate("orders", 1)
        lab.commit("sha2", orders=HEAD)
        lab.pin("orders", 1)

        create(lab, scheduler, api)

        assert_all_use(lab, "orders", 1, commit="sha1", tasks={"extract", "load", "part"})

    def test_uses_the_latest_version_after_the_pin_is_lifted(self, create, lab, scheduler, api):
        lab.commit("sha1", orders=HEAD)
        lab.pin("orders", 1)
        lab.commit("sha2", orders=PINNED)
        lab.unpin("orders")

        create(lab, scheduler, api)

        assert_all_use(lab, "orders", 2, commit="sha2", tasks={"extract", "load", "part"})

    def test_uses_the_latest_version_of_a_dag_that_was_never_pinned(self, create, lab, scheduler, api):
        lab.commit("sha1", orders=HEAD)
        lab.candidate("orders", 1)
        lab.commit("sha2", orders=PINNED)

        create(lab, scheduler, api)

        assert_all_use(lab, "orders", 2, commit="sha2", tasks={"extract", "load", "part"})

    def test_creates_nothing_while_the_pin_cannot_be_honored(self, create, lab, scheduler, api):
        lab.commit("sha1", orders=PINNED)
        lab.pin("orders", 1)
        lab.commit("sha2", orders=HEAD)
        lab.break_pin("orders")

        with suppress(DagNotFound):
            create(lab, scheduler, api)

        assert lab.runs("orders") == []


class TestMaterializing:
    PINNED = dag_file("orders", "schedule=None", body="EmptyOperator(task_id='publish', outlets=[Asset('report')])")
    HEAD = dag_file(
        "orders",
        "schedule='@daily', params={'name': Param('x', type='string')}",
        "prepare",
        body="EmptyOperator(task_id='publish', outlets=[Asset('report')])",
    )

    def materialize(self, lab, api):
        asset = lab.session.scalars(select(AssetModel).where(AssetModel.name == "report")).one()
        return api().post(f"/api/v2/assets/{asset.id}/materialize", json={})

    def test_an_asset_is_materialized_with_the_pinned_version(self, lab, api):
        lab.commit("sha1", orders=self.PINNED)
        lab.pin("orders", 1)
        lab.commit("sha2", orders=self.HEAD)

        assert self.materialize(lab, api).status_code == 200

        assert_all_use(lab, "orders", 1, commit="sha1", tasks={"extract", "publish"})

    def test_an_asset_that_only_head_publishes_has_no_dag_to_materialize_it(self, lab, api):
        lab.commit("sha1", orders=dag_file("orders"))
        lab.pin("orders", 1)
        lab.commit("sha2", orders=self.HEAD, other=dag_file("other", "schedule=[Asset('report')]"))

        assert self.materialize(lab, api).status_code == 404


class TestParameters:
    PINNED = dag_file("orders", "params={'size': Param(1, type='integer')}")
    HEAD = dag_file("orders", "params={'name': Param(type='string')}", "extract load")

    def trigger(self, api, conf):
        return api().post("/api/v2/dags/orders/dagRuns", json={"logical_date": None, "conf": conf})

    def test_a_parameter_that_only_head_requires_is_not_required(self, lab, api):
        lab.commit("sha1", orders=self.PINNED)
        lab.pin("orders", 1)
        lab.commit("sha2", orders=self.HEAD)

        assert self.trigger(api, {}).status_code == 200

    def test_values_are_checked_against_the_pinned_parameters(self, lab, api):
        lab.commit("sha1", orders=self.PINNED)
        lab.pin("orders", 1)
        lab.commit("sha2", orders=self.HEAD)

        answer = self.trigger(api, {"size": "big"})

        assert answer.status_code == 400
        assert "size" in answer.json()["detail"]


class TestPinThatMovesWhileARunIsCreated:
    """A caller reads the Dag, the pin changes, the caller creates the run."""

    def create(self, dag, session):
        run = dag.create_dagrun(
            run_id="manual__1",
            run_after=datetime(2026, 3, 1, tzinfo=timezone.utc),
            run_type=DagRunType.MANUAL,
            triggered_by=DagRunTriggeredByType.REST_API,
            state=DagRunState.QUEUED,
            session=session,
        )
        session.flush()
        return run

    def test_the_run_is_wholly_of_the_version_that_is_pinned_by_then(self, lab, session):
        lab.commit("sha1", orders=PINNED)
        lab.pin("orders", 1)
        lab.commit("sha2", orders=HEAD)
        read_before = DBDagBag().get_latest_version_of_dag("orders", session=session)
        lab.pin("orders", 2)

        run = self.create(read_before, session)

        assert run.bundle_version == "sha2"
        assert lab.used_versions(run) == {2}
        assert lab.task_ids(run) == {"extract", "transform", "load", "part"}

    def test_the_run_is_wholly_of_the_first_version_that_is_ever_pinned(self, lab, session):
        lab.commit("sha1", orders=PINNED)
        lab.candidate("orders", 1)
        lab.commit("sha2", orders=HEAD)
        read_before = DBDagBag().get_latest_version_of_dag("orders", session=session)
        lab.pin("orders", 1)

        run = self.create(read_before, session)

        assert run.bundle_version == "sha1"
        assert lab.used_versions(run) == {1}
        assert lab.task_ids(run) == {"extract", "load", "part"}

    def test_the_run_is_wholly_of_the_latest_version_if_the_pin_is_lifted(self, lab, session):
        lab.commit("sha1", orders=PINNED)
        lab.pin("orders", 1)
        lab.commit("sha2", orders=HEAD)
        read_before = DBDagBag().get_latest_version_of_dag("orders", session=session)
        lab.unpin("orders")

        run = self.create(read_before, session)

        assert run.bundle_version == "sha2"
        assert lab.used_versions(run) == {2}
        assert lab.task_ids(run) == {"extract", "transform", "load", "part"}

    def test_parameters_are_those_of_the_version_that_is_pinned_by_then(self, lab, session):
        lab.commit("sha1", orders=dag_file("orders"))
        lab.pin("orders", 1)
        lab.commit("sha2", orders=TestParameters.HEAD)
        read_before = DBDagBag().get_latest_version_of_dag("orders", session=session)
        lab.pin("orders", 2)

        with pytest.raises(ValueError, match="name"):
            self.create(read_before, session)

    def test_no_run_is_created_if_the_pinned_version_is_rewritten(self, lab, session):
        lab.commit("sha1", orders=PINNED)
        lab.pin("orders", 1)
        read_before = DBDagBag().get_latest_version_of_dag("orders", session=session)
        lab.break_pin("orders")

        with pytest.raises(PinUnavailableError, match="pinned to version 1, which was rewritten"):
            self.create(read_before, session)

    def test_no_run_is_created_if_the_pinned_version_is_removed(self, lab, session):
        lab.commit("sha1", orders=PINNED)
        lab.pin("orders", 1)
        read_before = DBDagBag().get_latest_version_of_dag("orders", session=session)
        lab.remove_version("orders", 1)

        with pytest.raises(PinUnavailableError, match="pinned to version 1, which was deleted"):
            self.create(read_before, session)


def test_a_run_right_after_the_pin_uses_the_pinned_code_before_any_parse(lab, session):
    lab.commit("sha1", orders=PINNED)
    lab.candidate("orders", 1)
    lab.commit("sha2", orders=HEAD)
    lab.pin("orders", 1)

    run = trigger_dag("orders", triggered_by=DagRunTriggeredByType.REST_API, session=session)

    assert run.bundle_version == "sha1"


def test_a_run_uses_the_pinned_code_even_if_the_scheduling_metadata_was_overwritten(lab, session):
    lab.commit("sha1", orders=PINNED)
    lab.pin("orders", 1)
    lab.commit("sha2", orders=HEAD)
    session.execute(update(DagModel).values(bundle_version="sha2"))

    run = trigger_dag("orders", triggered_by=DagRunTriggeredByType.REST_API, session=session)

    assert run.bundle_version == "sha1"
    assert lab.used_versions(run) == {1}


def test_a_run_of_a_pinned_dag_gets_the_deadlines_of_the_pinned_version(lab, session):
    source = (
        "schedule=None, deadline=DeadlineAlert(reference=DeadlineReference.DAGRUN_QUEUED_AT, "
        "interval=timedelta(hours={hours}), callback=AsyncCallback('asyncio.sleep'))"
    )
    lab.commit("sha1", orders=dag_file("orders", source.format(hours=1)))
    lab.pin("orders", 1)
    lab.commit("sha2", orders=dag_file("orders", source.format(hours=9), "extract load"))

    run = trigger_dag("orders", triggered_by=DagRunTriggeredByType.REST_API, session=session)
    session.flush()

    deadline = session.scalars(select(Deadline).where(Deadline.dagrun_id == run.id)).one()
    assert (deadline.deadline_time - run.queued_at).total_seconds() == pytest.approx(3600, abs=5)


def test_a_thousand_tasks_all_get_the_pinned_version(lab, session):
    thousand = "for i in range(1000):\n    EmptyOperator(task_id=f'task_{i}')"
    lab.commit("sha1", orders=dag_file("orders", tasks="", body=thousand))
    lab.pin("orders", 1)
    lab.commit("sha2", orders=dag_file("orders", tasks="", body=thousand.replace("1000", "1001")))

    run = trigger_dag("orders", triggered_by=DagRunTriggeredByType.REST_API, session=session)

    assert len(lab.task_ids(run)) == 1000
    assert lab.used_versions(run) == {1}


def test_task_groups_are_those_of_the_pinned_version(lab, session):
    group = "@task_group\ndef stage():\n    EmptyOperator(task_id='load')\nstage()"
    lab.commit("sha1", orders=dag_file("orders", tasks="", body=group))
    lab.pin("orders", 1)
    lab.commit("sha2", orders=dag_file("orders", tasks="", body=group.replace("stage", "step")))

    run = trigger_dag("orders", triggered_by=DagRunTriggeredByType.REST_API, session=session)

    assert lab.task_ids(run) == {"stage.load"}


class TestAssets:
    PINNED = dag_file("orders", "schedule=[Asset('raw')], max_active_runs=2", "extract load")
    HEAD = dag_file("orders", "schedule=[Asset('raw') | Asset('other')], max_active_runs=7", "extract transform load")

    def test_an_asset_triggers_the_pinned_version(self, lab, scheduler):
        lab.commit("sha1", orders=self.PINNED)
        lab.pin("orders", 1)
        lab.commit("sha2", orders=self.HEAD)

        lab.publish("raw")
        scheduler.create_due_runs()

        assert_all_use(lab, "orders", 1, commit="sha1", tasks={"extract", "load"})

    def test_an_asset_that_only_head_listens_to_triggers_nothing(self, lab, scheduler):
        lab.commit("sha1", orders=self.PINNED)
        lab.pin("orders", 1)
        lab.commit("sha2", orders=dag_file("orders", "schedule=[Asset('other')]"))

        lab.publish("other")
        scheduler.create_due_runs()

        assert lab.runs("orders") == []

    def test_an_asset_that_only_the_pinned_version_listens_to_triggers_it(self, lab, scheduler):
        lab.commit("sha1", orders=self.PINNED)
        lab.pin("orders", 1)
        lab.commit("sha2", orders=dag_file("orders", "schedule='@daily'", "extract transform"))

        lab.publish("raw")
        scheduler.create_due_runs()

        assert_all_use(lab, "orders", 1, commit="sha1", tasks={"extract", "load"})

    def test_an_event_that_waits_while_the_pin_moves_triggers_the_version_pinned_by_then(self, lab, scheduler):
        lab.commit("sha1", orders=self.PINNED)
        lab.pin("orders", 1)
        lab.commit("sha2", orders=self.HEAD)

        lab.publish("raw")
        lab.pin("orders", 2)
        scheduler.create_due_runs()

        assert_all_use(lab, "orders", 2, commit="sha2", tasks={"extract", "transform", "load"})


class TestPartitions:
    PINNED = dag_file("orders", "schedule=PartitionedAssetTimetable(assets=Asset('raw'))", "extract load")
    HEAD = dag_file(
        "orders",
        "schedule=PartitionedAssetTimetable(assets=Asset('raw'), default_partition_mapper=StartOfDayMapper())",
        "extract transform load",
    )

    def test_a_partition_triggers_the_pinned_version_under_its_own_mapping(self, lab, scheduler):
        lab.commit("sha1", orders=self.PINNED)
        lab.pin("orders", 1)
        lab.commit("sha2", orders=self.HEAD)

        lab.publish("raw", partition_key="2026-03-01T10:00:00")
        scheduler.create_due_runs()

        assert_all_use(lab, "orders", 1, commit="sha1", tasks={"extract", "load"})
        assert [run.partition_key for run in lab.runs("orders")] == ["2026-03-01T10:00:00"]

    def test_a_partition_that_waits_keeps_waiting_while_head_changes_the_mapping(self, lab, scheduler):
        lab.commit("sha1", orders=self.PINNED)
        lab.pin("orders", 1)

        lab.publish("raw", partition_key="north")
        lab.commit("sha2", orders=self.HEAD)
        scheduler.create_due_runs()

        assert [run.partition_key for run in lab.runs("orders")] == ["north"]


class TestLocks:
    """A Dag that was never pinned has no pin to lock: its first one would slip in before the run."""

    @pytest.fixture
    def passed(self, session, monkeypatch):
        """Return the Dags whose gate was passed; what that locks is in ``tests/integration/test_locks.py``."""
        dag_ids = []
        # On PostgreSQL it is passed with a statement of stock, by its number.
        name = "gate_key" if session.get_bind().dialect.name == "postgresql" else "pass_gate"
        original = getattr(locks, name)

        def spy(dag_id, **options):
            dag_ids.append(dag_id)
            return original(dag_id, **options)

        monkeypatch.setattr(locks, name, spy)
        return dag_ids

    @pytest.mark.parametrize("create", [call_rest_api, trigger_from_task, create_backfill], ids=lambda f: f.__name__)
    def test_a_path_that_does_not_hold_the_dag_locks_it(self, create, lab, scheduler, api, passed):
        lab.commit("sha1", orders=PINNED)
        create(lab, scheduler, api)
        assert set(passed) == {"orders"}

    def test_the_creation_of_a_partitioned_run_locks_the_dag(self, lab, scheduler, passed):
        lab.commit("sha1", orders=TestPartitions.PINNED)
        lab.publish("raw", partition_key="north")
        scheduler.create_due_runs()
        assert lab.runs("orders")
        assert passed == ["orders"]

    @pytest.mark.parametrize("source", [PINNED, TestAssets.PINNED], ids=["scheduled", "asset-triggered"])
    def test_the_scheduler_does_not_lock_a_dag_twice_that_it_holds(self, source, lab, scheduler, passed):
        lab.commit("sha1", orders=source)
        lab.publish("raw")
        scheduler.create_due_runs()
        assert lab.runs("orders")
        assert passed == []


class TestDagTest:
    """``dag.test`` runs the code at hand, whatever is pinned."""

    @pytest.fixture
    def local(self, lab, tmp_path, monkeypatch):
        """Pin version 1, register version 2, and return the Dag of the checkout at hand."""
        repository = Repository(tmp_path / "repository")
        monkeypatch.setenv("AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_STORAGE_PATH", str(tmp_path / "bundles"))
        for name, value in repository.configuration(BUNDLE).items():
            monkeypatch.setenv(name, value)
        v1, v2 = dag_file("orders"), dag_file("orders", tasks="extract load")
        lab.commit(repository.commit(orders=v1), orders=v1)
        lab.pin("orders", 1)
        lab.commit(repository.commit(orders=v2), orders=v2)
        at_hand = tmp_path / "at_hand"
        at_hand.mkdir()
        (at_hand / "orders.py").write_text(v2)
        return DagBag(at_hand, bundle_path=at_hand, bundle_name=BUNDLE).dags["orders"]

    def test_uses_the_code_at_hand(self, local, lab):
        run = local.test()

        assert run.state == "success"
        assert lab.task_ids(run) == {"extract", "load"}
        assert lab.used_versions(run) == {2}

    def test_leaves_the_pin_and_the_schedule(self, local, lab):
        before = lab.bytes_of("orders", 1)

        local.test()

        assert lab.pin_state("orders").active.version_number == 1
        assert lab.pin_state("orders").health.problems == ()
        assert lab.bytes_of("orders", 1) == before
        assert lab.dag_model("orders").bundle_version == lab.version("orders", 1).bundle_version
