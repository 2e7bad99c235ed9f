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
"""Dags that are stored compressed, as ``[core] compress_serialized_dags`` says."""

from __future__ import annotations

import pytest
from airflow.api.common.trigger_dag import trigger_dag
from airflow.models import serialized_dag
from airflow.utils.types import DagRunTriggeredByType
from sqlalchemy import delete, update

from airflow_providers_pinning.domain.versions.identity import identities_of, latest_identity, list_identities
from airflow_providers_pinning.models import ManagedVersion
from tests.support.sources import dag_file
from tests.support.statements import recorded

DEADLINE = (
    "deadline=DeadlineAlert(name='late', reference=DeadlineReference.DAGRUN_QUEUED_AT, "
    "interval=timedelta(hours=1), callback=AsyncCallback('asyncio.sleep'))"
)
V1 = dag_file("orders", f"schedule='@daily', max_active_runs=2, {DEADLINE}", "extract load")
V2 = dag_file("orders", f"schedule='@hourly', max_active_runs=7, {DEADLINE}", "extract transform load")


@pytest.fixture(autouse=True)
def pinned(lab, monkeypatch):
    """Pin version 1 and register version 2, both stored compressed."""
    monkeypatch.setattr(serialized_dag, "_COMPRESS_SERIALIZED_DAGS", True)
    lab.commit("sha1", orders=V1)
    assert lab.serialized("orders", 1)._data is None
    lab.pin("orders", 1)
    lab.before = lab.bytes_of("orders", 1)
    lab.commit("sha2", orders=V2)


def test_the_pinned_version_is_the_same_to_the_byte_after_a_commit(lab):
    assert lab.bytes_of("orders", 1) == lab.before
    assert lab.numbers("orders") == [1, 2]


def test_the_schedule_and_the_limits_are_those_of_the_pinned_version(lab):
    dag = lab.dag_model("orders")

    assert (dag.timetable_summary, dag.max_active_runs, dag.bundle_version) == ("0 0 * * *", 2, "sha1")


def test_a_run_uses_the_pinned_version(lab, session):
    run = trigger_dag("orders", triggered_by=DagRunTriggeredByType.REST_API, session=session)

    assert run.bundle_version == "sha1"
    assert lab.used_versions(run) == {1}
    assert lab.task_ids(run) == {"extract", "load"}


def test_a_scheduled_run_uses_the_pinned_version(lab, scheduler):
    scheduler.create_due_runs()

    [run] = lab.runs("orders")
    assert lab.used_versions(run) == {1}


def test_the_file_of_a_version_is_known(lab, session):
    assert latest_identity("orders", session=session).relative_fileloc == "orders.py"
    listed = list_identities("orders", limit=9, offset=0, session=session)
    assert [identity.relative_fileloc for identity in listed] == ["orders.py", "orders.py"]


def test_another_version_can_be_pinned_and_rolled_back(lab):
    assert lab.pin("orders", 2).active.version_number == 2
    assert lab.roll_back("orders").active.version_number == 1
    assert lab.pin_state("orders").health.problems == ()


def test_the_files_of_managed_versions_are_known_without_unpacking_them(lab, session):
    lab.candidate("orders", 2)

    with recorded(session) as statements:
        list_identities("orders", limit=9, offset=0, session=session)

    assert len(statements) == 2


def test_the_file_of_a_managed_version_that_was_rewritten_is_the_one_it_has_now(lab, session):
    """The hash of a version covers the path of its file."""
    session.execute(update(ManagedVersion).values(relative_fileloc="elsewhere.py", dag_hash="0" * 32))
    session.commit()

    [identity] = identities_of([lab.version("orders", 1).id], session=session)

    assert identity.relative_fileloc == "orders.py"


def test_the_files_of_very_many_versions_are_read_at_once(lab, session):
    for number in range(3, 13):
        lab.candidate("orders")
        lab.commit(f"sha{number}", orders=dag_file("orders", tasks=f"task_{number}"))
    session.execute(delete(ManagedVersion))
    session.commit()

    with recorded(session) as statements:
        listed = list_identities("orders", limit=99, offset=0, session=session)

    assert [identity.version_number for identity in listed] == list(range(12, 0, -1))
    assert {identity.relative_fileloc for identity in listed} == {"orders.py"}
    assert len(statements) == 3
