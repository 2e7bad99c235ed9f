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
"""What passing over canary runs costs: nothing but one more condition, however many runs there are."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from airflow import settings
from airflow.models.dagrun import DagRun
from airflow.models.renderedtifields import RenderedTaskInstanceFields
from airflow.models.xcom import XComModel
from airflow.serialization.definitions.deadline import SerializedReferenceModels
from airflow.ti_deps.deps.prev_dagrun_dep import PrevDagrunDep
from airflow.utils.state import DagRunState
from airflow.utils.types import DagRunTriggeredByType, DagRunType
from sqlalchemy import insert, select, text

from airflow_providers_pinning.domain.canaries.routed_runs import of_canary_runs
from airflow_providers_pinning.domain.changes.canary import CanaryRequest, create_canary_runs
from airflow_providers_pinning.models import RoutedRun
from airflow_providers_pinning.patch_points import RELEASE
from tests.support.asynchronous import statements_sent
from tests.support.execution_api import execution_api
from tests.support.sources import STABLE
from tests.support.stock import without_enforcement


@pytest.fixture(scope="module")
def client(airflow_database):
    with execution_api() as client:
        yield client


@pytest.fixture
def runs(lab, session):
    """Create live runs of one Dag, and canary runs of another."""
    lab.commit("sha1", orders=STABLE, trial=STABLE.replace('"orders"', '"trial"'))
    dag = lab.serialized("orders", 1).dag
    now = datetime(2026, 1, 1, tzinfo=timezone.utc)
    for day in range(5):
        dag.create_dagrun(
            run_id=f"live{day}",
            logical_date=now + timedelta(days=day),
            data_interval=(now, now),
            run_after=now,
            run_type=DagRunType.SCHEDULED,
            triggered_by=DagRunTriggeredByType.TIMETABLE,
            state=DagRunState.SUCCESS,
            session=session,
        )
    create_canary_runs("trial", CanaryRequest(1, count=3), lab.change(), session=session)
    session.commit()
    return lab


QUESTIONS = {
    "previous successful run": lambda client, run, session: client.task_instances.get_previous_successful_dagrun(
        run.task_instances[0].id
    ),
    "previous task instance": lambda client, run, session: client.task_instances.get_previous(
        "orders", "extract", run.logical_date
    ),
    "count of task instances": lambda client, run, session: client.task_instances.get_count("orders"),
    "states of tasks": lambda client, run, session: client.task_instances.get_task_states("orders"),
    "previous run over HTTP": lambda client, run, session: client.dag_runs.get_previous("orders", run.logical_date),
    "count of runs": lambda client, run, session: client.dag_runs.get_count("orders"),
    "previous run": lambda client, run, session: DagRun.get_previous_dagrun(run, session=session),
    "earlier task instances": lambda client, run, session: PrevDagrunDep._has_any_prior_tis(
        run.task_instances[0], session=session
    ),
    "XComs of prior dates": lambda client, run, session: session.scalars(
        XComModel.get_many(run_id=run.run_id, dag_ids="orders", include_prior_dates=True)
    ).all(),
    "active runs": lambda client, run, session: DagRun.active_runs_of_dags(
        dag_ids=["orders"], exclude_backfill=True, session=session
    ),
    "failures in a row": lambda client, run, session: run._check_last_n_dagruns_failed("orders", 3, session),
    "rendered templates to delete": lambda client, run, session: RenderedTaskInstanceFields.delete_old_records(
        "extract", "orders", num_to_keep=3, session=session
    ),
    "average runtime": lambda client, run, session: SerializedReferenceModels.AverageRuntimeDeadline(3)._evaluate_with(
        session=session, **({"dagrun": run} if RELEASE >= (3, 4) else {"dag_id": "orders"})
    ),
}


TWICE = ("count of task instances", "rendered templates to delete")
"""Of these, Airflow 3.4 sends two statements."""


def sent(ask, client, session):
    run = session.scalars(select(DagRun).where(DagRun.run_id == "live4")).one()
    assert run.task_instances[0].logical_date
    with statements_sent() as statements:
        ask(client, run, session)
    session.commit()
    return statements


@pytest.mark.parametrize("question", QUESTIONS)
def test_no_statement_is_added_and_one_is_told_to_pass_over_canary_runs(runs, client, session, question):
    with without_enforcement():
        in_stock = sent(QUESTIONS[question], client, session)

    statements = sent(QUESTIONS[question], client, session)

    assert len(statements) == len(in_stock)
    passing = [number for number, statement in enumerate(statements) if "pinning_run" in statement]
    assert len(passing) == (2 if question in TWICE and RELEASE >= (3, 4) else 1)
    for number in reversed(passing):
        del statements[number], in_stock[number]
    assert statements == in_stock


@pytest.mark.parametrize("question", QUESTIONS)
def test_canary_runs_of_the_dag_itself_add_no_statement_either(runs, client, session, question):
    without = sent(QUESTIONS[question], client, session)
    create_canary_runs("orders", CanaryRequest(1, count=30), runs.change(), session=session)
    session.commit()
    session.expunge_all()

    assert sent(QUESTIONS[question], client, session) == without


def test_earlier_task_instances_are_looked_for_from_the_newest_run_on(runs, client, session):
    # By run id, all canary runs of the Dag would come before scheduled ones.
    [statement] = [
        statement
        for statement in sent(QUESTIONS["earlier task instances"], client, session)
        if "pinning_run" in statement
    ]

    assert "ORDER BY dag_run.logical_date DESC" in statement


def test_canary_runs_are_probed_by_their_primary_key(runs, session):
    session.execute(
        insert(RoutedRun),
        [
            {
                "dag_id": "other",
                "run_id": f"canary__{number}",
                "dag_version_id": runs.version("orders", 1).id,
                "kind": "canary",
            }
            for number in range(20_000)
        ],
    )
    session.execute(text("ANALYZE pinning_run"))
    query = (
        select(DagRun)
        .where(DagRun.dag_id == "orders", ~of_canary_runs())
        .order_by(DagRun.logical_date.desc())
        .limit(1)
        .compile(settings.engine, compile_kwargs={"literal_binds": True})
    )

    plan = "\n".join(session.scalars(text(f"EXPLAIN {query}")))

    assert "pinning_run_pkey" in plan
    assert "Seq Scan on pinning_run" not in plan
