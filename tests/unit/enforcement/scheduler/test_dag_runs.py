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

from datetime import datetime, timedelta, timezone

import pytest
from airflow.models.asset import AssetDagRunQueue, AssetPartitionDagRun
from airflow.models.dag import DagModel
from airflow.models.serialized_dag import SerializedDagModel
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from airflow_providers_pinning.enforcement.scheduler import retry_backoff
from tests.support.sources import dag_file
from tests.support.statements import recorded

DAILY = dag_file("orders", "schedule='@daily'")
ON_ASSET = dag_file("orders", "schedule=[Asset('raw')]")
ON_PARTITION = dag_file("orders", "schedule=PartitionedAssetTimetable(assets=Asset('raw'))")


def other(source):
    """Return the same Dag under the id ``invoices``."""
    return source.replace("'orders'", "'invoices'")


def count(model, session):
    return session.scalar(select(func.count()).select_from(model))


class TestPinThatCannotBeHonored:
    def test_keeps_a_scheduled_dag_from_getting_runs_and_nothing_else(self, lab, scheduler):
        lab.commit("sha1", orders=DAILY, invoices=other(DAILY))
        lab.pin("orders", 1)
        lab.break_pin("orders")

        scheduler.create_due_runs()

        assert lab.runs("orders") == []
        assert len(lab.runs("invoices")) == 1

    def test_keeps_an_asset_triggered_dag_from_getting_runs_and_nothing_else(self, lab, scheduler):
        lab.commit("sha1", orders=ON_ASSET, invoices=other(ON_ASSET))
        lab.pin("orders", 1)
        lab.publish("raw")
        lab.break_pin("orders")

        scheduler.create_due_runs()

        assert lab.runs("orders") == []
        assert len(lab.runs("invoices")) == 1

    def test_keeps_a_partitioned_dag_from_getting_runs_and_nothing_else(self, lab, scheduler):
        lab.commit("sha1", orders=ON_PARTITION, invoices=other(ON_PARTITION))
        lab.pin("orders", 1)
        lab.publish("raw", partition_key="north")
        lab.break_pin("orders")

        scheduler.create_due_runs()

        assert lab.runs("orders") == []
        assert [run.partition_key for run in lab.runs("invoices")] == ["north"]

    def test_keeps_the_events_that_wait_for_the_dag(self, lab, scheduler, session):
        lab.commit("sha1", orders=ON_ASSET)
        lab.pin("orders", 1)
        lab.publish("raw")
        lab.break_pin("orders")

        scheduler.create_due_runs()

        assert count(AssetDagRunQueue, session) == 1

    def test_keeps_the_partitions_that_wait_for_the_dag(self, lab, scheduler, session):
        lab.commit("sha1", orders=ON_PARTITION)
        lab.pin("orders", 1)
        lab.publish("raw", partition_key="north")
        lab.break_pin("orders")
        limit = scheduler.runner._max_partition_dag_runs_per_loop

        scheduler.create_due_runs()

        assert count(AssetPartitionDagRun, session) == 1
        assert scheduler.runner._max_partition_dag_runs_per_loop == limit

    @pytest.mark.parametrize("source", [DAILY, ON_ASSET], ids=["scheduled", "asset-triggered"])
    def test_stops_standing_in_the_way_when_another_version_is_pinned(self, source, lab, scheduler):
        lab.commit("sha1", orders=source)
        lab.pin("orders", 1)
        lab.publish("raw")
        lab.commit("sha2", orders=source)
        lab.break_pin("orders")
        scheduler.create_due_runs()

        lab.pin("orders", 2)
        scheduler.create_due_runs()

        assert [run.bundle_version for run in lab.runs("orders")] == ["sha2"]

    @pytest.mark.parametrize("source", [DAILY, ON_ASSET], ids=["scheduled", "asset-triggered"])
    def test_stops_standing_in_the_way_when_it_is_lifted(self, source, lab, scheduler):
        lab.commit("sha1", orders=source)
        lab.pin("orders", 1)
        lab.publish("raw")
        lab.commit("sha2", orders=source)
        lab.break_pin("orders")
        scheduler.create_due_runs()

        lab.unpin("orders")
        scheduler.create_due_runs()

        assert [run.bundle_version for run in lab.runs("orders")] == ["sha2"]


def test_many_broken_pins_do_not_starve_a_healthy_dag(lab, scheduler, monkeypatch):
    monkeypatch.setattr(DagModel, "NUM_DAGS_PER_DAGRUN_QUERY", 3)
    broken = [f"broken_{i}" for i in range(6)]
    lab.commit("sha1", orders=DAILY, **{name: DAILY.replace("'orders'", repr(name)) for name in broken})
    for name in broken:
        lab.pin(name, 1)
        lab.break_pin(name)
    overdue = datetime(2026, 2, 1, tzinfo=timezone.utc)
    lab.session.execute(update(DagModel).where(DagModel.dag_id.in_(broken)).values(next_dagrun_create_after=overdue))
    lab.session.commit()

    for _ in range(3):
        scheduler.create_due_runs()

    assert len(lab.runs("orders")) == 1
    assert DagModel.NUM_DAGS_PER_DAGRUN_QUERY == 3


def test_a_dag_that_is_not_pinned_stays_in_the_queue_if_its_serialized_dag_is_gone(lab, scheduler):
    lab.commit("sha1", orders=DAILY)
    lab.session.delete(lab.serialized("orders", 1))
    lab.session.commit()

    scheduler.create_due_runs()

    assert lab.dag_model("orders").next_dagrun_create_after is not None


def test_a_pin_that_breaks_while_a_partitioned_run_is_created_does_not_end_the_scheduler(lab, scheduler, monkeypatch):
    lab.commit("sha1", orders=ON_PARTITION, invoices=other(ON_PARTITION))
    lab.pin("orders", 1)
    lab.publish("raw", partition_key="north")

    def rewrite_and_resolve(**options):
        if options["dag_id"] == "orders":
            lab.version("orders", 1).bundle_version = "rewritten"
            lab.session.flush()

    monkeypatch.setattr(scheduler.runner, "_resolve_partition_date", rewrite_and_resolve)

    scheduler.create_due_runs()
    scheduler.create_due_runs()

    assert lab.runs("orders") == []
    assert len(lab.runs("invoices")) == 1


def test_runs_are_created_with_one_look_at_the_pins_of_all_their_dags(lab, scheduler):
    sources = {f"dag_{i}": DAILY.replace("'orders'", f"'dag_{i}'") for i in range(5)}
    lab.commit("sha1", **sources)
    lab.pin("dag_0", 1)

    with recorded(Session) as statements:
        scheduler.create_due_runs()

    assert sum("FROM pinning_pin LEFT OUTER JOIN" in statement for statement in statements) == 1
    assert [run.bundle_version for run in lab.runs("dag_0")] == ["sha1"]


def test_dags_that_were_never_pinned_are_looked_up_as_in_stock_airflow(lab, scheduler):
    """A look-up with the condition of a pin takes half as long again, and each run makes two."""
    sources = {f"dag_{i}": DAILY.replace("'orders'", f"'dag_{i}'") for i in range(5)}
    lab.commit("sha1", **sources)

    with recorded(Session) as statements:
        scheduler.create_due_runs()

    look_ups = [s for s in statements if "FROM dag_version" in s or "FROM serialized_dag" in s]
    assert len(look_ups) >= 10
    assert not any("pinning_pin" in statement for statement in look_ups)
    assert all(len(lab.runs(f"dag_{i}")) == 1 for i in range(5))


def test_a_paused_dag_gets_no_runs_because_it_is_pinned(lab, scheduler):
    lab.commit("sha1", orders=DAILY)
    lab.dag_model("orders").is_paused = True
    lab.session.commit()
    lab.pin("orders", 1)

    scheduler.create_due_runs()

    assert lab.runs("orders") == []


def test_the_limit_of_active_runs_is_that_of_the_pinned_version(lab, scheduler):
    lab.commit("sha1", orders=dag_file("orders", "schedule='@daily', max_active_runs=1"))
    lab.pin("orders", 1)
    lab.commit("sha2", orders=dag_file("orders", "schedule='@daily', max_active_runs=9"))
    lab.session.execute(update(DagModel).values(next_dagrun=datetime(2026, 3, 1, tzinfo=timezone.utc)))
    lab.session.commit()

    for _ in range(3):
        scheduler.create_due_runs()

    assert len(lab.runs("orders")) == 1
    assert lab.dag_model("orders").exceeds_max_non_backfill


def test_after_a_run_the_next_one_is_due_by_the_pinned_schedule(lab, scheduler):
    lab.commit("sha1", orders=DAILY)
    lab.pin("orders", 1)
    lab.commit("sha2", orders=dag_file("orders", "schedule='@hourly'"))

    scheduler.create_due_runs()

    [run] = lab.runs("orders")
    assert lab.dag_model("orders").next_dagrun_create_after - run.run_after == timedelta(days=1)


def test_read_that_fails_once_takes_a_healthy_pinned_dag_out_of_nothing(lab, scheduler, monkeypatch):
    lab.commit("sha1", orders=DAILY)
    lab.pin("orders", 1)
    due = lab.dag_model("orders").next_dagrun_create_after
    with monkeypatch.context() as broken:
        broken.setattr(SerializedDagModel, "dag", property(lambda self: 1 / 0))
        broken.setattr(retry_backoff, "RETRY_AFTER", 0.0)
        scheduler.create_due_runs()
    assert lab.runs("orders") == []
    assert lab.dag_model("orders").next_dagrun_create_after == due
    scheduler.create_due_runs()
    assert len(lab.runs("orders")) == 1
