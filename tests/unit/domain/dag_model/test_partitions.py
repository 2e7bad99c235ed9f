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
from __future__ import annotations

import pytest
from airflow.models.asset import AssetPartitionDagRun
from sqlalchemy import func, select

from airflow_providers_pinning.models import Event
from tests.support.sources import dag_file

BY_KEY = dag_file("orders", "schedule=PartitionedAssetTimetable(assets=Asset('raw'))")
BY_DAY = dag_file(
    "orders",
    "schedule=PartitionedAssetTimetable(assets=Asset('raw'), default_partition_mapper=StartOfDayMapper())",
)
BY_KEY_LONGER = dag_file("orders", "schedule=PartitionedAssetTimetable(assets=Asset('raw'))", "extract load")


@pytest.fixture
def waiting(lab):
    """Let one partition wait for a Dag that is pinned to version 1 while version 2 is registered."""

    def wait(head):
        lab.commit("sha1", orders=BY_KEY)
        lab.pin("orders", 1)
        lab.publish("raw", partition_key="2026-03-01T10:00:00")
        lab.commit("sha2", orders=head)
        return lab

    return wait


def pending(lab):
    return lab.session.scalar(
        select(func.count()).select_from(AssetPartitionDagRun).where(AssetPartitionDagRun.created_dag_run_id.is_(None))
    )


def test_a_pin_that_changes_the_mapping_warns_of_the_partitions_that_are_dropped(waiting):
    state = waiting(BY_DAY).pin("orders", 2)

    assert len(state.warnings) == 1
    assert state.warnings[0].startswith("1 pending partition was collected")


def test_what_it_warns_of_happens(waiting, scheduler):
    lab = waiting(BY_DAY)
    lab.pin("orders", 2)

    scheduler.create_due_runs()

    assert pending(lab) == 0
    assert lab.runs("orders") == []


def test_the_warning_is_kept_in_the_history(waiting):
    lab = waiting(BY_DAY)
    state = lab.pin("orders", 2)

    event = lab.session.scalars(select(Event).order_by(Event.id.desc())).first()
    assert event.evidence == {"warnings": list(state.warnings)}


def test_an_unpin_that_changes_the_mapping_warns_too(waiting):
    lab = waiting(BY_DAY)
    state = lab.unpin("orders")

    assert len(state.warnings) == 1
    event = lab.session.scalars(select(Event).order_by(Event.id.desc())).first()
    assert event.evidence == {"warnings": list(state.warnings)}


def test_a_pin_on_a_version_that_listens_to_no_partitions_warns_too(waiting):
    assert len(waiting(dag_file("orders")).pin("orders", 2).warnings) == 1


def test_a_pin_that_keeps_the_mapping_does_not_warn(waiting, scheduler):
    lab = waiting(BY_KEY_LONGER)

    assert lab.pin("orders", 2).warnings == ()

    scheduler.create_due_runs()
    assert [run.bundle_version for run in lab.runs("orders")] == ["sha2"]


def test_a_pin_without_pending_partitions_does_not_warn(lab):
    lab.commit("sha1", orders=BY_KEY)
    lab.pin("orders", 1)
    lab.commit("sha2", orders=BY_DAY)

    assert lab.pin("orders", 2).warnings == ()


def test_partitions_that_have_a_run_are_not_counted(waiting, scheduler):
    lab = waiting(BY_DAY)
    scheduler.create_due_runs()
    assert len(lab.runs("orders")) == 1

    assert lab.pin("orders", 2).warnings == ()


def test_the_partitions_of_another_dag_are_not_counted(waiting):
    lab = waiting(BY_DAY)
    lab.commit("sha3", invoices=BY_KEY.replace("'orders'", "'invoices'"))
    lab.pin("invoices", 1)
    lab.commit("sha4", invoices=BY_DAY.replace("'orders'", "'invoices'"))

    assert lab.pin("invoices", 2).warnings == ()
