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
"""Canary runs that the scheduler starts and finishes, with tasks that end as a test says."""

from __future__ import annotations

from datetime import timedelta

from airflow._shared.timezones import timezone
from airflow.models.dagrun import DagRun
from airflow.models.taskinstance import TaskInstance
from airflow.utils.state import DagRunState, TaskInstanceState
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.changes.canary import CanaryRequest, create_canary_runs
from airflow_providers_pinning.models import RoutedRun
from tests.support.lab import Lab
from tests.support.scheduler import Scheduler
from tests.support.sources import dag_file

UNFINISHED = (DagRunState.QUEUED, DagRunState.RUNNING)


def dag_with_tasks(rules: dict[str, str], arguments: str = "schedule='@daily'", more: str = "") -> str:
    """
    Return the source of Dag ``orders``, whose tasks are run by workers, one after another.

    :param rules: trigger rule of each task
    :param arguments: source of further arguments of the Dag
    :param more: source of further arguments of each task
    """
    tasks = "".join(
        f"@task(task_id={name!r}, trigger_rule={rule!r}{more})\ndef run_{name}():\n    pass\n"
        for name, rule in rules.items()
    )
    chain = " >> ".join(f"run_{name}()" for name in rules)
    return dag_file("orders", arguments, "", f"{tasks}{chain}")


class Canaries:
    """
    Canary runs of Dag ``orders``.

    :param lab: where the Dag is registered
    :param scheduler: the scheduler that starts and finishes them
    """

    def __init__(self, lab: Lab, scheduler: Scheduler) -> None:
        self.lab = lab
        self.scheduler = scheduler
        self.seconds = 10.0

    @property
    def session(self) -> Session:
        return self.lab.session

    def start(self, number: int = 2, **request) -> str:
        """Create one, let the scheduler start it, and return its run id."""
        created = create_canary_runs(
            "orders", CanaryRequest(number, **request), self.lab.change(), session=self.session
        )
        self.let_start(*created.run_ids)
        return created.run_ids[0]

    def let_start(self, *run_ids: str) -> None:
        """Let the scheduler start runs."""
        # SQLite's clock has whole seconds, so the runs would be due within the next one.
        due = DagRun.run_id.in_(run_ids)
        self.session.execute(update(DagRun).where(due).values(run_after=timezone.utcnow() - timedelta(seconds=2)))
        self.session.commit()
        self.scheduler.start_and_decide()

    def finish(self, run_id: str, **states: str) -> str | None:
        """Let its tasks end with the given states, by default successfully, and let the scheduler finish the run."""
        for _ in range(10):
            run = self.run(run_id)
            if run.state not in UNFINISHED:
                break
            self.work(run_id, **states)
            self.scheduler.start_and_decide()
        return self.run(run_id).state

    def work(self, run_id: str, **states: str) -> None:
        """Let those tasks end that the scheduler gave to the executor, as a worker does."""
        scheduled = TaskInstance.state == TaskInstanceState.SCHEDULED
        for ti in self.session.scalars(select(TaskInstance).where(TaskInstance.run_id == run_id, scheduled)):
            ti.state = states.get(ti.task_id, "success")
            ti.end_date = timezone.utcnow()
            ti.start_date = ti.end_date - timedelta(seconds=self.seconds)
            ti.duration = self.seconds
        self.session.commit()

    def retry(self, run_id: str, task_id: str, *, seconds: float = 10) -> None:
        """Let a task fail that has another try, as the execution API notes it."""
        [ti] = self.session.scalars(
            select(TaskInstance).where(TaskInstance.run_id == run_id, TaskInstance.task_id == task_id)
        )
        ti.state, ti.start_date = TaskInstanceState.FAILED, timezone.utcnow() - timedelta(seconds=seconds)
        ti.end_date, ti.duration = timezone.utcnow(), seconds
        # Airflow 3.4 goes on with another row; 3.3 keeps the earlier try elsewhere.
        following = ti.prepare_db_for_next_try(self.session)
        (following or ti).state = TaskInstanceState.UP_FOR_RETRY
        self.session.commit()
        self.scheduler.start_and_decide()

    def run(self, run_id: str) -> DagRun:
        """Return a run, read anew."""
        query = select(DagRun).where(DagRun.run_id == run_id).execution_options(populate_existing=True)
        return self.session.scalars(query).one()

    def record(self, run_id: str) -> RoutedRun | None:
        """Return what is recorded of a run, read anew."""
        return self.session.get(RoutedRun, ("orders", run_id), populate_existing=True)
