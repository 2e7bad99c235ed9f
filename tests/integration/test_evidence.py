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
"""Recorded outcomes and the verdict from them on PostgreSQL, of runs that two sessions change."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest
from airflow import settings
from airflow.models.dagrun import DagRun
from airflow.models.taskinstance import TaskInstance
from sqlalchemy import event, select, text, update

from airflow_providers_pinning.domain.canaries.alterations import note_clearing
from airflow_providers_pinning.domain.soak import soak
from airflow_providers_pinning.domain.soak.baseline import Tolerance
from airflow_providers_pinning.domain.soak.soak import SoakQuestion
from airflow_providers_pinning.domain.soak.verdict import Criteria
from airflow_providers_pinning.vocabulary import RunKind
from tests.support.canaries import Canaries, dag_with_tasks
from tests.support.sources import STABLE

BEGAN = datetime(2026, 10, 25, tzinfo=timezone.utc)
GREEN_ANYWAY = {"extract": "all_success", "load": "all_done"}


@pytest.fixture
def canaries(lab, scheduler):
    lab.commit("sha1", orders=STABLE)
    lab.pin("orders", 1)
    lab.commit("sha2", orders=dag_with_tasks(GREEN_ANYWAY))
    return Canaries(lab, scheduler)


def judge(session, number=2, **question):
    session.rollback()
    criteria = question.pop("criteria", Criteria(min_runs=1))
    return soak.soak("orders", number, SoakQuestion(criteria, **question), session=session)


def test_outcomes_are_recorded_and_judged(canaries, session):
    canaries.finish(canaries.start())
    canaries.finish(canaries.start(), extract="failed")
    deleted = canaries.start()
    canaries.finish(deleted, load="failed")
    session.delete(canaries.run(deleted))
    session.commit()
    for kind in (RunKind.CANARY, RunKind.ANY):
        judged = judge(session, run_kinds=kind, tolerance=Tolerance())
        assert (judged.evidence.successes, judged.evidence.failures, judged.evidence.failed_tasks) == (1, 2, 1)
        assert judged.evidence.notes == (
            "1 run failed (later deleted).",
            "1 run failed in task extract, whatever it ended as.",
        )
        assert judged.comparison.median_duration == 20


def test_clearing_and_finishing_wait_for_each_other_and_both_are_recorded(canaries, session, elsewhere):
    run_id = canaries.start()
    session.execute(update(TaskInstance).values(state="success", try_number=1))
    session.commit()
    run = session.scalars(select(DagRun).where(DagRun.run_id == run_id)).one()
    canaries.scheduler.runner._schedule_dag_run(run, session=session)

    def clear(other):
        other.execute(update(DagRun).where(DagRun.run_id == run_id).values(clear_number=1))
        note_clearing("orders", run_id, tasks=["load"], failed=[], session=other)

    clearing = elsewhere(clear)
    clearing.wait_until_locked_out()
    session.commit()
    clearing.commit()

    record = canaries.record(run_id)
    assert (record.state, [altered["what"] for altered in record.alterations]) == ("success", ["cleared"])


def test_each_run_is_one_probe_though_statistics_know_few_runs(canaries, session):
    """Right after many runs a join would compare each of them with each other, which takes hours."""
    counting = []

    def keep(connection, cursor, statement, *_):
        if "AS counts_as" in statement and "count(" in statement:
            counting.append(cursor.query.decode())

    event.listen(settings.engine, "after_cursor_execute", keep)
    try:
        judge(session, 1, run_kinds=RunKind.LIVE)
    finally:
        event.remove(settings.engine, "after_cursor_execute", keep)

    [statement] = counting
    few = "UPDATE pg_class SET reltuples = 2000, relpages = 1 WHERE relname IN ('dag_run', 'task_instance')"
    session.execute(text(few))
    connection = session.connection().execution_options(no_parameters=True)
    plan = list(connection.exec_driver_sql(f"EXPLAIN {statement}").scalars())
    session.rollback()
    looked_up = [line for line in plan if " on task_instance" in line]
    assert [line for line in of_subplans(plan) if " on task_instance" in line] == looked_up, "\n".join(plan)
    assert len(looked_up) == 1
    assert "Seq Scan" not in looked_up[0]
    assert [line for line in of_subplans(plan) if "ti_dag_run" in line], "\n".join(plan)


def of_subplans(plan):
    """Yield the lines of a plan that belong to its sub-plans."""
    depth = None
    for line in plan:
        indent = len(line) - len(line.lstrip())
        if depth is not None and indent <= depth:
            depth = None
        if depth is None and line.lstrip().startswith("SubPlan"):
            depth = indent
        if depth is not None:
            yield line
