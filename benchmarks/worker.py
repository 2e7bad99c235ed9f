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
One subject: a process with an Airflow, stock or ours, that does what it is told and says how long it took.

``python -m benchmarks.worker stock|ours FOLDER`` reads commands from standard input, one JSON object a line,
and answers each with one. Whatever Airflow prints goes to standard error.
"""

from __future__ import annotations

import gc
import json
import os
import sys
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from benchmarks import dags as made
from benchmarks import past, preparing, stock
from benchmarks.dags import BUNDLE, busy_dags, parsed_dag
from benchmarks.timing import timed


class Subject:
    """
    The commands.

    :param folder: where the Dag files are
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._runner: Any = None
        self._parsed: Iterator[list[Any]] = iter(())
        self._commit = ""

    def disconnect(self) -> None:
        """Close every connection, so that the database can be replaced."""
        from airflow import settings

        settings.Session.remove()
        settings.engine.dispose()

    def initialize(self) -> None:
        """Create the tables and the bundle."""
        from airflow.models.dagbundle import DagBundleModel
        from airflow.utils.db import initdb
        from airflow.utils.session import create_session

        initdb()
        with create_session() as session:
            session.add(DagBundleModel(name=BUNDLE))

    def create_runs(self, loops: int) -> dict[str, float]:
        """Go through so many of the scheduler's rounds of creating runs."""
        from airflow import settings
        from airflow.models.dagrun import DagRun
        from airflow.utils.sqlalchemy import prohibit_commit
        from sqlalchemy import func, select

        runner = self._scheduler()
        with timed() as timer:
            for _ in range(loops):
                session = settings.NonScopedSession()
                with prohibit_commit(session) as guard:
                    runner._create_dagruns_for_dags(guard, session)
                session.close()
        with settings.NonScopedSession() as session:
            created = session.scalar(select(func.count()).select_from(DagRun))
        return {**timer.cost, "total": created}

    def schedule_only(self, dags: int) -> None:
        """Pause all but the first so many Dags."""
        self._execute(f"UPDATE dag SET is_paused = dag_id >= '{made.dag_id(dags)}'")

    def make_due(self) -> None:
        """Make the next run of each Dag due now."""
        self._execute("UPDATE dag SET next_dagrun_create_after = now()")

    def _execute(self, statement: str) -> None:
        from airflow.utils.session import create_session
        from sqlalchemy import text

        with create_session() as session:
            session.execute(text(statement))

    def prepare_parse(self, dags: int, commit: str, file_size: int) -> None:
        """Parse the Dags, in files of so many, without writing anything yet."""
        parsed = [parsed_dag(number, commit, self._folder) for number in range(dags)]
        self._parsed = iter([parsed[start : start + file_size] for start in range(0, dags, file_size)])
        self._commit = commit

    def write(self, files: int) -> dict[str, float]:
        """Write the next so many of the parsed files, as the dag processor does."""
        from airflow.dag_processing.collection import update_dag_parsing_results_in_db
        from airflow.utils.session import create_session

        batch = list(islice(self._parsed, files))
        with timed() as timer:
            for dags in batch:
                with create_session() as session:
                    update_dag_parsing_results_in_db(
                        bundle_name=BUNDLE,
                        bundle_version=self._commit,
                        version_data=None,
                        dags=dags,
                        import_errors={},
                        parse_duration=0.1,
                        warnings=set(),
                        session=session,
                        files_parsed={(BUNDLE, dag.relative_fileloc) for dag in dags},
                    )
        return {**timer.cost, "total": sum(map(len, batch))}

    def prepare_turns(self, runs: int, tasks: int, pin: bool) -> None:
        """Register the busy Dags, make runs of them, and leave the scheduler nothing else to do."""
        from airflow.api.common.trigger_dag import trigger_dag
        from airflow.utils.session import create_session
        from airflow.utils.types import DagRunTriggeredByType
        from sqlalchemy import text

        with create_session() as session:
            session.execute(text("UPDATE dag SET is_paused = true"))
            session.execute(text("UPDATE dag_run SET state = 'success'"))
            session.execute(text("UPDATE slot_pool SET slots = 1000000"))
        self._parsed, self._commit = iter([busy_dags(tasks, "commit1", self._folder)]), "commit1"
        self.write(1)
        for dag_id in ("busy", "busy_mapped"):
            if pin:
                preparing.pin(dag_id)
            for number in range(runs):
                with create_session() as session:
                    run = trigger_dag(
                        dag_id, run_id=f"run_{number}", triggered_by=DagRunTriggeredByType.TEST, session=session
                    )
                    run.state = "running"
        with create_session() as session:
            session.execute(text("ANALYZE"))

    def take_turn(self, act: str) -> dict[str, float]:
        """Make everything ready, and time one turn of the scheduler's loop, or the hand-over that is part of it."""
        from airflow import settings
        from airflow.models.dagrun import DagRun
        from airflow.models.taskinstance import TaskInstance
        from airflow.utils.session import create_session
        from airflow.utils.sqlalchemy import prohibit_commit
        from sqlalchemy import case, delete, inspect, text, update

        dag_id = "busy_mapped" if act == "mapped_turn" else "busy"
        state = "scheduled" if act == "hand_over" else None
        runs_of_dag = case((DagRun.dag_id == dag_id, "running"), else_="success")
        tasks_of_dag = case((TaskInstance.dag_id == dag_id, state), else_="success")
        with create_session() as session:
            session.execute(update(DagRun).values(state=runs_of_dag))
            # By the names of the models: the columns are other ones since Airflow 3.4.
            session.execute(delete(TaskInstance).where(TaskInstance.map_index > 0))
            session.execute(
                update(TaskInstance).where(TaskInstance.dag_id == "busy_mapped").values({TaskInstance.map_index: -1})  # type: ignore[dict-item]
            )
            session.execute(update(TaskInstance).values(state=tasks_of_dag))
        written = ("dag_run", "task_instance", "xcom", "task_map", "rendered_task_instance_fields")
        there = inspect(settings.engine).get_table_names()
        with settings.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            # Autovacuum is off: without this, each turn would wade through the dead rows of all earlier ones.
            connection.execute(text(f"VACUUM {', '.join(table for table in written if table in there)}"))
        runner = self._scheduler()
        executor = runner.executor
        runner._parallelism = executor.parallelism = 1_000_000
        runner.job.max_tis_per_query = 0 if act == "hand_over" else 16
        handed_over: list[Any] = []
        executor.queue_workload = lambda workload, session: handed_over.append(workload)
        session = settings.Session()
        with timed() as timer:
            if act == "hand_over":
                with prohibit_commit(session) as guard:
                    runner._critical_section_enqueue_task_instances(session=session)
                    guard.commit()
            else:
                runner._do_scheduling(session)
                session.commit()
        settings.Session.remove()
        with create_session() as session:
            ready = session.scalar(text("SELECT count(*) FROM task_instance WHERE state IN ('scheduled', 'queued')"))
        return {**timer.cost, "ready": ready, "handed_over": len(handed_over)}

    def look_up(self, what: str, times: int) -> dict[str, Any]:
        """Ask one of :data:`benchmarks.past.LOOK_UPS` so many times."""
        with past.asking(what) as ask:
            found = ask()
            # What was imported by now stays: to look for garbage in it would take longer than the look-ups.
            gc.freeze()
            with timed() as timer:
                for _ in range(times):
                    ask()
        return {**timer.cost, "found": found}

    def apply_policies(self, count: int, watched: list[str]) -> None:
        """Put so many policies in force, of which one rolls the Dags back that match."""
        preparing.apply_policies(count, watched)

    def start_ramps(self) -> None:
        """Start a ramp of the newest version of each pinned Dag, whose next run has that version."""
        preparing.start_ramps()

    def release(self, commit: str) -> dict[str, float]:
        """Pin all Dags to a commit, in one transaction."""
        from airflow.utils.session import create_session

        from airflow_providers_pinning.domain.changes import transactions
        from airflow_providers_pinning.domain.history.events import Caller, Change
        from airflow_providers_pinning.domain.releases.release import make_release
        from airflow_providers_pinning.domain.releases.request import Access, ReleaseRequest
        from airflow_providers_pinning.vocabulary import ReleaseOutcome

        wanted = ReleaseRequest(bundle_version=commit)
        change = Change(Caller("bench"), "to be measured")
        with timed() as timer, create_session() as session:
            report = transactions.commit(
                lambda: make_release(wanted, change, Access(), session=session), session=session
            )
        changed = [dag for dag in report.dags if dag.outcome is ReleaseOutcome.CHANGED]
        return {**timer.cost, "total": len(changed)}

    def warm_up(self) -> None:
        """Write a Dag that is not measured, changed and unchanged, so that nothing is done for the first time."""
        for commit in ("warm1", "warm2", "warm2"):
            self._parsed, self._commit = iter([[parsed_dag(9999, commit, self._folder)]]), commit
            self.write(1)

    def state(self) -> dict[str, Any]:
        """Count what is in the database, to check that the work was done."""
        from airflow.utils.session import create_session
        from sqlalchemy import text

        counts = {
            "versions": "SELECT count(*) FROM dag_version",
            "runs_of_version_1": "SELECT count(*) FROM dag_run r JOIN dag_version v "
            "ON v.id = r.created_dag_version_id WHERE v.version_number = 1",
            "runs": "SELECT count(*) FROM dag_run",
            "task_instances": "SELECT count(*) FROM task_instance",
            "bundle_versions": "SELECT string_agg(DISTINCT bundle_version, ',') FROM dag",
        }
        with create_session() as session:
            return {name: session.scalar(text(query)) for name, query in counts.items()}

    def _scheduler(self) -> Any:
        if self._runner is None:
            from airflow.executors.local_executor import LocalExecutor
            from airflow.jobs.job import Job
            from airflow.jobs.scheduler_job_runner import SchedulerJobRunner

            self._runner = SchedulerJobRunner(Job(id=1), executors=[LocalExecutor()])
        return self._runner


def main() -> None:
    """Answer commands until standard input ends."""
    kind, folder = sys.argv[1:]
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    if kind == "stock":
        stock.hide_package()
    stock.check(stock=kind == "stock")
    subject = Subject(Path(folder))
    for line in sys.stdin:
        command = json.loads(line)
        method: Callable = getattr(subject, command.pop("do"))
        print(json.dumps(method(**command)), file=answers, flush=True)


if __name__ == "__main__":
    main()
