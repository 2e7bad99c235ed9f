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
What Airflow does with a Dag through each patched function, so that its statements can be counted.

A row of :data:`ROWS` prepares a Dag of its own with some number of tasks or runs, and returns what is to be counted.
``test_statements.py`` does it in stock Airflow and with the enforcement, for Dags that nothing manages and for
managed ones, small and big.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

from airflow._shared.timezones import timezone
from airflow.api.common import delete_dag, mark_tasks
from airflow.api.common.trigger_dag import trigger_dag
from airflow.api_fastapi.core_api.datamodels.dag_run import BulkDAGRunClearBody
from airflow.api_fastapi.core_api.routes.public import dag_run as public_runs
from airflow.api_fastapi.core_api.services.public import assets, dag_run
from airflow.api_fastapi.execution_api.datamodels.dagrun import TriggerDAGRunPayload
from airflow.api_fastapi.execution_api.routes import asset_events, dag_runs, task_instances
from airflow.assets.manager import AssetManager
from airflow.dag_processing import collection
from airflow.dag_processing.dagbag import DagBag
from airflow.dag_processing.manager import DagFileInfo, DagFileProcessorManager
from airflow.models import backfill, dagrun, taskinstance
from airflow.models.asset import AssetActive, AssetEvent, AssetModel
from airflow.models.callback import CallbackFetchMethod, CallbackState, ExecutorCallback
from airflow.models.dag import DagModel
from airflow.models.dagbag import DBDagBag
from airflow.models.dagrun import DagRun
from airflow.models.renderedtifields import RenderedTaskInstanceFields
from airflow.models.taskinstance import TaskInstance
from airflow.models.xcom import XComModel
from airflow.sdk import SyncCallback
from airflow.sdk.api.datamodels._generated import AssetProfile
from airflow.serialization.serialized_objects import LazyDeserializedDAG
from airflow.ti_deps.deps.prev_dagrun_dep import PrevDagrunDep
from airflow.utils.db import add_default_pool_if_not_exists
from airflow.utils.sqlalchemy import prohibit_commit
from airflow.utils.state import DagRunState, TaskInstanceState
from airflow.utils.types import DagRunTriggeredByType
from sqlalchemy import delete as delete_rows
from sqlalchemy import select, update

from airflow_providers_pinning.models import Base
from airflow_providers_pinning.patch_points import POINTS, RELEASE
from tests.support.asynchronous import answer
from tests.support.execution_api import api_of_tasks
from tests.support.lab import BUNDLE
from tests.support.mapping import expand
from tests.support.scheduler import runs_to_examine
from tests.support.sources import dag_file

Act = Callable[[], Any]


class World:
    """
    A deployment in which each row has Dags of its own.

    :param lab: where Dags are registered
    :param session: session of the test
    :param scheduler: a scheduler
    :param dag_id: the Dag of this act
    :param size: how many tasks, or runs, or events it is about
    :param managed: whether versions of it are managed: its runs are of one version and another is pinned
    """

    def __init__(self, lab, session, scheduler, dag_id: str, size: int, managed: bool) -> None:
        self.lab, self.session, self.runner = lab, session, scheduler.runner
        self.dag_id, self.size, self.managed = dag_id, size, managed
        self.commit = f"sha1-{dag_id}"

    @property
    def task_ids(self) -> list[str]:
        return [f"task_{number}" for number in range(self.size)]

    def register(self, arguments: str = "schedule=None", *, versioned: bool = True, body: str | None = None) -> None:
        """Register a Dag of independent tasks."""
        tasks = "\n".join(f"EmptyOperator(task_id={name!r})" for name in self.task_ids) if body is None else body
        self.versioned = versioned
        self.source = dag_file(self.dag_id, arguments, "first", tasks)
        self.lab.sources.clear()
        self.lab.commit(self.commit if versioned else None, **{self.dag_id: self.source})

    def manage(self) -> None:
        """Pin the first version, or if there are runs of it by now, a second one whose file was renamed."""
        if not self.managed:
            return
        if not self.session.scalars(select(DagRun.id).where(DagRun.dag_id == self.dag_id)).first():
            self.lab.pin(self.dag_id, 1)
            return
        if self.versioned:
            self.lab.candidate(self.dag_id, 1)
        self.lab.sources.clear()
        changed = self.source + "    EmptyOperator(task_id='added')\n"
        self.lab.commit(f"sha2-{self.dag_id}", **{f"moved__{self.dag_id}": changed})
        self.lab.pin(self.dag_id, 2)

    def run(self, number: int = 0, state: DagRunState = DagRunState.RUNNING) -> DagRun:
        """Create a run."""
        run = trigger_dag(
            self.dag_id,
            run_id=f"{self.dag_id}_{number}",
            triggered_by=DagRunTriggeredByType.REST_API,
            session=self.session,
        )
        run.state = state
        run.start_date = timezone.utcnow()
        self.session.commit()
        return run

    def running(
        self, state: TaskInstanceState | None, *, arguments: str = "schedule=None", runs: int = 1, **how
    ) -> None:
        """Register the Dag, create runs of it, and let another version be pinned meanwhile."""
        self.register(arguments, **how)
        for number in range(runs):
            self.run(number)
        self.session.execute(update(TaskInstance).where(TaskInstance.dag_id == self.dag_id).values(state=state))
        self.session.commit()
        self.manage()
        self.session.expunge_all()

    def runs(self) -> list[DagRun]:
        return list(self.session.scalars(select(DagRun).where(DagRun.dag_id == self.dag_id).order_by(DagRun.id)))

    def tasks(self) -> list[TaskInstance]:
        return list(self.session.scalars(select(TaskInstance).where(TaskInstance.dag_id == self.dag_id)))


def schedule(world: World) -> None:
    """Let the scheduler decide about the running runs of this Dag, as a turn of its loop does."""
    # Others were deleted or finished by the test.
    with prohibit_commit(world.session) as guard:
        runs = runs_to_examine(world.session)
        world.runner._schedule_all_dag_runs(guard, runs, world.session)
    world.session.commit()


def turn_over_ready_tasks(world: World) -> Act:
    world.running(None)
    return lambda: schedule(world)


def turn_over_runs(world: World) -> Act:
    world.running(None, runs=world.size, body="")
    return lambda: schedule(world)


def turn_over_unversioned(world: World) -> Act:
    world.running(None, versioned=False)
    return lambda: schedule(world)


MAPPED = """
@task
def numbers():
    return [1]

@task
def use(number):
    return number
""" + "".join(f"use.override(task_id='use_{n}').expand(number=[1, 2, 3])\n" for n in range(3))


def turn_over_mapped_tasks(world: World) -> Act:
    world.running(None, body=MAPPED.replace("[1, 2, 3]", str(list(range(world.size)))))
    return lambda: schedule(world)


def enlarge_a_mapped_task(world: World) -> Act:
    """Expand a mapped task anew of which all known instances have ended."""
    world.running(None, body=MAPPED.replace("[1, 2, 3]", str(list(range(world.size)))))
    schedule(world)
    world.session.execute(
        update(TaskInstance).where(TaskInstance.dag_id == world.dag_id).values(state=TaskInstanceState.SUCCESS)
    )
    world.session.commit()
    [run] = world.runs()
    dag = DBDagBag().get_dag(run.created_dag_version_id, world.session)
    return lambda: expand(dag.get_task("use_0"), run, session=world.session)


def finish_failed_runs(world: World) -> Act:
    world.running(TaskInstanceState.FAILED, arguments="schedule=None, max_consecutive_failed_dag_runs=2")
    return lambda: schedule(world)


def start_queued_runs(world: World) -> Act:
    world.running(None, runs=world.size, body="")
    world.session.execute(update(DagRun).where(DagRun.dag_id == world.dag_id).values(state=DagRunState.QUEUED))
    world.session.commit()

    def act():
        with prohibit_commit(world.session) as guard:
            world.runner._start_queued_dagruns(world.session)
            guard.commit()

    return act


def hand_tasks_over(world: World) -> Act:
    world.running(TaskInstanceState.SCHEDULED, arguments="schedule=None, max_active_tasks=1000")
    add_default_pool_if_not_exists(session=world.session)
    executor = world.runner.executor

    def act():
        with prohibit_commit(world.session) as guard:
            queued = world.runner._critical_section_enqueue_task_instances(session=world.session)
            guard.commit()
        assert queued == world.size + 1, queued

    return patched(act, executor)


def key_of(ti: TaskInstance) -> Any:
    """Return by what executors know a task."""
    if RELEASE < (3, 4):
        return ti.key
    from airflow.executors.workloads.types import TaskInstanceUuid

    return TaskInstanceUuid(ti.id)


def hear_of_ended_tasks(world: World) -> Act:
    """Take from the executor that processes have failed, of which the tasks were still queued."""
    world.running(TaskInstanceState.QUEUED)
    executor = world.runner.executor
    for ti in world.tasks():
        executor.event_buffer[key_of(ti)] = (TaskInstanceState.FAILED, None)
    world.session.expunge_all()

    def act():
        world.runner._process_executor_events(executor, world.session)
        world.session.commit()

    return act


def hand_callbacks_over(world: World) -> Act:
    world.running(None)
    [run] = world.runs()
    for _ in range(world.size):
        callback = ExecutorCallback(
            callback_def=SyncCallback("builtins.print"), fetch_method=CallbackFetchMethod.IMPORT_PATH
        )
        callback.data |= {"dag_run_id": run.id}
        callback.state = CallbackState.PENDING
        world.session.add(callback)
    world.session.commit()
    world.session.expunge_all()
    return patched(lambda: world.runner._enqueue_executor_callbacks(world.session), world.runner.executor)


def patched(act: Act, executor: Any) -> Act:
    """Let the executor take what it is given, and do nothing."""

    def with_executor():
        with mock.patch.object(type(executor), "queue_workload", autospec=True):
            return act()

    return with_executor


def fail_a_task(world: World) -> Act:
    world.running(TaskInstanceState.RUNNING)
    ti = world.tasks()[0]
    return lambda: task_instances._handle_fail_fast_for_dag(
        ti=ti, dag_id=world.dag_id, session=world.session, dag_bag=DBDagBag()
    )


def clear_on_latest(world: World) -> Act:
    world.running(TaskInstanceState.FAILED)
    tis = world.tasks()
    return lambda: taskinstance.clear_task_instances(tis, world.session, run_on_latest_version=True)


def clear(world: World) -> Act:
    world.running(TaskInstanceState.FAILED)
    tis = world.tasks()
    return lambda: taskinstance.clear_task_instances(tis, world.session)


def find_new_tasks(world: World) -> Act:
    world.running(None)
    [run] = world.runs()
    return lambda: taskinstance._get_new_task_ids(world.dag_id, run.run_id, world.session)


def set_tasks_state(world: World) -> Act:
    world.running(TaskInstanceState.RUNNING)
    [run] = world.runs()
    dag = DBDagBag().get_dag(run.created_dag_version_id, world.session)
    world.session.rollback()
    return lambda: mark_tasks.set_state(
        tasks=list(dag.tasks),
        run_id=run.run_id,
        state=TaskInstanceState.SUCCESS,
        commit=True,
        session=world.session,
    )


def set_tasks_state_of_the_past(world: World) -> Act:
    """Set a task together with that of every earlier run."""
    world.running(TaskInstanceState.RUNNING, runs=world.size)
    *_, last = runs = world.runs()
    for number, run in enumerate(runs):
        run.logical_date = run.run_after + timedelta(seconds=number)
    dag = DBDagBag().get_dag(last.created_dag_version_id, world.session)
    world.session.commit()

    def act():
        altered = mark_tasks.set_state(
            tasks=[dag.get_task(world.task_ids[0])],
            run_id=last.run_id,
            past=True,
            state=TaskInstanceState.SUCCESS,
            commit=True,
            session=world.session,
        )
        assert len(altered) == world.size

    return act


def set_run_state(world: World) -> Act:
    world.running(TaskInstanceState.RUNNING)
    [run] = world.runs()
    dag = DBDagBag().get_dag(run.created_dag_version_id, world.session)
    return lambda: mark_tasks.set_dag_run_state_to_failed(
        dag=dag, run_id=run.run_id, commit=True, session=world.session
    )


def create_scheduled_runs(world: World) -> Act:
    world.register("schedule='@daily'")
    world.manage()
    return lambda: create_due(world)


def create_asset_triggered_runs(world: World) -> Act:
    world.register(f"schedule=[Asset('raw_{world.dag_id}')]")
    world.manage()
    world.lab.publish(f"raw_{world.dag_id}")
    return lambda: create_due(world)


def create_partitioned_runs(world: World) -> Act:
    world.register(f"schedule=PartitionedAssetTimetable(assets=Asset('raw_{world.dag_id}'))")
    world.manage()
    world.lab.publish(f"raw_{world.dag_id}", partition_key="north")
    return lambda: create_due(world)


def create_due(world: World) -> None:
    with prohibit_commit(world.session) as guard:
        world.runner._create_dagruns_for_dags(guard, world.session)
    world.session.commit()
    assert world.runs()


def make_a_turn(world: World) -> Act:
    """Make a whole turn of the loop, as a scheduler whose executors have no slot free."""
    world.running(None)
    world.runner.executors = []

    def turn() -> None:
        world.runner._do_scheduling(world.session)
        world.session.commit()

    return turn


def queue_partitions(world: World) -> Act:
    world.register(f"schedule=PartitionedAssetTimetable(assets=Asset('raw_{world.dag_id}'))")
    world.manage()
    asset = world.session.scalars(select(AssetModel).where(AssetModel.name == f"raw_{world.dag_id}")).one()
    return lambda: AssetManager.register_asset_change(asset=asset, partition_key="north", session=world.session)


def trigger(world: World) -> Act:
    world.register()
    world.manage()
    return lambda: trigger_dag(world.dag_id, triggered_by=DagRunTriggeredByType.REST_API, session=world.session)


def write_file(world: World) -> Act:
    world.register(f"schedule=[Asset('raw_{world.dag_id}')]")
    world.manage()
    checkout = world.lab.root / BUNDLE / world.commit
    bag = DagBag(checkout, safe_mode=False, bundle_path=checkout, bundle_name=BUNDLE)
    dags = [LazyDeserializedDAG.from_dag(bag.dags[world.dag_id])]
    world.session.expunge_all()
    return lambda: collection.update_dag_parsing_results_in_db(
        bundle_name=BUNDLE,
        bundle_version=world.commit,
        version_data=None,
        dags=dags,
        import_errors={},
        parse_duration=0.1,
        warnings=set(),
        session=world.session,
        files_parsed={(BUNDLE, dag.relative_fileloc) for dag in dags},
    )


def write_import_error(world: World) -> Act:
    world.register()
    world.manage()
    file = (BUNDLE, f"{world.dag_id}.py")
    update, bundle = collection._update_import_errors, (BUNDLE,) if RELEASE < (3, 4) else ()
    return lambda: update({file}, *bundle, {file: "SyntaxError"}, world.session)


def remove_file(world: World) -> Act:
    world.register()
    world.manage()
    world.session.expunge_all()
    return lambda: DagModel.deactivate_deleted_dags(BUNDLE, ["other.py"], session=world.session)


def scan_for_stale_dags(world: World) -> Act:
    world.register()
    world.manage()
    manager = DagFileProcessorManager(max_runs=1)
    seen = {DagFileInfo(rel_path=Path("other.py"), bundle_name=BUNDLE): None}
    return lambda: manager.deactivate_stale_dags(last_parsed=seen, session=world.session)


def delete(world: World) -> Act:
    world.register()
    world.manage()
    world.session.execute(update(DagModel).where(DagModel.dag_id == world.dag_id).values(is_paused=True))
    world.session.commit()
    return lambda: delete_dag.delete_dag(world.dag_id, session=world.session)


def ask_for_the_past(world: World) -> Act:
    """Ask everything that a task may ask about runs before its own."""
    world.running(TaskInstanceState.SUCCESS, arguments="schedule='@daily'")
    [run], ti = world.runs(), world.tasks()[0]
    session, dag_id, dag_bag = world.session, world.dag_id, DBDagBag()
    run.logical_date = run.run_after
    session.commit()
    of_caller = {"dag_bag": dag_bag, "token": SimpleNamespace(id=ti.id)} if RELEASE >= (3, 4) else {}
    from_xcom = {"run_id": run.run_id, "task_ids": ti.task_id, "dag_ids": dag_id, "include_prior_dates": True}

    def act():
        DagRun.get_previous_dagrun(run, session=session)
        DagRun.get_previous_scheduled_dagrun(run.id, session=session)
        PrevDagrunDep._has_any_prior_tis(ti, session=session)
        session.scalars(XComModel.get_many(**from_xcom)).all()
        RenderedTaskInstanceFields.delete_old_records(ti.task_id, dag_id, num_to_keep=1, session=session)
        # As FastAPI calls them.
        answer(task_instances.get_previous_successful_dagrun, task_instance_id=ti.id, session=session)
        of_task = {"dag_id": dag_id, "task_id": ti.task_id, "logical_date": None, "map_index": -1, "state": None}
        task_instances.get_previous_task_instance(**of_task, **of_caller, session=session)
        asked = {"dag_id": dag_id, "session": session, "dag_bag": dag_bag, "map_index": None, "task_ids": [ti.task_id]}
        asked |= {"task_group_id": None, "logical_dates": None, "run_ids": None}
        task_instances.get_task_instance_count(**asked, states=None)
        task_instances.get_task_instance_states(**asked)
        dag_runs.get_previous_dagrun(dag_id=dag_id, logical_date=run.run_after, session=session, state=None)
        answer(dag_runs.get_dr_count, dag_id=dag_id, session=session, logical_dates=None, run_ids=None, states=None)

    return act


def trigger_another_dag(world: World) -> Act:
    """Trigger a run as a task asks the Execution API to."""
    world.running(TaskInstanceState.RUNNING)
    session, dag_id, token = world.session, world.dag_id, SimpleNamespace(id=world.tasks()[0].id)

    def act():
        dag_runs.trigger_dag_run(
            dag_id=dag_id, run_id="called", payload=TriggerDAGRunPayload(), session=session, token=token
        )
        session.commit()

    return act


def publisher(world: World) -> tuple[TaskInstance, list[AssetProfile]]:
    """Run a Dag of which one task has outlets, all of them active; return it and them."""
    names = [f"{world.dag_id}_{n}" for n in range(world.size)]
    outlets = ", ".join(f"Asset({name!r})" for name in names)
    world.running(None, body=f"EmptyOperator(task_id='publish', outlets=[{outlets}])")
    [ti] = [ti for ti in world.tasks() if ti.task_id == "publish"]
    return ti, [AssetProfile(name=name, uri=name, type="Asset") for name in names]


def inactive_publisher(world: World) -> tuple[TaskInstance, list[AssetProfile]]:
    """Do what :func:`publisher` does and deactivate the outlets, as where no Dag at HEAD has them."""
    ti, outlets = publisher(world)
    world.session.execute(delete_rows(AssetActive).where(AssetActive.name.in_([outlet.name for outlet in outlets])))
    world.session.commit()
    return ti, outlets


def displaced_publisher(world: World) -> tuple[TaskInstance, list[AssetProfile]]:
    """Do what :func:`publisher` does and give the names of the outlets to other assets."""
    ti, outlets = inactive_publisher(world)
    others = [AssetModel(name=outlet.name, uri=f"{outlet.uri}_moved") for outlet in outlets]
    world.session.add_all(others)
    world.session.flush()
    world.session.add_all(AssetActive.for_asset(other) for other in others)
    world.session.commit()
    return ti, outlets


def publishing(world: World, ti: TaskInstance, outlets: list[AssetProfile]) -> Act:
    return lambda: TaskInstance.register_asset_changes_in_db(ti, outlets, [], session=world.session)


def publish_assets(world: World) -> Act:
    return publishing(world, *publisher(world))


def publish_inactive_assets(world: World) -> Act:
    return publishing(world, *inactive_publisher(world))


def validating(world: World, ti: TaskInstance, expected: Collection[int]) -> Act:
    """Ask which assets of a task are inactive; stock and the enforcement may answer with different numbers."""
    dag_bag = DBDagBag()

    def act():
        validate = task_instances.validate_inlets_and_outlets
        answer = validate(task_instance_id=ti.id, session=world.session, dag_bag=dag_bag)
        assert len(answer.inactive_assets) in expected

    return act


def validate_assets(world: World) -> Act:
    ti, _ = publisher(world)
    return validating(world, ti, [0])


def validate_inactive_assets(world: World) -> Act:
    ti, outlets = inactive_publisher(world)
    return validating(world, ti, [len(outlets)])


def validate_displaced_assets(world: World) -> Act:
    ti, outlets = displaced_publisher(world)
    return validating(world, ti, [0, len(outlets)] if world.managed else [len(outlets)])


def clear_by_dates(world: World) -> Act:
    world.running(TaskInstanceState.FAILED)
    [run] = world.runs()
    dag = DBDagBag().get_dag_for_run(run, session=world.session)
    return lambda: list(dag.clear(start_date=timezone.datetime(2020, 1, 1), dry_run=True, session=world.session))


def look_at_asset_events(world: World) -> Act:
    world.running(TaskInstanceState.QUEUED)
    [run] = world.runs()
    asset = AssetModel(name=world.dag_id, uri=world.dag_id, group="", extra={})
    world.session.add(asset)
    world.session.flush()
    event = AssetEvent(asset_id=asset.id, extra={})
    event.created_dagruns.append(run)
    run.start_date = timezone.utcnow()
    world.session.add(event)
    world.session.commit()
    of_asset = {"join_clause": AssetEvent.asset, "where_clause": AssetModel.id == asset.id, "session": world.session}

    def act():
        assets.serialize_asset_events([event], session=world.session)
        asset_events._get_asset_events_through_sql_clauses(**of_asset)

    return act


def backfill_a_day(world: World) -> Act:
    world.register("schedule='@daily'")
    world.manage()
    day = timezone.datetime(2026, 1, 1)
    days = {"from_date": day, "to_date": day, "reverse": False}
    how = {**days, "reprocess_behavior": backfill.ReprocessBehavior.NONE, "session": world.session}
    return lambda: list(backfill._do_dry_run(dag_id=world.dag_id, **how))


def clear_by_partition(world: World) -> Act:
    world.running(TaskInstanceState.FAILED)
    world.session.execute(update(DagRun).where(DagRun.dag_id == world.dag_id).values(partition_key="north"))
    world.session.commit()
    session, dag_bag = world.session, DBDagBag()
    body = BulkDAGRunClearBody(partition_key="north", dry_run=True)
    which = {"dag": None, "dag_id": world.dag_id, "run_id": None, "partition_key": "north"}
    how = {"partition_date_start": None, "partition_date_end": None, "clear_tis": True, "dry_run": True}

    def act() -> None:
        public_runs.clear_dag_runs(dag_id=world.dag_id, body=body, dag_bag=dag_bag, session=session, user=None)
        dagrun.clear_partition_runs(**which, **how, session=session)

    return act


def preview_clearing(world: World) -> Act:
    world.running(TaskInstanceState.FAILED)
    [run] = world.runs()
    return lambda: dag_run.dry_run_clear_dag_run(
        dag_bag=DBDagBag(),
        dag_id=world.dag_id,
        dag_run_id=run.run_id,
        only_failed=False,
        only_new=False,
        session=world.session,
    )


DEADLINE = (
    "schedule=None, deadline=DeadlineAlert(reference=DeadlineReference.AVERAGE_RUNTIME(max_runs=2, min_runs=1), "
    "interval=timedelta(hours=1), callback=AsyncCallback('asyncio.sleep'))"
)


def trigger_with_deadline(world: World) -> Act:
    world.register(DEADLINE)
    world.manage()
    return lambda: trigger_dag(world.dag_id, triggered_by=DagRunTriggeredByType.REST_API, session=world.session)


@cache
def _start_a_task() -> Any:
    """Return what starts a task, of an API server that lives as long as this process."""
    return api_of_tasks().__enter__()


def use_secrets_and_state(world: World) -> Act:
    """Do what a task does with connections, Variables and the state of an asset."""
    asset = f"watermarked_{world.dag_id}"
    tasks = "\n".join(f"EmptyOperator(task_id={name!r}, outlets=[Asset({asset!r})])" for name in world.task_ids)
    world.running(TaskInstanceState.QUEUED, body=tasks)
    [run] = world.runs()
    ti = run.task_instances[0]
    start = _start_a_task()

    def act() -> None:
        client = start(ti)
        client.connections.get("nowhere")
        client.variables.set("watermark", "1", None)
        client.variables.get("watermark")
        client.variables.keys()
        client.variables.delete("watermark")
        client.xcoms.set(ti.dag_id, ti.run_id, ti.task_id, "watermark", "1")
        client.xcoms.delete(ti.dag_id, ti.run_id, ti.task_id, "watermark")
        client.asset_state_store.set("watermark", 1, name=asset)
        client.asset_state_store.get("watermark", name=asset)
        client.asset_state_store.get("watermark", uri=asset)
        client.asset_state_store.delete("watermark", name=asset)
        client.asset_state_store.clear(name=asset)

    return act


def clear_a_run(world: World) -> Act:
    """Clear a run as a task asks the Execution API to."""
    world.running(TaskInstanceState.SUCCESS)
    [run] = world.runs()
    client = _start_a_task()(run.task_instances[0])

    def act() -> None:
        client.dag_runs.clear(run.dag_id, run.run_id)

    return act


@dataclass(frozen=True)
class Row:
    """One thing that Airflow does, and the patched functions that it passes."""

    prepare: Callable[[World], Act]
    seams: tuple[str, ...]
    allowed: int = 0
    """Statements more than in stock for Dags that nothing manages, where there must be any; say why in ``because``."""
    because: str = ""


EXECUTION = "SchedulerJobRunner."


def _named(*names: str) -> str:
    """Return the name that a function has in the installed release, of those that it has in any."""
    [name] = {point.name for point in POINTS} & set(names)
    return name


EXPAND = "DagRun._get_ready_tis"
SELECT = _named(EXECUTION + "_executable_task_instances_to_queued", EXECUTION + "_select_task_instances_to_queue")
GET_XCOMS = _named("XComModel.get_many", "_XComOperations.get_many")
ROWS = (
    Row(
        turn_over_ready_tasks,
        (EXPAND, "DagRun.update_state", "DagRun.schedule_tis", EXECUTION + "_schedule_dag_run"),
    ),
    Row(turn_over_runs, (EXPAND,)),
    Row(
        turn_over_unversioned,
        (
            "DBDagBag._version_from_dag_run",
            EXECUTION + "_verify_integrity_if_dag_changed",
            "DagVersion.get_latest_version",
        ),
    ),
    Row(turn_over_mapped_tasks, (EXPAND,)),
    Row(enlarge_a_mapped_task, (EXPAND, "DagVersion.get_latest_version")),
    Row(
        finish_failed_runs,
        ("DagRun._check_last_n_dagruns_failed", EXECUTION + "_set_exceeds_max_active_runs"),
    ),
    Row(start_queued_runs, (EXECUTION + "_start_queued_dagruns",)),
    Row(hand_tasks_over, (SELECT, "ExecuteTask.make")),
    Row(hear_of_ended_tasks, (EXECUTION + "_process_executor_events",)),
    Row(hand_callbacks_over, ("ExecuteCallback.make",)),
    Row(fail_a_task, ("_handle_fail_fast_for_dag",)),
    Row(
        clear_on_latest,
        ("clear_task_instances", "DBDagBag.get_latest_version_of_dag", "DagVersion.get_latest_version"),
    ),
    Row(clear, ("clear_task_instances",)),
    Row(find_new_tasks, ("_get_new_task_ids", "DBDagBag.get_latest_version_of_dag")),
    Row(set_tasks_state, ("set_state",)),
    Row(set_tasks_state_of_the_past, ("set_state", "get_run_ids")),
    Row(set_run_state, ("_set_dag_run_terminal_state", "_set_dag_run_state")),
    Row(
        create_scheduled_runs,
        (
            "DagModel.dags_needing_dagruns",
            EXECUTION + "_create_dagruns_for_partitioned_asset_dags",
            EXECUTION + "_create_dag_runs",
            "DagRun.active_runs_of_dags",
            EXECUTION + "_get_current_dag",
            "SerializedDagModel.latest_item_select_object",
            "SerializedDAG.create_dagrun",
            "DagVersion.get_latest_version",
        ),
        allowed=1,
        because="the pins of all Dags that are due are read together, so that each run is looked up as in stock",
    ),
    Row(
        make_a_turn,
        (EXECUTION + "_do_scheduling",),
        allowed=1,
        because="whether a change is due is asked once a turn, for all Dags together",
    ),
    Row(
        create_asset_triggered_runs,
        (EXECUTION + "_create_dag_runs_asset_triggered", "SerializedDagModel._latest_by_version_select"),
    ),
    Row(
        create_partitioned_runs,
        (EXECUTION + "_create_dagruns_for_partitioned_asset_dags", "SerializedDagModel._latest_by_version_select"),
    ),
    Row(
        ask_for_the_past,
        (
            "DagRun.get_previous_dagrun",
            "DagRun.get_previous_scheduled_dagrun",
            "RenderedTaskInstanceFields.delete_old_records",
            "PrevDagrunDep._has_any_prior_tis",
            GET_XCOMS,
            "get_previous_successful_dagrun",
            "get_previous_task_instance",
            "get_task_instance_count",
            "get_task_instance_states",
            "get_previous_dagrun",
            "get_dr_count",
        ),
    ),
    Row(trigger_another_dag, ("trigger_dag_run",)),
    Row(
        use_secrets_and_state,
        (
            "JWTBearer.__call__",
            "ti_run",
            "get_connection",
            "get_variable",
            "put_variable",
            "delete_variable",
            "get_variable_keys",
            "set_xcom",
            "delete_xcom",
            "get_state_backend",
            "_resolve_asset_id_by_name",
            "_resolve_asset_id_by_uri",
        ),
    ),
    Row(clear_a_run, ("clear_dag_run",)),
    Row(publish_assets, ("TaskInstance.register_asset_changes_in_db",)),
    Row(publish_inactive_assets, ("TaskInstance.register_asset_changes_in_db",)),
    Row(validate_assets, ("validate_inlets_and_outlets",)),
    Row(validate_inactive_assets, ("validate_inlets_and_outlets",)),
    Row(validate_displaced_assets, ("validate_inlets_and_outlets",)),
    Row(preview_clearing, ("dry_run_clear_dag_run",)),
    Row(backfill_a_day, ("_get_latest_dag_run_row_query",)),
    Row(clear_by_partition, ("clear_dag_runs", "clear_partition_runs")),
    Row(clear_by_dates, ("SerializedDAG._get_task_instances",)),
    Row(look_at_asset_events, ("serialize_asset_events", "_get_asset_events_through_sql_clauses")),
    Row(
        trigger_with_deadline,
        (
            "SerializedDAG._process_dagrun_deadline_alerts",
            "SerializedReferenceModels.AverageRuntimeDeadline._evaluate_with",
        ),
    ),
    Row(queue_partitions, ("AssetManager._queue_partitioned_dags",)),
    Row(trigger, ("SerializedDAG.create_dagrun", "SerializedDagModel.latest_item_select_object")),
    Row(
        write_file,
        (
            "SerializedDAG.bulk_write_to_db",
            "DagModelOperation.add_dags",
            "DagModelOperation.update_dags",
            "SerializedDagModel._prefetch_dag_write_metadata",
            "SerializedDagModel.write_dag",
            "DagCode.update_source_code",
            "_update_import_errors",
            "AssetModelOperation.collect",
            "AssetModelOperation.sync_assets",
            "AssetModelOperation.sync_asset_aliases",
            "AssetModelOperation.add_asset_trigger_references",
            "_find_active_assets",
        ),
        allowed=1,
        because="what is pinned can only be read when the rows of all Dags of the file are locked",
    ),
    Row(write_import_error, ("_update_import_errors",)),
    Row(remove_file, ("DagModel.deactivate_deleted_dags",)),
    Row(scan_for_stale_dags, ("DagFileProcessorManager.deactivate_stale_dags",)),
    Row(
        delete,
        ("delete_dag",),
        allowed=sum("dag_id" in table.columns for table in Base.metadata.tables.values()),
        because="rows of our own tables are deleted too",
    ),
)

RELIED_ON = "is called or replaced, not wrapped"
NO_STATEMENT = "sends no statement for any Dag"
EXEMPT = {
    "DagVersion._latest_version_select": RELIED_ON,
    "SerializedDagModel.dag": RELIED_ON,
    "DBDagBag._read_dag": RELIED_ON,
    "DagModelOperation.find_orm_dags": RELIED_ON,
    "_RunInfo.calculate": "it reads an attribute of the Dag; what it saves is asserted where releases are tested",
    "_find_all_assets": RELIED_ON,
    "DagRun.get_queued_dag_runs_to_set_running": RELIED_ON,
    "SchedulerJobRunner._stamp_team_names": RELIED_ON,
    "_find_all_asset_aliases": RELIED_ON,
    "AssetModelOperation.activate_assets_if_possible": RELIED_ON,
    "DagFileProcessorManager._add_files_to_queue": RELIED_ON,
    "_stop_remaining_tasks": RELIED_ON,
    "SerializedDagModel._try_reuse_deadline_uuids": NO_STATEMENT,
    "DagFileProcessorManager._create_process": NO_STATEMENT,
    "resolve_user_from_token": NO_STATEMENT,
    "get_parser": NO_STATEMENT,
    "parse": NO_STATEMENT,
    "_run_task_state_change_callbacks": NO_STATEMENT,
    "_send_error_email_notification": NO_STATEMENT,
    "ensure_secrets_backend_loaded": NO_STATEMENT,
    "_get_worker_state_store_backend": NO_STATEMENT,
    "TriggerRunner.run_trigger": NO_STATEMENT,
    "TriggerCommsDecoder.asend": NO_STATEMENT,
    "SchedulerJobRunner._update_asset_orphanage": NO_STATEMENT,
    "DagFileProcessorManager._scan_stale_dags": "does the upkeep, once in an interval, whatever there is",
    "DagFileProcessorManager.handle_parsing_result": (
        "asks once for each commit of a bundle, and about a file that was overtaken four times in a row"
    ),
    "_parse_file": "runs in the process that parses a file, which has no database",
    "DagFileProcessorManager.purge_removed_files_from_queue": "asks only about callbacks whose file is gone",
    "DagFileProcessorManager.terminate_orphan_processes": "asks only about callbacks whose file is gone",
    "DagFileProcessorManager._refresh_dag_bundles": "writes down each commit of a bundle once, whatever Dags there are",
    "DagRun": "listens to deletions, and writes beside those of canary runs only",
    "TaskInstance": "listens to deletions, and writes beside those of canary runs only",
    "config_dict": "adds a condition to statements that a command sends",
    "Job.prepare_for_execution": "writes down, once in the life of a process, that it enforces pins",
    "lifespan": "writes down, once in the life of a process, that it enforces pins",
}
"""Patched functions without a row, and why."""
