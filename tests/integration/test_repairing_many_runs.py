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
"""A rollback reruns very many runs in transactions that are short."""

import time
from itertools import pairwise

import pytest
from airflow.models.dagrun import DagRun
from airflow.models.taskinstance import TaskInstance
from sqlalchemy import func, select, text

from airflow_providers_pinning.domain.changes import rollback, run_repair_part
from airflow_providers_pinning.domain.changes.affected_runs import RunRepair
from airflow_providers_pinning.vocabulary import FinishedRuns, UnfinishedRuns
from tests.support.sources import dag_file
from tests.support.statements import counted_parameters

RUNS = 200
"""Enough for ten parts; a thousand take five times as long, in parts that take no longer."""

MAX_STATEMENTS_A_RUN = 60

MORE_RUNS = text(
    """
    INSERT INTO dag_run (dag_id, run_id, run_type, state, logical_date, run_after, queued_at, start_date, end_date,
                         created_at, updated_at, created_dag_version_id, bundle_version, clear_number, conf,
                         log_template_id, data_interval_start, data_interval_end, triggered_by)
    SELECT 'orders', 'run_' || n, 'scheduled', CASE WHEN n % 100 = 0 THEN 'queued' WHEN n % 3 = 0 THEN 'failed'
           ELSE 'success' END, moment, moment, moment, moment, moment, now(), now(), v.id, v.bundle_version, 0, '{}',
           (SELECT max(id) FROM log_template), moment, moment, 'TIMETABLE'
    FROM generate_series(1, :count) n, dag_version v,
         LATERAL (SELECT timestamptz '2026-01-01' + n * interval '1 minute' AS moment) m
    WHERE v.dag_id = 'orders' AND v.version_number = 2
    """
)


@pytest.fixture
def many_bad_runs(lab, session):
    tasks = "extract clean join check load"
    lab.commit("sha1", orders=dag_file("orders", tasks=tasks))
    lab.pin("orders", 1)
    lab.commit("sha2", orders=dag_file("orders", tasks=f"{tasks} report"))
    lab.pin("orders", 2)
    session.execute(MORE_RUNS, {"count": RUNS})
    session.commit()
    for run in lab.runs("orders"):
        run.dag = lab.serialized("orders", 2).dag
        run.verify_integrity(session=session, dag_version_id=run.created_dag_version_id)
    session.execute(
        text(
            "UPDATE task_instance t SET state = r.state, try_number = 1, start_date = now(), end_date = now() "
            "FROM dag_run r WHERE r.run_id = t.run_id AND r.dag_id = t.dag_id AND r.state IN ('success', 'failed')"
        )
    )
    session.commit()
    session.expire_all()
    return lab


def test_many_runs_are_repaired_in_short_parts(many_bad_runs, session, capsys):
    repair = RunRepair(UnfinishedRuns.CANCEL, FinishedRuns.RERUN)

    times = [time.monotonic()]
    with counted_parameters(session) as statements:
        state = rollback.roll_back("orders", many_bad_runs.change(), repair=repair, session=session)
        session.commit()
        times.append(time.monotonic())
        state = rollback.repair_runs(state, progress=lambda *far: times.append(time.monotonic()), session=session)
    longest = max(after - before for before, after in pairwise(times))

    with capsys.disabled():
        print(
            f"\nRolled back in {times[1] - times[0]:.1f} s; {RUNS} runs were repaired in {times[-1] - times[1]:.1f} s "
            f"with {len(statements)} statements, in parts of at most {longest:.1f} s"
        )
    assert (len(state.repair.canceled), len(state.repair.rerun)) == (RUNS // 100, RUNS - RUNS // 100)
    version_id = many_bad_runs.version("orders", 1).id
    assert session.scalar(
        select(func.count())
        .select_from(DagRun)
        .where(DagRun.state == "queued", DagRun.created_dag_version_id == version_id, DagRun.bundle_version == "sha1")
    ) == len(state.repair.rerun)
    assert session.scalar(
        select(func.count())
        .select_from(TaskInstance)
        .where(TaskInstance.state.is_(None), TaskInstance.dag_version_id == version_id)
    ) == 5 * len(state.repair.rerun)
    # Measured above, and bounded by the number of runs in a part: how long they take depends on the machine.
    assert len(times) - 2 >= RUNS // run_repair_part.RUNS_AT_A_TIME
    assert len(statements) < RUNS * MAX_STATEMENTS_A_RUN
