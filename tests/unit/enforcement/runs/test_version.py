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
from airflow.models.dagbag import DBDagBag
from airflow.models.taskinstance import TaskInstance
from airflow.utils.state import DagRunState, TaskInstanceState
from airflow.utils.types import DagRunTriggeredByType
from sqlalchemy import select
from sqlalchemy.orm import Session, object_session

from tests.support.mapping import expand, push_items
from tests.support.remembered import remembered
from tests.support.sources import dag_file
from tests.support.statements import recorded, waits_for_changes


def trigger(session, run_id=None):
    return trigger_dag("orders", run_id=run_id, triggered_by=DagRunTriggeredByType.REST_API, session=session)


def start(run):
    """Let a run be under way, with tasks that were scheduled."""
    run.state = DagRunState.RUNNING
    for ti in run.task_instances:
        ti.state = TaskInstanceState.SCHEDULED
    object_session(run).flush()


class TestRunWithoutABundleVersion:
    """Its Dag came from a bundle that was not versioned yet when the run was created."""

    @pytest.fixture
    @remembered
    def run(self, lab, session):
        lab.commit(None, orders=dag_file("orders", tasks="extract load"))
        run = trigger(session)
        session.commit()
        lab.commit("sha1", orders=dag_file("orders", tasks="extract transform load"))
        return run

    def read(self, run, session):
        return DBDagBag().get_dag_for_run(run, session=session).task_ids

    def test_keeps_its_version_while_the_dag_is_pinned(self, run, lab, session):
        lab.pin("orders", 2)

        assert self.read(run, session) == ["extract", "load"]

    def test_keeps_its_version_when_its_task_instances_are_verified(self, run, lab, session, scheduler):
        lab.pin("orders", 2)
        start(run)

        assert scheduler.runner._verify_integrity_if_dag_changed(dag_run=run, session=session)
        session.flush()

        assert lab.used_versions(run) == {1}
        assert lab.task_ids(run) == {"extract", "load"}

    def test_moves_to_the_latest_version_as_ever_if_the_dag_is_not_pinned(self, run, lab, session, scheduler):
        assert self.read(run, session) == ["extract", "transform", "load"]

        start(run)
        scheduler.runner._verify_integrity_if_dag_changed(dag_run=run, session=session)
        session.flush()

        assert lab.task_ids(run) == {"extract", "transform", "load"}
        assert lab.used_versions(run) == {1, 2}

    def test_that_lost_its_version_too_uses_the_pinned_one(self, run, lab, session, scheduler):
        lab.pin("orders", 2)
        lab.commit("sha2", orders=dag_file("orders", tasks="other"))
        run.created_dag_version_id = None
        session.flush()

        assert self.read(run, session) == ["extract", "transform", "load"]

        start(run)
        assert scheduler.runner._verify_integrity_if_dag_changed(dag_run=run, session=session)
        session.flush()

        assert lab.task_ids(run) == {"extract", "transform", "load"}


class TestRunUnderWay:
    def test_keeps_its_version_when_the_pin_moves(self, lab, session):
        lab.commit("sha1", orders=dag_file("orders", tasks="extract load"))
        lab.pin("orders", 1)
        run = trigger(session)
        session.commit()
        lab.commit("sha2", orders=dag_file("orders", tasks="extract transform load"))
        lab.pin("orders", 2)

        assert DBDagBag().get_dag_for_run(run, session=session).task_ids == ["extract", "load"]
        assert run.bundle_version == "sha1"


class TestClearing:
    """It looks the version up for each task instance and for the run: a pin must not move in between."""

    def clear(self, api, run):
        answer = api().post(
            f"/api/v2/dags/orders/dagRuns/{run.run_id}/clear", json={"dry_run": False, "run_on_latest_version": True}
        )
        assert answer.status_code == 200, answer.text

    def finished_run(self, lab, session):
        lab.commit("sha1", orders=dag_file("orders", tasks="extract load"))
        run = trigger(session)
        run.state = DagRunState.SUCCESS
        for ti in run.task_instances:
            ti.state = TaskInstanceState.SUCCESS
        session.commit()
        return run

    def test_holds_the_pin_of_a_dag_that_was_ever_pinned(self, lab, session, api):
        run = self.finished_run(lab, session)
        lab.pin("orders", 1)
        lab.unpin("orders")

        with recorded(Session) as statements:
            self.clear(api, run)

        assert any(map(waits_for_changes, statements))

    def test_locks_nothing_more_for_a_dag_that_was_never_pinned(self, lab, session, api):
        run = self.finished_run(lab, session)

        with recorded(Session) as statements:
            self.clear(api, run)

        assert not any(map(waits_for_changes, statements))


class TestMappedTaskThatIsExpandedLater:
    SOURCE = "@task\ndef items(): ...\n@task\ndef part(i): ...\npart.expand(i=items())"

    def push_items(self, run, session, length):
        """Finish ``items`` with so many of them."""
        items = run.get_task_instance("items", session=session)
        items.state = TaskInstanceState.SUCCESS
        push_items(run, "items", length, session=session)

    def expand(self, run, session):
        dag = DBDagBag().get_dag_for_run(run, session=session)
        return expand(dag.get_task("part"), run, session=session)

    def versions_of_parts(self, lab, run):
        lab.session.flush()
        rows = lab.session.execute(
            select(TaskInstance.map_index, TaskInstance.dag_version_id).where(
                TaskInstance.run_id == run.run_id, TaskInstance.task_id == "part"
            )
        )
        return {row.map_index: row.dag_version_id for row in rows}

    def test_gets_the_pinned_version(self, lab, session):
        lab.commit("sha1", orders=dag_file("orders", body=self.SOURCE))
        lab.pin("orders", 1)
        lab.commit("sha2", orders=dag_file("orders", tasks="extract load", body=self.SOURCE))
        run = trigger(session)

        self.push_items(run, session, 3)
        self.expand(run, session)

        pinned = lab.version("orders", 1).id
        assert self.versions_of_parts(lab, run) == {0: pinned, 1: pinned, 2: pinned}

    def test_that_grows_when_it_is_expanded_again_keeps_the_version_of_its_run(self, lab, session):
        lab.commit("sha1", orders=dag_file("orders", body=self.SOURCE))
        lab.pin("orders", 1)
        run = trigger(session)
        self.push_items(run, session, 2)
        self.expand(run, session)
        lab.commit("sha2", orders=dag_file("orders", tasks="extract load", body=self.SOURCE))
        lab.pin("orders", 2)

        self.push_items(run, session, 4)
        self.expand(run, session)

        created_with = lab.version("orders", 1).id
        assert set(self.versions_of_parts(lab, run)) == {0, 1, 2, 3}
        assert set(self.versions_of_parts(lab, run).values()) == {created_with}

    def test_that_grows_keeps_the_version_of_its_run_after_unpinning(self, lab, session):
        lab.commit("sha1", orders=dag_file("orders", body=self.SOURCE))
        lab.pin("orders", 1)
        run = trigger(session)
        self.push_items(run, session, 2)
        self.expand(run, session)
        lab.commit("sha2", orders=dag_file("orders", tasks="extract load", body=self.SOURCE))
        lab.unpin("orders")

        self.push_items(run, session, 4)
        self.expand(run, session)

        assert set(self.versions_of_parts(lab, run).values()) == {lab.version("orders", 1).id}

    def test_of_a_dag_that_was_never_pinned_is_expanded_as_ever(self, lab, session):
        lab.commit("sha1", orders=dag_file("orders", body=self.SOURCE))
        run = trigger(session)

        self.push_items(run, session, 2)
        self.expand(run, session)

        assert set(self.versions_of_parts(lab, run)) == {0, 1}
