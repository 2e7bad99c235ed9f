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
"""What has the dag processor run a callback or send an e-mail, as ``patched_functions.py`` has it."""

from __future__ import annotations

from typing import Any
from unittest import mock

from airflow._shared.timezones import timezone
from airflow.callbacks.callback_requests import DagCallbackRequest
from airflow.callbacks.database_callback_sink import DatabaseCallbackSink
from airflow.models.taskinstance import TaskInstance
from airflow.models.trigger import handle_event_submit
from airflow.triggers.base import TaskFailedEvent
from airflow.utils.session import create_session
from airflow.utils.sqlalchemy import prohibit_commit
from airflow.utils.state import TaskInstanceState
from sqlalchemy import update

from tests.integration.patched_functions import Act, Row, World, key_of
from tests.support.lab import BUNDLE
from tests.support.scheduler import runs_to_examine

ALARMED = "EmptyOperator(task_id={!r}, on_failure_callback=print, email='a@example.org')\n"


def alarmed(world: World, state: TaskInstanceState, **values: Any) -> None:
    """Let tasks be in a state, of which a failure sends a callback and an e-mail."""
    body = "".join(ALARMED.format(name) for name in world.task_ids)
    world.running(state, arguments="schedule=None, on_failure_callback=print", body=body)
    of_dag = update(TaskInstance).where(TaskInstance.dag_id == world.dag_id)
    world.session.execute(of_dag.values(queued_by_job_id=world.runner.job.id, **values))
    # The first one alarms nobody. It has no place among them that is always the same.
    world.session.execute(of_dag.where(TaskInstance.task_id == "first").values(state=TaskInstanceState.SUCCESS))
    world.session.commit()
    world.session.expunge_all()
    world.runner.executor.callback_sink = DatabaseCallbackSink()


def alarming(world: World) -> list[TaskInstance]:
    return [ti for ti in world.tasks() if ti.task_id in world.task_ids]


def send_callbacks(world: World) -> Act:
    """Send callbacks of a run."""
    world.running(None)
    [run] = world.runs()
    request = DagCallbackRequest(
        filepath=f"{world.dag_id}.py",
        bundle_name=BUNDLE,
        bundle_version=run.bundle_version,
        dag_id=world.dag_id,
        run_id=run.run_id,
    )
    requests = [request.model_copy() for _ in range(world.size)]
    return lambda: [DatabaseCallbackSink().send(request) for request in requests]


def hear_of_killed_tasks(world: World) -> Act:
    """Take from the executor that tasks were killed, each of which has a callback and an e-mail sent."""
    alarmed(world, TaskInstanceState.QUEUED)
    executor = world.runner.executor
    for ti in alarming(world):
        executor.event_buffer[key_of(ti)] = (TaskInstanceState.FAILED, None)
    world.session.expunge_all()

    def act():
        with create_session() as session:
            world.runner._process_executor_events(executor, session)

    return act


def purge_tasks_without_heartbeat(world: World) -> Act:
    """Fail the tasks of a worker that was lost."""
    alarmed(world, TaskInstanceState.RUNNING, last_heartbeat_at=timezone.datetime(2026, 1, 1))
    return world.runner._find_and_purge_task_instances_without_heartbeats


def fail_stuck_tasks(world: World) -> Act:
    """Fail tasks that no worker took."""
    alarmed(world, TaskInstanceState.QUEUED, queued_dttm=timezone.datetime(2026, 1, 1))
    world.runner._num_stuck_queued_retries = 0

    def act():
        # Few executors can revoke a task.
        with mock.patch.object(type(world.runner.executor), "revoke_task"):
            world.runner._handle_tasks_stuck_in_queued()

    return act


def end_tasks_by_triggers(world: World) -> Act:
    """Let triggers fail tasks, without a worker."""
    alarmed(world, TaskInstanceState.DEFERRED)

    def act():
        for ti in alarming(world):
            handle_event_submit(TaskFailedEvent(), task_instance=ti, session=world.session)
        world.session.commit()

    return act


def tell_of_failed_runs(world: World) -> Act:
    """Send the callback of a run that the scheduler ends."""
    alarmed(world, TaskInstanceState.FAILED)

    def act():
        with create_session() as session:
            with prohibit_commit(session) as guard:
                ended = world.runner._schedule_all_dag_runs(guard, runs_to_examine(session), session)
            for run, callback in ended:
                dag = world.runner.scheduler_dag_bag.get_dag_for_run(run, session=session)
                world.runner._send_dag_callbacks_to_processor(dag, callback)

    return act


SEND = "DatabaseCallbackSink.send"
ROWS = (
    Row(send_callbacks, (SEND,)),
    Row(hear_of_killed_tasks, (SEND, "SchedulerJobRunner._process_executor_events")),
    Row(purge_tasks_without_heartbeat, (SEND,)),
    Row(fail_stuck_tasks, (SEND,)),
    Row(end_tasks_by_triggers, (SEND,)),
    Row(tell_of_failed_runs, (SEND, "DagRun.update_state")),
)
