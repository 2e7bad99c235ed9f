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
"""A Dag whose live runs and canary runs take their time, second by second, under Airflow's own scheduler."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from airflow.api.common.trigger_dag import trigger_dag
from airflow.models.dagrun import DagRun
from airflow.models.taskinstance import TaskInstance, clear_task_instances
from airflow.utils.state import DagRunState, TaskInstanceState
from airflow.utils.types import DagRunTriggeredByType
from sqlalchemy import select
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.changes.canary import CanaryRequest, create_canary_runs
from tests.support.clock import Clock
from tests.support.lab import Lab
from tests.support.scheduler import Scheduler

CANARY = "canary__"


def clear(run: DagRun, session: Session) -> None:
    """Clear all tasks of a run, as Airflow does."""
    clear_task_instances(run.get_task_instances(session=session), session)
    session.commit()


class World:
    """
    Dag ``orders``, its runs and those who carry out their tasks.

    :param lab: where the Dag is registered
    :param scheduler: the scheduler
    :param clock: the time
    """

    def __init__(self, lab: Lab, scheduler: Scheduler, clock: Clock) -> None:
        self.lab = lab
        self.scheduler = scheduler
        self.clock = clock
        self.session = lab.session
        self.seconds: Callable[[str], float] = lambda run_id: 2
        """How long the task of a run takes."""
        self.check: Callable[[], None] = lambda: None
        """What is asserted after each turn of the scheduler."""

    def request(self, number: int = 2, count: int = 1, **request) -> tuple[str, ...]:
        """Ask for canary runs."""
        return self.request_with_warnings(number, count, **request).run_ids

    def request_with_warnings(self, number: int = 2, count: int = 1, **request):
        wanted = CanaryRequest(number, count, **request)
        created = create_canary_runs("orders", wanted, self.lab.change(), session=self.session)
        self.session.commit()
        return created

    def trigger(self) -> str:
        """Trigger a live run by hand."""
        run = trigger_dag("orders", triggered_by=DagRunTriggeredByType.REST_API, session=self.session)
        run_id = run.run_id
        self.session.commit()
        return run_id

    def live_on(self, seconds: float, step: float = 1) -> None:
        """Let time go by, and everybody do their work."""
        until = self.clock.now + timedelta(seconds=seconds)
        while self.clock.now < until:
            self.clock.advance(step)
            self.work()
            self.turn()

    def turn(self) -> None:
        """Turn the scheduler's loop once."""
        self.scheduler.create_due_runs()
        self.scheduler.start_and_decide()
        self.check()

    def work(self) -> None:
        """Begin the tasks that the scheduler gave out, and end those whose time has come."""
        now = self.clock.now
        at_work = select(TaskInstance).where(
            TaskInstance.state.in_((TaskInstanceState.SCHEDULED, TaskInstanceState.RUNNING))
        )
        for ti in self.session.scalars(at_work.execution_options(populate_existing=True)):
            if ti.state == TaskInstanceState.SCHEDULED:
                ti.state, ti.start_date, ti.try_number = TaskInstanceState.RUNNING, now, ti.try_number + 1
            elif ti.state == TaskInstanceState.RUNNING and now >= ti.start_date + timedelta(
                seconds=self.seconds(ti.run_id)
            ):
                ti.state, ti.end_date = TaskInstanceState.SUCCESS, now
                ti.duration = (now - ti.start_date).total_seconds()
        self.session.commit()

    def runs(self) -> list[DagRun]:
        """Return all runs, read anew, in the order of their creation."""
        return list(self.session.scalars(select(DagRun).order_by(DagRun.id).execution_options(populate_existing=True)))

    def live(self) -> list[DagRun]:
        """Return the live runs."""
        return [run for run in self.runs() if not run.run_id.startswith(CANARY)]

    def canaries(self) -> list[DagRun]:
        """Return the canary runs."""
        return [run for run in self.runs() if run.run_id.startswith(CANARY)]

    def states(self) -> list[str]:
        """Return the states of the canary runs."""
        return [run.state for run in self.canaries()]

    def ticks(self) -> list[datetime]:
        """Return when the scheduled runs were due."""
        return [run.run_after for run in self.live() if run.run_type == "scheduled"]

    def history(self) -> list[tuple]:
        """Return all that is to be seen of live runs."""
        return [(run.run_id, run.state, run.run_after, run.start_date, run.end_date) for run in self.live()]

    def assert_no_overlap(self) -> None:
        """Assert that no canary run is active beside another active run."""
        active = self.session.scalars(select(DagRun.run_id).where(DagRun.state == DagRunState.RUNNING)).all()
        assert len(active) < 2 or not any(run_id.startswith(CANARY) for run_id in active), active
