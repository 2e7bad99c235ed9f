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
"""The latest runs of many Dags, read at once, are those that Airflow reads Dag by Dag."""

from __future__ import annotations

from datetime import timedelta

import pytest
from airflow._shared.timezones import timezone
from airflow.dag_processing.collection import _RunInfo
from airflow.utils.state import DagRunState
from airflow.utils.types import DagRunTriggeredByType, DagRunType

from airflow_providers_pinning.domain.dag_model.many import note_run_info
from airflow_providers_pinning.domain.dag_model.stored_dags import as_parsed
from tests.support.statements import counted_parameters

DAG = """
    from airflow.sdk import DAG, task{imports}

    with DAG("{dag_id}", schedule={schedule}, catchup=False):
        @task
        def make(): ...
        make()
"""
SCHEDULES = {
    "hourly": ('"@hourly"', ""),
    "daily": ('"@daily"', ""),
    "manual": ("None", ""),
    "on_asset": ('[Asset("stock")]', ", Asset"),
    "partitioned": ('CronPartitionTimetable("0 * * * *", timezone="UTC")', ", CronPartitionTimetable"),
    "without_runs": ('"@hourly"', ""),
}
NOW = timezone.datetime(2026, 3, 1)


@pytest.fixture
def dags(lab, session):
    sources = {
        dag_id: DAG.format(dag_id=dag_id, schedule=schedule, imports=imports)
        for dag_id, (schedule, imports) in SCHEDULES.items()
    }
    lab.commit("sha1", **sources)
    for dag_id in SCHEDULES.keys() - {"without_runs"}:
        for number, (run_type, state) in enumerate(
            [
                (DagRunType.SCHEDULED, DagRunState.SUCCESS),
                (DagRunType.SCHEDULED, DagRunState.RUNNING),
                (DagRunType.BACKFILL_JOB, DagRunState.RUNNING),
                (DagRunType.MANUAL, DagRunState.QUEUED),
            ]
        ):
            moment = NOW + timedelta(hours=number)
            run = lab.serialized(dag_id, 1).dag.create_dagrun(
                run_id=f"run_{number}",
                logical_date=moment,
                data_interval=(moment, moment),
                run_after=moment,
                run_type=run_type,
                triggered_by=DagRunTriggeredByType.TEST,
                state=state,
                partition_key=str(number) if dag_id == "partitioned" else None,
                session=session,
            )
            run.partition_date = moment if dag_id == "partitioned" else None
    session.commit()
    return [as_parsed(lab.serialized(dag_id, 1)) for dag_id in SCHEDULES]


def told(info):
    run = info.latest_run
    return run and (run.dag_id, run.run_id, run.logical_date, run.partition_key), info.num_active_runs


def test_what_is_read_at_once_is_what_airflow_reads(dags, session):
    stock = {dag.dag_id: told(_RunInfo.calculate(dag, session=session)) for dag in dags}
    session.expunge_all()
    note_run_info(dags, session=session)
    assert {dag.dag_id: told(_RunInfo.calculate(dag, session=session)) for dag in dags} == stock
    assert stock["hourly"][0][1] == "run_2"
    assert stock["partitioned"][0][1] == "run_2"
    assert stock["without_runs"] == (None, 0)


def test_nothing_is_asked_of_dags_whose_runs_were_read(dags, session):
    note_run_info(dags, session=session)
    with counted_parameters(session) as sent:
        for dag in dags:
            _RunInfo.calculate(dag, session=session)
    assert sent == []
