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
"""The last lines of what failed tasks logged, read as Airflow reads logs."""

from __future__ import annotations

import pytest
from airflow.api.common.trigger_dag import trigger_dag
from airflow.utils.log.log_reader import TaskLogReader
from airflow.utils.types import DagRunTriggeredByType

from airflow_providers_pinning.domain.monitoring.failure_logs import read_failures
from airflow_providers_pinning.vocabulary import MAX_LOG_LINE
from tests.support.sources import dag_file
from tests.support.task_logs import write_log

FAILURE = {
    "event": "Task failed with exception",
    "level": "error",
    "error_detail": [{"exc_type": "ValueError", "exc_value": "booked twice", "frames": []}],
}


@pytest.fixture
def failed(lab, session):
    """Return a function that lets a run of a pinned Dag fail, and returns its task instances by task."""
    lab.commit("sha1", orders=dag_file("orders", tasks="extract load"))
    lab.pin("orders", 1)

    def fail(*task_ids):
        run = trigger_dag("orders", triggered_by=DagRunTriggeredByType.REST_API, session=session)
        run.state = "failed"
        for ti in run.task_instances:
            ti.try_number, ti.state = 1, "failed" if ti.task_id in task_ids else "success"
        session.commit()
        return {ti.task_id: ti for ti in run.task_instances}

    return fail


def read(session, tasks=3, lines=10):
    session.expire_all()
    return read_failures("orders", tasks=tasks, lines=lines, session=session)


def texts(failure):
    return [line.text for line in failure.lines]


def test_the_end_of_the_log_of_the_newest_failure_is_read(failed, session):
    write_log(failed("load")["load"], "an older failure")
    write_log(failed("load")["load"], "begin", "one\ntwo", FAILURE)

    [failure] = read(session, lines=3)

    assert (failure.task_id, failure.try_number, failure.problem) == ("load", 1, None)
    assert texts(failure) == ["two", "Task failed with exception", "ValueError: booked twice"]
    assert failure.lines[-1].level == "error"


def test_each_task_has_the_log_of_its_newest_failure(failed, session):
    write_log(failed("extract")["extract"], "no file")
    write_log(failed("load")["load"], "no table")

    assert {failure.task_id: texts(failure) for failure in read(session)} == {
        "extract": ["no file"],
        "load": ["no table"],
    }
    assert [failure.task_id for failure in read(session, tasks=1)] == ["load"]


def test_a_long_line_is_cut(failed, session):
    write_log(failed("load")["load"], "x" * 10_000)

    [failure] = read(session)

    assert texts(failure) == ["x" * MAX_LOG_LINE]


def test_a_log_that_is_nowhere_says_where_it_was_looked_for(failed, session):
    failed("load")

    [failure] = read(session)

    assert failure.lines


def test_a_log_that_cannot_be_read_hides_no_other(failed, session, monkeypatch):
    failures = failed("extract", "load")
    write_log(failures["load"], "no table")
    read_chunks = TaskLogReader.read_log_chunks

    def fail(self, ti, *how):
        if ti.task_id == "extract":
            raise ConnectionError("the bucket does not answer")
        return read_chunks(self, ti, *how)

    monkeypatch.setattr(TaskLogReader, "read_log_chunks", fail)

    extract, load = read(session)

    assert (extract.lines, extract.problem) == (
        (),
        "The log cannot be read: ConnectionError: the bucket does not answer",
    )
    assert texts(load) == ["no table"]


def test_a_dag_whose_runs_succeed_has_no_failures(failed, session):
    failed()

    assert read(session) == []
