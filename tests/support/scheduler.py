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
"""Airflow's scheduler, as far as it creates, starts and finishes runs, in this process."""

from __future__ import annotations

from airflow.jobs.job import Job
from airflow.jobs.scheduler_job_runner import SchedulerJobRunner
from airflow.models.dagrun import DagRun
from airflow.utils.sqlalchemy import prohibit_commit
from sqlalchemy.orm import Session

from airflow_providers_pinning.patch_points import RELEASE


def runs_to_examine(session: Session) -> list[DagRun]:
    """Return the running runs that a turn of the scheduler decides about."""
    since_3_4 = {"eagerly_load_dag_tags": False} if RELEASE >= (3, 4) else {}
    return list(DagRun.get_running_dag_runs_to_examine(session=session, **since_3_4))


class Scheduler:
    """
    A scheduler whose loop is turned by hand.

    :param session: session of the test; committed after each turn
    """

    def __init__(self, session: Session) -> None:
        self.session = session
        self.runner = SchedulerJobRunner(job=Job())

    def create_due_runs(self) -> None:
        """Create the runs that are due, exactly as one turn of the loop does."""
        with prohibit_commit(self.session) as guard:
            self.runner._create_dagruns_for_dags(guard, self.session)
        self.session.commit()

    def turn(self, times: int = 1) -> None:
        """Make whole turns of the loop, as a scheduler whose executors have no slot free."""
        self.runner.executors = []
        for _ in range(times):
            self.runner._do_scheduling(self.session)
            self.session.commit()
            self.session.expunge_all()

    def start_and_decide(self, turns: int = 1) -> None:
        """Start queued runs, and decide about the tasks and the state of running ones, as turns of the loop do."""
        for _ in range(turns):
            with prohibit_commit(self.session) as guard:
                self.runner._start_queued_dagruns(self.session)
                guard.commit()
                running = runs_to_examine(self.session)
                self.runner._schedule_all_dag_runs(guard, running, self.session)
            self.session.commit()
            # As the loop does, which would have an outdated view of the database otherwise.
            self.session.expunge_all()
