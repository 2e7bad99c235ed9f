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
from airflow.models.asset import AssetDagRunQueue, AssetPartitionDagRun
from airflow.models.log import Log
from sqlalchemy import func, select

from tests.support.remembered import remembered
from tests.support.sources import dag_file

DAILY = dag_file("orders", "schedule='@daily'")
ON_ASSET = dag_file("orders", "schedule=[Asset('raw')]")
ON_PARTITION = dag_file("orders", "schedule=PartitionedAssetTimetable(assets=Asset('raw'))")


def other(source):
    """Return the same Dag under the id ``invoices``."""
    return source.replace("'orders'", "'invoices'")


class TestPinnedVersionWhosePluginIsGone:
    @pytest.mark.parametrize("source", [DAILY, ON_ASSET, ON_PARTITION], ids=["scheduled", "asset", "partition"])
    def test_does_not_end_the_scheduler(self, source, lab, scheduler):
        lab.commit("sha1", orders=source, invoices=other(source))
        lab.pin("orders", 1)
        lab.publish("raw")
        lab.publish("raw", partition_key="north")
        lab.remove_plugin("orders", 1)

        scheduler.create_due_runs()

        assert lab.runs("orders") == []
        assert len(lab.runs("invoices")) == 1

    def test_keeps_the_events_that_wait_for_it(self, lab, scheduler):
        lab.commit("sha1", orders=ON_ASSET)
        lab.pin("orders", 1)
        lab.publish("raw")
        lab.remove_plugin("orders", 1)

        scheduler.create_due_runs()

        assert lab.session.scalar(select(func.count()).select_from(AssetDagRunQueue)) == 1

    def test_does_not_keep_its_file_from_being_written(self, lab):
        lab.commit("sha1", orders=DAILY)
        lab.pin("orders", 1)
        lab.remove_plugin("orders", 1)

        lab.commit("sha2", orders=ON_ASSET + other(DAILY))

        assert lab.numbers("orders") == [1, 2]
        assert lab.numbers("invoices") == [1]
        assert lab.dag_model("orders").timetable_summary == "0 0 * * *"

    def test_can_be_unpinned(self, lab, scheduler):
        lab.commit("sha1", orders=DAILY)
        lab.pin("orders", 1)
        lab.commit("sha2", orders=DAILY)
        lab.remove_plugin("orders", 1)

        lab.unpin("orders")
        scheduler.create_due_runs()

        assert [run.bundle_version for run in lab.runs("orders")] == ["sha2"]


def test_a_dag_that_cannot_be_read_and_is_not_pinned_fails_as_ever(lab, scheduler):
    lab.commit("sha1", orders=ON_ASSET)
    lab.publish("raw")
    lab.remove_plugin("orders", 1)

    with pytest.raises(ValueError, match="GoneTimetable"):
        scheduler.create_due_runs()
    lab.session.rollback()


class TestPartitionOfADagWhosePinCannotBeHonored:
    @pytest.fixture(autouse=True)
    @remembered
    def listeners(self, lab):
        lab.commit("sha1", orders=ON_PARTITION, invoices=other(ON_PARTITION))
        lab.pin("orders", 1)

    @pytest.mark.parametrize(
        "spoil",
        [lambda lab: lab.break_pin("orders"), lambda lab: lab.remove_plugin("orders", 1)],
        ids=["rewritten", "unreadable"],
    )
    def test_does_not_keep_others_from_publishing_and_listening(self, spoil, lab):
        spoil(lab)

        lab.publish("raw", partition_key="north")

        assert lab.session.scalars(select(AssetPartitionDagRun.target_dag_id)).all() == ["invoices"]

    def test_is_noted_in_the_audit_log(self, lab):
        lab.break_pin("orders")

        lab.publish("raw", partition_key="north")

        [note] = lab.session.scalars(select(Log.extra).where(Log.event == "pin unavailable"))
        assert "'north'" in note
        assert "'orders'" in note

    def test_is_queued_for_every_listener_if_all_is_well(self, lab):
        lab.publish("raw", partition_key="north")

        queued = lab.session.scalars(select(AssetPartitionDagRun.target_dag_id)).all()
        assert sorted(queued) == ["invoices", "orders"]

    def test_is_refused_by_stock_airflow_if_the_event_has_no_key(self, lab):
        lab.publish("raw")

        assert lab.session.scalars(select(Log.event)).all().count("missing partition key") == 1
