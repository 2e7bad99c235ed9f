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
"""What Airflow looks up about the runs before a live run, asked in a subject's process as Airflow asks it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from types import SimpleNamespace
from typing import Any

from benchmarks.dags import dag_id

DAG = dag_id(0)
"""The Dag that has a past."""
NEWEST = "live_200"
"""Its newest live run, which asks."""


@dataclass(frozen=True)
class Asker:
    """A live run that asks, and its first task."""

    session: Any
    run: Any
    task: Any


def previous_run(asker: Asker) -> Any:
    """Find the previous run."""
    from airflow.models.dagrun import DagRun

    return DagRun.get_previous_dagrun(asker.run, session=asker.session).run_id


def previous_scheduled_run(asker: Asker) -> Any:
    """Find the previous scheduled run."""
    from airflow.models.dagrun import DagRun

    return DagRun.get_previous_scheduled_dagrun(asker.run.id, session=asker.session).run_id


def earlier_tasks(asker: Asker) -> Any:
    """Find out whether the task has run before."""
    from airflow.ti_deps.deps.prev_dagrun_dep import PrevDagrunDep

    return PrevDagrunDep._has_any_prior_tis(asker.task, session=asker.session)


def earlier_xcom(asker: Asker) -> Any:
    """Read the newest XCom of the task, of whichever run."""
    from airflow.models.xcom import XComModel

    query = XComModel.get_many(
        run_id=asker.run.run_id, task_ids=asker.task.task_id, dag_ids=DAG, include_prior_dates=True, limit=1
    )
    return asker.session.scalars(query).one().run_id


def average_runtime(asker: Asker) -> Any:
    """Compute a deadline from the runtime of the last ten runs."""
    from airflow.serialization.definitions.deadline import SerializedReferenceModels

    from airflow_providers_pinning.patch_points import RELEASE

    reference = SerializedReferenceModels.AverageRuntimeDeadline(10)
    asked = {"dagrun": asker.run} if RELEASE >= (3, 4) else {"dag_id": DAG}
    return reference._evaluate_with(session=asker.session, **asked) is not None


def active_runs(asker: Asker) -> Any:
    """Count what takes a slot."""
    from airflow.models.dagrun import DagRun

    return DagRun.active_runs_of_dags(dag_ids=[DAG], exclude_backfill=True, session=asker.session).get(DAG, 0)


def recent_failures(asker: Asker) -> Any:
    """Find out whether the last three runs failed."""
    asker.run._check_last_n_dagruns_failed(DAG, 3, asker.session)


def old_templates(asker: Asker) -> Any:
    """Delete rendered templates, of which there are none to delete."""
    from airflow.models.renderedtifields import RenderedTaskInstanceFields

    RenderedTaskInstanceFields.delete_old_records(asker.task.task_id, DAG, num_to_keep=30, session=asker.session)


def previous_success_of_task(asker: Asker) -> Any:
    """Find the previous successful run as a task asks."""
    from airflow.api_fastapi.execution_api.routes import task_instances

    found = _answer(task_instances.get_previous_successful_dagrun, asker, task_instance_id=asker.task.id)
    return str(found.start_date)


def previous_run_of_task(asker: Asker) -> Any:
    """Find the previous run as a task asks."""
    from airflow.api_fastapi.execution_api.routes import dag_runs

    asked = {"dag_id": DAG, "logical_date": asker.run.logical_date, "state": None}
    return _answer(dag_runs.get_previous_dagrun, asker, **asked).run_id


def previous_task(asker: Asker) -> Any:
    """Find the task instance of the previous run as a task asks."""
    from airflow.api_fastapi.execution_api.routes import task_instances

    from airflow_providers_pinning.patch_points import RELEASE

    asked = {"dag_id": DAG, "task_id": asker.task.task_id, "logical_date": asker.run.logical_date, "map_index": -1}
    of_caller = {"dag_bag": None, "token": SimpleNamespace(id=asker.task.id)} if RELEASE >= (3, 4) else {}
    return _answer(task_instances.get_previous_task_instance, asker, **asked, **of_caller, state=None).run_id


def count_of_runs(asker: Asker) -> Any:
    """Count the runs of the Dag as a task asks."""
    from airflow.api_fastapi.execution_api.routes import dag_runs

    return _answer(dag_runs.get_dr_count, asker, dag_id=DAG, logical_dates=None, run_ids=None, states=None)


def count_of_tasks(asker: Asker) -> Any:
    """Count the instances of the task as a task asks."""
    from airflow.api_fastapi.execution_api.routes import task_instances

    which = {"task_ids": [asker.task.task_id], "task_group_id": None, "map_index": None}
    asked = {"dag_id": DAG, "dag_bag": None, **which, "logical_dates": None, "run_ids": None}
    return _answer(task_instances.get_task_instance_count, asker, **asked, states=None)


def runs_to_start(asker: Asker) -> Any:
    """Look for runs to start, as each turn of the scheduler does."""
    from airflow.executors.local_executor import LocalExecutor
    from airflow.jobs.job import Job
    from airflow.jobs.scheduler_job_runner import SchedulerJobRunner

    global _runner
    _runner = _runner or SchedulerJobRunner(Job(id=1), executors=[LocalExecutor()])
    _runner._start_queued_dagruns(asker.session)


_runner: Any = None

LOOK_UPS: dict[str, Callable[[Asker], Any]] = {
    "the previous run (depends_on_past)": previous_run,
    "the previous scheduled run": previous_scheduled_run,
    "earlier task instances (ignore_first_depends_on_past)": earlier_tasks,
    "the average runtime (deadlines)": average_runtime,
    "active runs (max_active_runs)": active_runs,
    "failures in a row (max_consecutive_failed_dag_runs)": recent_failures,
    "rendered templates to delete": old_templates,
    "a task's previous successful run": previous_success_of_task,
    "a task's previous run": previous_run_of_task,
    "a task's previous instance": previous_task,
    "runs to start": runs_to_start,
}
"""What is to cost the same, however many canary runs there are."""
COUNTS: dict[str, Callable[[Asker], Any]] = {
    "XComs of prior dates": earlier_xcom,
    "the count of runs": count_of_runs,
    "the count of task instances": count_of_tasks,
}
"""What has to look at each run of the Dag, in stock Airflow too."""


@contextmanager
def asking(what: str) -> Iterator[Callable[[], Any]]:
    """Return what asks one of :data:`LOOK_UPS` or :data:`COUNTS` once, in a session of its own."""
    from airflow import settings
    from airflow.models.dagrun import DagRun
    from sqlalchemy import select

    with settings.NonScopedSession() as session:
        run = session.scalars(select(DagRun).where(DagRun.dag_id == DAG, DagRun.run_id == NEWEST)).one()
        task = min(run.task_instances, key=lambda ti: ti.task_id)
        # It is read now rather than in the first look-up.
        session.refresh(task, ["dag_run"])
        yield partial((LOOK_UPS | COUNTS)[what], Asker(session, run, task))
        session.rollback()


def _answer(route: Callable[..., Any], asker: Asker, **asked: Any) -> Any:
    from tests.support.asynchronous import answer

    return answer(route, session=asker.session, **asked)
