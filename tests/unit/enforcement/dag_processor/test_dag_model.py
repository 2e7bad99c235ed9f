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

import copy
import json
from datetime import datetime, timezone

import pytest
from airflow.models.asset import (
    AssetModel,
    DagScheduleAssetReference,
    TaskOutletAssetReference,
)
from airflow.models.errors import ParseImportError
from sqlalchemy import select
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.dag_model.stored_dags import as_parsed
from airflow_providers_pinning.domain.errors import VersionUnreadableError
from tests.support.lab import BUNDLE
from tests.support.remembered import remembered
from tests.support.sources import dag_file
from tests.support.statements import recorded

STABLE = dag_file("orders", "schedule='@daily', max_active_runs=2, tags=['stable']", "extract load")
CHANGED = dag_file("orders", "schedule='@hourly', max_active_runs=7, tags=['changed']", "extract transform load")
DEADLINE = (
    "deadline=DeadlineAlert(name={name!r}, reference=DeadlineReference.DAGRUN_QUEUED_AT, "
    "interval=timedelta(hours=1), callback=AsyncCallback('asyncio.sleep'))"
)


def names(lab, reference):
    """Return the names of the assets that the Dag refers to."""
    query = select(AssetModel.name).join(reference, reference.asset_id == AssetModel.id)
    return set(lab.session.scalars(query.where(reference.dag_id == "orders")))


class TestPinnedDag:
    @pytest.fixture(autouse=True)
    @remembered
    def pinned(self, lab):
        lab.pin_first_of_two()

    def test_keeps_the_schedule_of_the_pinned_version(self, lab):
        dag = lab.dag_model("orders")

        assert dag.timetable_summary == "0 0 * * *"
        assert dag.next_dagrun_create_after.hour == 0

    def test_keeps_the_limits_of_the_pinned_version(self, lab):
        assert lab.dag_model("orders").max_active_runs == 2

    def test_keeps_the_tags_of_the_pinned_version(self, lab):
        assert [tag.name for tag in lab.dag_model("orders").tags] == ["stable"]

    def test_keeps_the_code_of_the_pinned_version(self, lab):
        assert lab.dag_model("orders").bundle_version == "sha1"

    def test_keeps_its_bundle_although_another_one_defines_it_too(self, lab):
        lab.commit("sha3", bundle="elsewhere", orders=CHANGED)

        dag = lab.dag_model("orders")
        assert (dag.bundle_name, dag.bundle_version) == (BUNDLE, "sha1")

    def test_keeps_it_all_after_several_parses(self, lab):
        for _ in range(3):
            lab.parse("sha2")

        dag = lab.dag_model("orders")
        assert (dag.timetable_summary, dag.max_active_runs, dag.bundle_version) == ("0 0 * * *", 2, "sha1")

    def test_counts_as_parsed(self, lab, session):
        long_ago = datetime(2020, 1, 1, tzinfo=timezone.utc)
        lab.dag_model("orders").last_parsed_time = long_ago
        session.commit()

        lab.parse("sha2")

        assert lab.dag_model("orders").last_parsed_time > long_ago

    def test_has_its_newer_versions_registered_all_the_same(self, lab):
        assert lab.numbers("orders") == [1, 2]

    def test_gets_the_schedule_of_head_at_once_when_it_is_unpinned(self, lab):
        lab.unpin("orders")

        dag = lab.dag_model("orders")
        assert (dag.timetable_summary, dag.max_active_runs, dag.bundle_version) == ("0 * * * *", 7, "sha2")
        assert [tag.name for tag in dag.tags] == ["changed"]

    def test_gets_the_schedule_of_another_version_at_once_when_that_is_pinned(self, lab):
        lab.pin("orders", 2)
        assert lab.dag_model("orders").timetable_summary == "0 * * * *"

        lab.pin("orders", 1)
        assert lab.dag_model("orders").timetable_summary == "0 0 * * *"

    def test_keeps_how_long_its_file_took_to_parse_when_its_pin_changes(self, lab, session):
        lab.dag_model("orders").last_parse_duration = 0.25
        session.commit()

        lab.pin("orders", 2)
        assert lab.dag_model("orders").last_parse_duration == 0.25


def test_a_dag_that_is_not_pinned_gets_the_metadata_of_head_as_ever(lab):
    lab.commit("sha1", orders=STABLE)
    lab.candidate("orders", 1)

    lab.commit("sha2", orders=CHANGED)

    dag = lab.dag_model("orders")
    assert (dag.timetable_summary, dag.max_active_runs, dag.bundle_version) == ("0 * * * *", 7, "sha2")


def test_dags_without_pins_are_written_in_one_group(lab):
    """Stock statements, plus one that locks their rows and one that reads pins and managed versions."""
    sources = {f"dag_{i}": dag_file(f"dag_{i}") for i in range(5)}
    lab.commit("sha1", **sources)

    with recorded(Session) as statements:
        lab.commit("sha2", **sources)

    assert sum("pinning_" in statement for statement in statements) <= 2


class TestAssets:
    def test_of_the_schedule_are_those_of_the_pinned_version(self, lab):
        lab.commit("sha1", orders=dag_file("orders", "schedule=[Asset('raw')]"))
        lab.pin("orders", 1)
        lab.commit("sha2", orders=dag_file("orders", "schedule=[Asset('other')]"))

        assert names(lab, DagScheduleAssetReference) == {"raw"}
        assert json.dumps(lab.dag_model("orders").asset_expression).count("raw") == 2

    def test_that_tasks_publish_are_those_of_the_pinned_version(self, lab):
        lab.commit("sha1", orders=dag_file("orders", body="EmptyOperator(task_id='a', outlets=[Asset('report')])"))
        lab.pin("orders", 1)
        lab.commit("sha2", orders=dag_file("orders", body="EmptyOperator(task_id='b', outlets=[Asset('other')])"))

        assert names(lab, TaskOutletAssetReference) == {"report"}

    def test_of_head_take_over_when_it_is_unpinned(self, lab):
        lab.commit("sha1", orders=dag_file("orders", "schedule=[Asset('raw')]"))
        lab.pin("orders", 1)
        lab.commit("sha2", orders=dag_file("orders", "schedule=[Asset('other')]"))
        lab.unpin("orders")

        assert names(lab, DagScheduleAssetReference) == {"other"}


class TestDeadlines:
    def test_of_the_pinned_version_do_not_keep_the_file_from_being_written(self, lab, session):
        both = dag_file("orders", DEADLINE.format(name="late")) + dag_file("invoices")
        lab.commit("sha1", dags=both)
        lab.pin("orders", 1)

        lab.commit("sha2", dags=both + dag_file("returns"))

        assert lab.numbers("returns") == [1]
        assert lab.dag_model("invoices").bundle_version == "sha2"
        assert session.scalars(select(ParseImportError)).all() == []

    def test_of_the_stored_version_stay_references_when_it_is_presented_as_a_parsed_one(self, lab):
        lab.commit("sha1", orders=dag_file("orders", DEADLINE.format(name="late")))
        stored = lab.serialized("orders", 1)
        before = copy.deepcopy(stored.data)

        assert as_parsed(stored).data["dag"]["deadline"] != before["dag"]["deadline"]

        assert stored.data == before

    def test_of_the_pinned_version_are_those_of_the_dag(self, lab):
        lab.commit("sha1", orders=dag_file("orders", DEADLINE.format(name="late")))
        lab.pin("orders", 1)
        before = json.dumps(lab.dag_model("orders").deadline, sort_keys=True)
        assert "late" in before

        lab.commit("sha2", orders=dag_file("orders", DEADLINE.format(name="too late"), "extract load"))

        assert json.dumps(lab.dag_model("orders").deadline, sort_keys=True) == before


class TestVersionThatWasStoredByAnOlderAirflow:
    def store_as(self, lab, version):
        """Rewrite the stored Dag as an older Airflow stored it."""

        def change(data):
            data["__version"] = version
            if version == 1:
                dag = data["dag"]
                for new, old in (("dag_id", "_dag_id"), ("task_group", "_task_group")):
                    dag[old] = dag.pop(new)
                for task in dag["tasks"]:
                    task["__var"]["_task_type"] = task["__var"].pop("task_type")

        lab.rewrite_stored("orders", 1, change)

    @pytest.mark.parametrize("version", [1, 2])
    def test_keeps_its_schedule_and_limits(self, version, lab, session):
        lab.commit("sha1", orders=STABLE)
        lab.pin("orders", 1)
        self.store_as(lab, version)

        lab.commit("sha2", orders=CHANGED)

        dag = lab.dag_model("orders")
        assert (dag.timetable_summary, dag.max_active_runs, dag.bundle_version) == ("0 0 * * *", 2, "sha1")
        assert session.scalars(select(ParseImportError)).all() == []

    @pytest.mark.parametrize("version", [1, 2])
    def test_can_be_pinned(self, version, lab):
        lab.commit("sha1", orders=STABLE)
        lab.candidate("orders", 1)
        lab.commit("sha2", orders=CHANGED)
        self.store_as(lab, version)

        lab.pin("orders", 1)

        assert lab.dag_model("orders").timetable_summary == "0 0 * * *"

    def test_in_a_form_that_this_airflow_does_not_know_is_not_pinned(self, lab, session):
        lab.commit("sha1", orders=STABLE)
        self.store_as(lab, 99)

        with pytest.raises(VersionUnreadableError, match="99"):
            lab.pin("orders", 1)
        session.rollback()

    def test_in_a_form_that_this_airflow_does_not_know_does_not_stop_the_file(self, lab):
        lab.commit("sha1", orders=STABLE)
        lab.pin("orders", 1)
        self.store_as(lab, 99)

        lab.commit("sha2", orders=CHANGED + dag_file("invoices"))

        assert lab.numbers("invoices") == [1]
        assert lab.dag_model("orders").bundle_version == "sha1"


def test_a_pinned_version_that_is_gone_leaves_the_schedule_and_the_rest_of_the_file_alone(lab):
    lab.commit("sha1", orders=STABLE)
    lab.pin("orders", 1)
    lab.break_pin("orders")

    lab.commit("sha2", orders=CHANGED + dag_file("invoices"))

    assert lab.numbers("invoices") == [1]
    dag = lab.dag_model("orders")
    assert (dag.timetable_summary, dag.bundle_version) == ("0 0 * * *", "sha1")


def test_dag_rows_are_locked_before_pins_are_read(lab):
    """In the other order a pin that commits in between would be overwritten with HEAD."""
    lab.commit("sha1", dags=STABLE + dag_file("invoices"))

    with recorded(Session) as statements:
        lab.commit("sha2", dags=CHANGED + dag_file("invoices"))

    lock = next(i for i, statement in enumerate(statements) if "FOR NO KEY UPDATE OF dag" in statement)
    read = next(i for i, statement in enumerate(statements) if "FROM pinning_pin" in statement)
    assert lock < read
    assert "ORDER BY dag.dag_id" in statements[lock]
