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

from types import SimpleNamespace

import pytest
from airflow import settings
from airflow.dag_processing.dagbag import DagBag
from airflow.models.dag_version import DagVersion
from airflow.models.serialized_dag import SerializedDagModel
from airflow.serialization.serialized_objects import DagSerialization
from airflow.utils.state import DagRunState, TaskInstanceState
from airflow.utils.types import DagRunTriggeredByType
from sqlalchemy import Select, text, update
from sqlalchemy.orm import Session

from airflow_providers_pinning.enforcement.versions.serialized_dag import stamp_of
from airflow_providers_pinning.models import Pin
from tests.support.backfills import backfill
from tests.support.remembered import remembered
from tests.support.sources import dag_file
from tests.support.statements import recorded
from tests.support.stock import without_enforcement

V1 = dag_file("orders", "schedule=None, max_active_runs=2", "extract load")
V2 = dag_file("orders", "schedule=None, max_active_runs=7", "extract transform load")


def latest_number(dag_id, session, **options):
    version = DagVersion.get_latest_version(dag_id, session=session, **options)
    return version and version.version_number


@pytest.fixture
@remembered
def pinned(lab):
    """Pin version 1 and register version 2."""
    lab.pin_first_of_two(V1, V2)
    return lab


class TestLatestVersion:
    def test_is_the_pinned_one(self, pinned, session):
        assert latest_number("orders", session) == 1

    def test_is_the_newest_one_again_after_unpinning(self, pinned, session):
        pinned.unpin("orders")

        assert latest_number("orders", session) == 2

    def test_of_another_dag_is_its_newest_one(self, pinned, session):
        pinned.commit("sha3", invoices=dag_file("invoices"))

        assert latest_number("invoices", session) == 1

    def test_is_none_if_the_pinned_one_was_rewritten(self, pinned, session):
        pinned.break_pin("orders")

        assert latest_number("orders", session) is None

    def test_is_none_if_the_pinned_one_is_gone(self, pinned, session):
        pinned.remove_version("orders", 1)

        assert latest_number("orders", session) is None

    def test_is_none_if_only_the_structure_of_the_pinned_one_was_rewritten(self, pinned, session):
        session.execute(
            update(SerializedDagModel)
            .where(SerializedDagModel.dag_version_id == pinned.version("orders", 1).id)
            .values(dag_hash="rewritten")
        )

        assert latest_number("orders", session) is None

    def test_of_a_commit_that_is_named_is_found_whatever_is_pinned(self, pinned, session):
        assert latest_number("orders", session, bundle_version="sha1") == 1
        assert latest_number("orders", session, bundle_version="sha2") == 2
        assert latest_number("orders", session, bundle_version="sha9") is None

    def test_loads_what_is_asked_for_with_it(self, pinned, session):
        version = DagVersion.get_latest_version("orders", load_dag_model=True, load_bundle_model=True, session=session)

        assert version.dag_model.dag_id == "orders"
        assert version.bundle.name == "team_dags"

    def test_is_looked_up_without_a_session_too(self, pinned):
        assert DagVersion.get_latest_version("orders").version_number == 1

    def test_does_not_decide_which_number_comes_next(self, pinned):
        pinned.candidate("orders", 2)

        pinned.commit("sha3", orders=dag_file("orders"))

        assert pinned.numbers("orders") == [1, 2, 3]


class TestLatestSerializedDag:
    def test_is_the_pinned_one(self, pinned, session):
        assert SerializedDagModel.get("orders", session=session).dag.task_ids == ["extract", "load"]

    def test_is_none_if_the_pinned_one_was_rewritten(self, pinned, session):
        pinned.break_pin("orders")

        assert SerializedDagModel.get("orders", session=session) is None

    def test_is_selected_by_a_statement_that_backfills_can_execute(self, pinned):
        assert isinstance(SerializedDagModel.latest_item_select_object("orders"), Select)

    def test_is_the_pinned_one_in_the_form_for_mysql_too(self, pinned, session, monkeypatch):
        monkeypatch.setattr(settings, "engine", SimpleNamespace(dialect=SimpleNamespace(name="mysql")))

        assert SerializedDagModel.get("orders", session=session).dag.task_ids == ["extract", "load"]

    def test_of_many_dags_are_the_pinned_ones_of_those_that_are_pinned(self, pinned, session):
        pinned.commit("sha3", invoices=dag_file("invoices"), broken=dag_file("broken"))
        pinned.pin("broken", 1)
        pinned.break_pin("broken")

        found = SerializedDagModel.get_latest_serialized_dags(dag_ids=["orders", "invoices", "broken"], session=session)

        assert {row.dag_id: row.dag_version.version_number for row in found} == {"orders": 1, "invoices": 1}

    def test_of_many_dags_are_the_newest_that_were_serialized_as_ever(self, pinned, session):
        pinned.unpin("orders")
        session.delete(pinned.serialized("orders", 2))
        session.commit()

        [found] = SerializedDagModel.get_latest_serialized_dags(dag_ids=["orders"], session=session)

        assert found.dag_version.version_number == 1

    def test_of_all_dags_are_the_active_ones(self, pinned, session):
        pinned.commit("sha3", invoices=dag_file("invoices"))

        found = SerializedDagModel.read_all_dags(session=session)

        assert {dag_id: len(dag.task_ids) for dag_id, dag in found.items()} == {"orders": 2, "invoices": 1}


def test_a_dag_from_the_database_knows_which_version_it_is(pinned, session):
    """The creation of a run compares it with the pin, and reads the Dag anew only if they differ."""
    serialized = pinned.serialized("orders", 2)

    assert stamp_of(serialized.dag) == (serialized.dag_version_id, serialized.dag_hash)


def test_a_dag_that_was_not_read_from_the_database_is_of_no_version(tmp_path):
    (tmp_path / "orders.py").write_text(V1)
    dag = DagBag(tmp_path, bundle_path=tmp_path, bundle_name="local").dags["orders"]

    assert stamp_of(DagSerialization.deserialize_dag(DagSerialization.serialize_dag(dag))) is None


class TestCost:
    def read(self, session):
        DagVersion.get_latest_version("orders", session=session)
        SerializedDagModel.get("orders", session=session)
        SerializedDagModel.get_latest_serialized_dags(dag_ids=["orders"], session=session)

    def test_a_pin_takes_no_statement_of_its_own(self, pinned, session):
        with recorded(Session) as with_pin:
            self.read(session)
        with without_enforcement(), recorded(Session) as in_stock:
            self.read(session)

        assert len(with_pin) == len(in_stock) == 3

    @pytest.mark.parametrize(
        "statement",
        [
            pytest.param(lambda: SerializedDagModel.latest_item_select_object("orders"), id="one Dag"),
            pytest.param(lambda: SerializedDagModel._latest_by_version_select(["orders"]), id="many Dags"),
        ],
    )
    def test_pins_are_probed_by_their_primary_key(self, statement, pinned, session):
        session.add_all(Pin(dag_id=f"dag_{i}", revision=0, last_run_before=0) for i in range(1000))
        session.flush()
        sql = str(statement().compile(session.get_bind(), compile_kwargs={"literal_binds": True}))

        plan = [row.detail for row in session.execute(text(f"EXPLAIN QUERY PLAN {sql}"))]

        assert [step for step in plan if "pinning_pin" in step] == [
            "SEARCH pinning_pin USING INDEX sqlite_autoindex_pinning_pin_1 (dag_id=?)"
        ]


class TestUserInterface:
    def test_shows_the_pinned_structure(self, pinned, api):
        tasks = api().get("/api/v2/dags/orders/tasks").json()["tasks"]

        assert [task["task_id"] for task in tasks] == ["extract", "load"]

    def test_shows_the_pinned_limits(self, pinned, api):
        assert api().get("/api/v2/dags/orders/details").json()["max_active_runs"] == 2


class TestClearing:
    @pytest.fixture
    def finished(self, lab, session):
        """Finish a run of version 1, then register versions 2 and 3, and pin version 2."""
        from airflow.api.common.trigger_dag import trigger_dag

        def finish(arguments="schedule=None"):
            lab.commit("sha1", orders=dag_file("orders", arguments, "extract load"))
            run = trigger_dag("orders", triggered_by=DagRunTriggeredByType.REST_API, session=session)
            for ti in run.task_instances:
                ti.state = TaskInstanceState.SUCCESS
            run.state = DagRunState.SUCCESS
            session.commit()
            lab.commit("sha2", orders=dag_file("orders", arguments, "extract check load"))
            lab.pin("orders", 2)
            lab.commit("sha3", orders=dag_file("orders", arguments, "extract transform load"))
            return run

        return finish

    def clear(self, api, run, **body):
        answer = api().post(f"/api/v2/dags/orders/dagRuns/{run.run_id}/clear", json={"dry_run": False, **body})
        assert answer.status_code == 200, answer.text

    def test_on_the_latest_version_moves_the_run_to_the_pinned_one(self, finished, lab, api, session):
        run = finished()

        self.clear(api, run, run_on_latest_version=True)
        session.refresh(run)

        assert run.bundle_version == "sha2"
        assert lab.used_versions(run) == {2}
        assert lab.task_ids(run) == {"extract", "check", "load"}

    def test_by_the_dags_own_setting_moves_the_run_to_the_pinned_one(self, finished, lab, api, session):
        run = finished("rerun_with_latest_version=True")

        self.clear(api, run)
        session.refresh(run)

        assert run.bundle_version == "sha2"
        assert lab.used_versions(run) == {2}
        assert lab.task_ids(run) == {"extract", "check", "load"}

    def test_keeps_the_version_of_the_run_otherwise(self, finished, lab, api, session):
        run = finished()

        self.clear(api, run)
        session.refresh(run)

        assert run.bundle_version == "sha1"
        assert lab.used_versions(run) == {1}
        assert lab.task_ids(run) == {"extract", "load"}

    def test_only_new_tasks_adds_those_of_the_pinned_version(self, finished, lab, api, session):
        run = finished()

        self.clear(api, run, only_new=True, run_on_latest_version=True)
        session.refresh(run)

        assert run.bundle_version == "sha2"
        assert lab.task_ids(run) == {"extract", "check", "load"}

    def test_a_backfill_that_reprocesses_a_run_moves_it_to_the_pinned_version(self, lab, session):
        from airflow.models.backfill import ReprocessBehavior

        daily = "schedule='@daily'"
        lab.commit("sha1", orders=dag_file("orders", daily, "extract load"))
        backfill(run_on_latest_version=True)
        [run] = lab.runs("orders")
        run.state = DagRunState.SUCCESS
        run.backfill.completed_at = run.run_after
        session.commit()
        lab.commit("sha2", orders=dag_file("orders", daily, "extract check load"))
        lab.pin("orders", 2)
        lab.commit("sha3", orders=dag_file("orders", daily, "extract transform load"))

        backfill(reprocess=ReprocessBehavior.COMPLETED, run_on_latest_version=True)

        [run] = lab.runs("orders")
        session.refresh(run)
        assert run.bundle_version == "sha2"
        assert lab.used_versions(run) == {2}
        assert lab.task_ids(run) == {"extract", "check", "load"}
