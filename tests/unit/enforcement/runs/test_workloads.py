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

from pathlib import Path

import pytest
from airflow.api.common.trigger_dag import trigger_dag
from airflow.api_fastapi.execution_api.datamodels.taskinstance import TaskInstance as TaskInstanceModel
from airflow.callbacks.callback_requests import DagCallbackRequest, TaskCallbackRequest
from airflow.callbacks.database_callback_sink import DatabaseCallbackSink
from airflow.executors.local_executor import LocalExecutor
from airflow.executors.workloads.base import BundleInfo
from airflow.executors.workloads.callback import ExecuteCallback
from airflow.executors.workloads.task import ExecuteTask
from airflow.models.callback import CallbackFetchMethod, ExecutorCallback
from airflow.models.dag import DagModel
from airflow.models.dagbundle import DagBundleModel
from airflow.models.db_callback_request import DbCallbackRequest
from airflow.models.taskinstance import clear_task_instances
from airflow.models.trigger import handle_event_submit
from airflow.sdk import SyncCallback
from airflow.triggers.base import TaskSuccessEvent
from airflow.utils.state import DagRunState, TaskInstanceState
from airflow.utils.types import DagRunTriggeredByType
from sqlalchemy import select, update

from airflow_providers_pinning.patch_points import RELEASE
from tests.support.lab import BUNDLE
from tests.support.moved_file import run_before_the_move
from tests.support.remembered import remembered
from tests.support.sources import dag_file


def task_of(run):
    """Return the workload of the run's first task."""
    return ExecuteTask.make(run.task_instances[0])


def callback_of(run, session):
    """Return the workload of a callback of the run."""
    callback = ExecutorCallback(
        callback_def=SyncCallback("builtins.print"), fetch_method=CallbackFetchMethod.IMPORT_PATH
    )
    session.add(callback)
    session.flush()
    return ExecuteCallback.make(callback, run)


def place(workload):
    return workload.bundle_info.name, workload.bundle_info.version, str(workload.dag_rel_path)


@pytest.fixture
@remembered
def run(lab):
    return run_before_the_move(lab)


class TestRunUnderWayWhileThePinMoves:
    def test_has_its_tasks_run_from_the_file_of_its_own_version(self, run):
        assert place(task_of(run)) == (BUNDLE, "sha1", "orders.py")

    def test_has_its_callbacks_run_from_the_file_of_its_own_version(self, run, session):
        assert place(callback_of(run, session)) == (BUNDLE, "sha1", "orders.py")

    def test_keeps_its_file_after_unpinning(self, run, lab, session):
        lab.unpin("orders")
        session.expire_all()

        assert place(task_of(run)) == (BUNDLE, "sha1", "orders.py")

    def test_keeps_its_bundle_when_the_dag_moves_to_another(self, run, lab, session):
        lab.commit("sha9", bundle="elsewhere", moved__orders=None, orders=dag_file("orders", tasks="other"))
        lab.pin("orders", 3)
        session.expire_all()

        assert place(task_of(run)) == (BUNDLE, "sha1", "orders.py")

    def test_is_run_from_where_the_caller_says_if_it_says_so(self, run):
        workload = ExecuteTask.make(
            run.task_instances[0], dag_rel_path=Path("given.py"), bundle_info=BundleInfo(name="given", version="1")
        )

        assert place(workload) == ("given", "1", "given.py")


def test_a_run_of_the_pinned_version_is_run_from_its_file(run, session):
    newer = trigger_dag("orders", run_id="newer", triggered_by=DagRunTriggeredByType.REST_API, session=session)
    session.flush()

    assert place(task_of(newer)) == (BUNDLE, "sha2", "moved/orders.py")


class TestHostWithoutTheEnforcementOverwritesThePlace:
    @pytest.fixture(params=[{"relative_fileloc": "heads.py"}, {"bundle_name": "elsewhere"}], ids=str)
    def overwritten(self, run, session, request):
        """Create a run of the pinned version; then Airflow's row says where the Dag is at HEAD."""
        newer = trigger_dag("orders", run_id="newer", triggered_by=DagRunTriggeredByType.REST_API, session=session)
        session.add(DagBundleModel(name="elsewhere"))
        session.flush()
        session.execute(update(DagModel).where(DagModel.dag_id == "orders").values(request.param))
        session.commit()
        session.expire_all()
        return newer

    def test_a_task_of_the_pinned_version_is_run_from_its_file(self, overwritten):
        assert place(task_of(overwritten)) == (BUNDLE, "sha2", "moved/orders.py")

    def test_a_callback_of_the_pinned_version_is_run_from_its_file(self, overwritten, session):
        assert place(callback_of(overwritten, session)) == (BUNDLE, "sha2", "moved/orders.py")

    def test_what_the_dag_processor_runs_is_looked_for_in_its_file(self, overwritten, session):
        described = overwritten.dag_model
        request = DagCallbackRequest(
            filepath=described.relative_fileloc,
            bundle_name=described.bundle_name,
            bundle_version="sha2",
            dag_id="orders",
            run_id="newer",
        )
        session.commit()
        TestCallbackOfTheDagProcessor.send(request)

        assert TestCallbackOfTheDagProcessor.place_of(request) == (BUNDLE, "sha2", "moved/orders.py")


def test_a_run_without_a_commit_is_run_from_where_airflow_says(lab, session):
    """It has whatever code its bundle has now, so the file of its version need not be there."""
    lab.commit(None, orders=dag_file("orders"))
    run = trigger_dag("orders", triggered_by=DagRunTriggeredByType.REST_API, session=session)
    session.commit()
    lab.commit("sha2", orders=None, moved__orders=dag_file("orders", tasks="extract load"))
    lab.pin("orders", 2)
    session.expire_all()

    assert place(task_of(run)) == (BUNDLE, None, "moved/orders.py")


def test_a_run_of_a_dag_that_was_never_pinned_is_run_from_where_airflow_says(lab, session):
    lab.commit("sha1", orders=dag_file("orders"))
    run = trigger_dag("orders", triggered_by=DagRunTriggeredByType.REST_API, session=session)
    session.commit()
    lab.commit("sha2", orders=None, moved__orders=dag_file("orders"))
    session.expire_all()

    assert place(task_of(run)) == (BUNDLE, "sha1", "moved/orders.py")


class TestRunOfWhichSomeTasksWereClearedOnTheLatestVersion:
    @pytest.fixture(params=[True, False], ids=["pinned", "unpinned"])
    def mixed(self, lab, session, request):
        """Clear one of two tasks after the file was renamed: the run moves to version 2, the other task does not."""
        lab.commit("sha1", orders=dag_file("orders", tasks="extract load"))
        lab.candidate("orders", 1)
        run = trigger_dag("orders", triggered_by=DagRunTriggeredByType.REST_API, session=session)
        run.state = DagRunState.RUNNING
        lab.commit("sha2", orders=None, moved__orders=dag_file("orders", tasks="extract load"))
        if request.param:
            lab.pin("orders", 2)
        cleared = run.get_task_instance("extract", session=session)
        cleared.state = TaskInstanceState.FAILED
        session.flush()
        clear_task_instances([cleared], session, run_on_latest_version=True)
        session.commit()
        lab.commit("sha3", moved__orders=None, again__orders=dag_file("orders", tasks="extract load"))
        session.expire_all()
        return run

    def test_has_all_tasks_run_from_one_file(self, mixed):
        places = {place(ExecuteTask.make(ti)) for ti in mixed.task_instances}

        assert places == {(BUNDLE, "sha2", "moved/orders.py")}

    @pytest.mark.parametrize("task_id", ["extract", "load"])
    def test_has_callbacks_of_tasks_that_triggers_end_run_from_that_file_too(self, task_id, mixed, session):
        ti = mixed.get_task_instance(task_id, session=session)
        ti.state = TaskInstanceState.DEFERRED
        session.commit()
        handle_event_submit(TaskSuccessEvent(), task_instance=ti, session=session)
        session.commit()

        sent = session.scalars(select(DbCallbackRequest)).one().get_callback_request()
        # Since 3.4 Airflow names the commit of the task's own version.
        is_own = RELEASE >= (3, 4) and task_id == "load"
        expected = ("sha1", "orders.py") if is_own else ("sha2", "moved/orders.py")
        assert (sent.bundle_name, sent.bundle_version, sent.filepath) == (BUNDLE, *expected)

    def test_has_a_callback_with_the_commit_of_a_tasks_own_version_run_from_the_file_there(self, mixed, session):
        ti = TaskInstanceModel.model_validate(mixed.get_task_instance("load", session=session), from_attributes=True)
        request = TaskCallbackRequest(filepath="moved/orders.py", bundle_name=BUNDLE, bundle_version="sha1", ti=ti)
        TestCallbackOfTheDagProcessor.send(request)

        assert request.filepath == "orders.py"


class TestCallbackOfTheDagProcessor:
    @pytest.fixture
    def sent(self, session):
        """Return what was sent to the dag processor."""

        def read():
            session.commit()
            return session.scalars(select(DbCallbackRequest)).one().get_callback_request()

        return read

    @staticmethod
    def send(request):
        executor = LocalExecutor()
        executor.callback_sink = DatabaseCallbackSink()
        executor.send_callback(request)

    def test_of_a_run_is_looked_for_in_the_file_of_the_runs_version(self, run, sent):
        self.send(
            DagCallbackRequest(
                filepath="moved/orders.py",
                bundle_name=BUNDLE,
                bundle_version="sha1",
                dag_id="orders",
                run_id=run.run_id,
            )
        )
        assert self.place_of(sent()) == (BUNDLE, "sha1", "orders.py")

    def test_of_a_run_is_looked_for_in_the_bundle_of_the_runs_version(self, run, lab, sent):
        lab.commit("sha9", bundle="elsewhere", moved__orders=None, orders=dag_file("orders", tasks="other"))
        lab.pin("orders", 3)
        self.send(
            DagCallbackRequest(
                filepath="orders.py",
                bundle_name="elsewhere",
                bundle_version="sha1",
                dag_id="orders",
                run_id=run.run_id,
            )
        )
        assert self.place_of(sent()) == (BUNDLE, "sha1", "orders.py")

    def test_of_a_task_is_looked_for_in_the_file_of_the_tasks_version(self, run, sent):
        ti = TaskInstanceModel.model_validate(run.task_instances[0], from_attributes=True)
        self.send(TaskCallbackRequest(filepath="moved/orders.py", bundle_name=BUNDLE, bundle_version="sha1", ti=ti))
        assert sent().filepath == "orders.py"

    def test_of_a_task_that_its_trigger_ends_is_looked_for_in_the_file_of_the_tasks_version(self, run, session, sent):
        ti = run.task_instances[0]
        ti.state = TaskInstanceState.DEFERRED
        session.commit()
        handle_event_submit(TaskSuccessEvent(), task_instance=ti, session=session)
        assert self.place_of(sent()) == (BUNDLE, "sha1", "orders.py")

    @staticmethod
    def place_of(request):
        return request.bundle_name, request.bundle_version, request.filepath
