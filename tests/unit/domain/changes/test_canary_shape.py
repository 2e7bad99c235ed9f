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
"""Canary runs that are like the live runs of their version, with Airflow's own scheduler."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from airflow.models.asset import AssetDagRunQueue, AssetEvent, AssetPartitionDagRun
from airflow.models.dagrun import DagRun
from airflow.utils.state import DagRunState
from sqlalchemy import delete, func, select

from airflow_providers_pinning.domain.changes.canary import CanaryRequest, create_canary_runs
from airflow_providers_pinning.domain.errors import InvalidPartitionKeyError, NoTaskError, RunNotAllowedError
from airflow_providers_pinning.domain.soak.soak import SoakQuestion, soak
from airflow_providers_pinning.domain.soak.verdict import Criteria
from airflow_providers_pinning.vocabulary import RunKind
from tests.support.api import PINNING
from tests.support.sources import dag_file

NOW = datetime(2026, 3, 4, 15, 30, 12, 345, tzinfo=timezone.utc)
MIDNIGHT = datetime(2026, 3, 4, tzinfo=timezone.utc)
INTERVAL = "CronDataIntervalTimetable('@daily', timezone='UTC')"
MORE = """\
from airflow.sdk import (
    AssetAlias, AssetOrTimeSchedule, CronDataIntervalTimetable, CronPartitionTimetable, CronTriggerTimetable,
    PartitionedAtRuntime,
)
"""
OUTLET = "EmptyOperator(task_id='publish', outlets=[Asset({!r})])\n"


def dag(schedule, tasks="extract", **arguments):
    more = "".join(f", {name}={value}" for name, value in arguments.items())
    return MORE + dag_file("orders", f"schedule={schedule}{more}", tasks)


@pytest.fixture
def orders(lab, time_machine):
    """Return a function that pins one version of the Dag and registers another."""
    time_machine.move_to(NOW, tick=True)

    def register(schedule, other=None):
        lab.commit("sha1", orders=dag(schedule))
        lab.pin("orders", 1)
        lab.commit("sha2", orders=dag(other or schedule, "extract load"))
        return lab

    return register


@pytest.fixture
def publish(lab, session, scheduler):
    """Return a function that publishes assets, which other Dags have, and lets the scheduler create runs."""

    def events(*names, **values):
        for name in names:
            lab.publish(name, **values)
        scheduler.create_due_runs()
        run = lab.runs("orders")[-1] if lab.runs("orders") else None
        for live in lab.runs("orders"):
            live.state = DagRunState.SUCCESS
        session.commit()
        return run

    return events


def canary(lab, **request):
    created = create_canary_runs("orders", CanaryRequest(2, **request), lab.change(), session=lab.session)
    lab.session.commit()
    runs = [lab.session.scalars(select(DagRun).where(DagRun.run_id == run_id)).one() for run_id in created.run_ids]
    return runs, created.warnings


def names(run):
    return [event.asset.name for event in run.consumed_asset_events]


class TestSchedule:
    def test_run_has_the_interval_of_the_timetable_and_its_date(self, orders):
        [run, other], warnings = canary(orders(INTERVAL), count=2)

        yesterday = MIDNIGHT - timedelta(days=1)
        assert (run.data_interval_start, run.data_interval_end) == (yesterday, MIDNIGHT)
        assert run.logical_date == yesterday + timedelta(microseconds=1)
        assert other.logical_date == yesterday + timedelta(microseconds=2)
        assert warnings == ()

    def test_run_for_a_moment_has_a_moment_of_its_own(self, orders, time_machine):
        lab = orders("'@daily'")
        later = NOW + timedelta(hours=1)
        time_machine.move_to(later, tick=False)

        [run], _ = canary(lab)

        assert run.logical_date == run.data_interval_start == run.data_interval_end
        assert run.logical_date.replace(microsecond=0) == later.replace(microsecond=0)

    @pytest.mark.parametrize(("schedule", "told"), [("'@daily'", True), (INTERVAL, False), ("None", False)])
    def test_task_that_would_wait_for_another_dag_in_vain_is_named(self, lab, schedule, told):
        waiting = "from airflow.providers.standard.sensors.external_task import ExternalTaskSensor\n" + dag(schedule)
        sensor = "    ExternalTaskSensor(task_id='upstream', external_dag_id='stock')\n"
        lab.commit("sha1", orders=dag(schedule))
        lab.pin("orders", 1)
        lab.commit("sha2", orders=waiting + sensor)

        _, warnings = canary(lab)

        assert ["wait in vain: upstream. Replay live runs" in warning for warning in warnings] == [True] * told

    def test_tasks_with_a_limit_that_live_ones_share_are_named(self, lab):
        limited = dag("None").replace("task_id='extract'", "task_id='extract', max_active_tis_per_dag=1")
        lab.commit("sha1", orders=dag("None"))
        lab.pin("orders", 1)
        lab.commit("sha2", orders=limited)

        _, [warning] = canary(lab)

        assert "live ones of these tasks may wait: extract." in warning

    def test_run_is_of_now_if_its_interval_began_before_the_version(self, orders):
        lab = orders(INTERVAL)
        late = dag(INTERVAL).replace("datetime(2026, 1, 1,", "datetime(2026, 3, 4,")
        lab.commit("sha3", orders=late)

        created = create_canary_runs("orders", CanaryRequest(2), lab.change(), session=lab.session)

        [run] = lab.session.scalars(select(DagRun).where(DagRun.run_id == created.run_ids[0]))
        assert run.logical_date.date() == MIDNIGHT.date()
        assert run.task_instances

    def test_timetable_that_tells_no_interval_is_refused_by_name(self, orders, monkeypatch):
        def infer(self, *, run_after):
            raise NotImplementedError

        lab = orders(INTERVAL)
        monkeypatch.setattr("airflow.timetables.interval.CronDataIntervalTimetable.infer_manual_data_interval", infer)

        with pytest.raises(RunNotAllowedError, match="CronDataIntervalTimetable, cannot compute an interval"):
            canary(lab)


class TestAssets:
    SCHEDULE = "[Asset('raw'), Asset('rates')]"

    def test_run_has_the_events_of_the_last_live_run_and_no_date(self, orders, publish, session):
        lab = orders(self.SCHEDULE)
        publish("raw", "rates")
        live = publish("raw", "raw", "rates")
        publish("raw")
        queued = session.scalar(select(func.count()).select_from(AssetDagRunQueue))

        [run], warnings = canary(lab)

        assert (run.logical_date, run.data_interval_start, warnings) == (None, None, ())
        assert sorted(names(run)) == sorted(names(live)) == ["rates", "raw", "raw"]
        assert session.scalar(select(func.count()).select_from(AssetDagRunQueue)) == queued == 1

    def test_live_runs_consume_what_they_would_without_it(self, orders, publish):
        lab = orders(self.SCHEDULE)
        publish("raw", "rates")
        publish("raw")
        canary(lab)

        live = publish("rates")

        assert sorted(names(live)) == ["rates", "raw"]

    def test_run_without_a_live_run_before_it_says_what_it_lacks(self, orders):
        [run], [warning] = canary(orders(self.SCHEDULE))

        assert names(run) == []
        assert warning.startswith("No live run was triggered by assets yet, so the runs have no asset events")

    def test_run_whose_events_are_not_recorded_says_so(self, orders, publish, session):
        lab = orders(self.SCHEDULE)
        live = publish("raw", "rates")
        session.execute(delete(AssetEvent))
        session.commit()

        _, [warning] = canary(lab)

        assert warning.startswith(f"Airflow has no record of the asset events of the last live run, '{live.run_id}'")

    def test_run_of_a_version_that_waits_for_others_has_the_events_of_its_own(self, orders, publish):
        lab = orders(self.SCHEDULE, "[Asset('raw'), Asset('prices')]")
        live = publish("raw", "rates")

        [run], warnings = canary(lab)

        assert names(run) == ["raw"]
        assert warnings == (
            "The runs leave out the events of 1 asset that the last live run consumed but version 2 (bundle "
            "'team_dags' at sha2) does not use: rates.",
            f"The asset events of the last live run, '{live.run_id}', would not trigger version 2 (bundle "
            "'team_dags' at sha2), which waits for others: prices. The runs have no asset events.",
        )

    def test_version_that_waits_for_any_of_several_is_content_with_one(self, orders, publish):
        lab = orders("Asset('raw')", "Asset('raw') | Asset('rates')")
        publish("raw")

        [run], warnings = canary(lab)

        assert (names(run), warnings) == (["raw"], ())

    def test_assets_that_are_named_by_reference_count(self, orders, publish):
        lab = orders("Asset('raw')", "Asset.ref(name='raw')")
        publish("raw")

        [run], _ = canary(lab)

        assert names(run) == ["raw"]

    def test_dag_with_assets_and_a_schedule_is_like_its_last_live_run(self, orders, publish, session):
        both = "AssetOrTimeSchedule(timetable=CronTriggerTimetable('@daily', timezone='UTC'), assets=[Asset('raw')])"
        lab = orders(both)
        by_time, _ = canary(lab)
        live = publish("raw")
        assert live.run_type == "asset_triggered"

        by_asset, _ = canary(lab)

        assert (by_time[0].logical_date is None, names(by_time[0])) == (False, [])
        assert (by_asset[0].logical_date, names(by_asset[0])) == (None, ["raw"])


class TestPartitions:
    SCHEDULE = "PartitionedAssetTimetable(assets=Asset('raw'))"

    def test_run_has_the_partition_of_the_last_live_run(self, orders, publish):
        lab = orders(self.SCHEDULE)
        publish("raw", partition_key="eu")
        live = publish("raw", partition_key="us")
        assert live.partition_key == "us"

        [run], warnings = canary(lab)

        assert (run.partition_key, run.logical_date, names(run), warnings) == ("us", None, ["raw"], ())

    def test_pending_partitions_of_live_runs_stay_as_they_are(self, orders, publish, session):
        def pending():
            return session.execute(select(AssetPartitionDagRun.partition_key, AssetPartitionDagRun.created_dag_run_id))

        lab = orders(self.SCHEDULE)
        publish("raw", partition_key="us")
        before = pending().all()

        canary(lab)

        assert pending().all() == before

    def test_run_has_the_partition_that_is_given_and_its_events(self, orders, publish):
        lab = orders(self.SCHEDULE)
        publish("raw", partition_key="eu")
        publish("raw", partition_key="us")

        [run], _ = canary(lab, partition_key="eu")
        [other], [warning] = canary(lab, partition_key="asia")

        assert (run.partition_key, names(run)) == ("eu", ["raw"])
        assert (other.partition_key, names(other)) == ("asia", [])
        assert warning.startswith("No live run of partition 'asia' was triggered by assets yet")

    def test_run_without_any_partition_to_have_is_refused(self, orders):
        with pytest.raises(
            InvalidPartitionKeyError, match=r"there is no live run with a partition key.*Give the partition key"
        ):
            canary(orders(self.SCHEDULE))

    def test_partition_of_a_dag_without_partitions_is_refused(self, orders):
        with pytest.raises(InvalidPartitionKeyError, match=r"it is not partitioned. Omit the partition key"):
            canary(orders("'@daily'"), partition_key="eu")

    def test_partition_of_a_schedule_has_its_date(self, orders, scheduler):
        lab = orders("CronPartitionTimetable('@daily', timezone='UTC', key_format='%Y-%m-%d')")
        scheduler.create_due_runs()
        [live] = lab.runs("orders")

        [run], _ = canary(lab)
        [given], _ = canary(lab, partition_key="2026-02-01")

        assert (run.partition_key, run.partition_date) == (live.partition_key, live.partition_date)
        assert (run.partition_key, run.logical_date, run.data_interval_start) == ("2026-03-04", None, None)
        assert given.partition_date == datetime(2026, 2, 1, tzinfo=timezone.utc)

    def test_partition_that_does_not_fit_the_version_is_refused(self, orders):
        lab = orders("CronPartitionTimetable('@daily', timezone='UTC', key_format='%Y-%m-%d')")

        with pytest.raises(InvalidPartitionKeyError, match=r"'eu' is not valid.*Give a valid partition key"):
            canary(lab, partition_key="eu")

    def test_partition_at_runtime_need_not_be_given(self, orders):
        lab = orders("PartitionedAtRuntime()")

        [without], _ = canary(lab)
        [run], _ = canary(lab, partition_key="eu")

        assert (without.partition_key, run.partition_key) == (None, "eu")
        assert run.logical_date is not None

    def test_live_runs_of_a_dag_with_partitions_at_runtime_are_those_that_are_triggered(self, orders, session):
        from airflow.api.common.trigger_dag import trigger_dag
        from airflow.utils.types import DagRunTriggeredByType

        lab = orders("PartitionedAtRuntime()")
        run = trigger_dag("orders", triggered_by=DagRunTriggeredByType.REST_API, partition_key="eu", session=session)
        run.state = DagRunState.SUCCESS
        session.commit()

        judged = soak("orders", 1, SoakQuestion(Criteria(min_runs=1), RunKind.LIVE), session=session)

        assert judged.evidence.runs == 1
        assert canary(lab)[0][0].partition_key == "eu"


class TestTasksOfEachDate:
    @pytest.mark.parametrize("ends", [True, False])
    def test_replay_of_a_date_at_which_the_version_has_no_task_is_refused(self, orders, scheduler, time_machine, ends):
        from airflow_providers_pinning.domain.canaries.replays import Replay

        lab = orders("'@daily'")
        for day in range(3):
            time_machine.move_to(MIDNIGHT + timedelta(days=day, minutes=1), tick=True)
            scheduler.create_due_runs()
            lab.runs("orders")[-1].state = DagRunState.SUCCESS
            lab.session.commit()
        limit = "end_date=datetime(2026, 3, 5, 12" if ends else "start_date=datetime(2026, 3, 5"
        text = dag("'@daily'", "").replace("    pass", f"    EmptyOperator(task_id='a', {limit}, tzinfo=timezone.utc))")
        lab.commit("sha3", orders=text)

        with pytest.raises(NoTaskError, match=f"cannot have a canary run of 2026-03-0{6 if ends else 4}T00:00:00"):
            create_canary_runs("orders", CanaryRequest(2, replay=Replay(last=3)), lab.change(), session=lab.session)


class TestFaces:
    def test_partition_is_given_through_the_api(self, orders, publish, api):
        orders(TestPartitions.SCHEDULE)
        body = {"version_number": 2, "partition_key": "eu", "idempotency_key": "once"}
        created, again = (api().post(f"{PINNING}/dags/orders/canaryRuns", json=body) for _ in range(2))

        assert created.status_code == 201, created.text
        [run_id] = created.json()["run_ids"]
        assert again.json()["run_ids"] == [run_id]
        assert api().get(f"/api/v2/dags/orders/dagRuns/{run_id}").json()["partition_key"] == "eu"

    def test_refusal_names_the_reason(self, orders, api):
        orders(TestPartitions.SCHEDULE)
        answer = api().post(f"{PINNING}/dags/orders/canaryRuns", json={"version_number": 2})
        assert (answer.status_code, answer.json()["detail"]["reason"]) == (422, "invalid_partition_key")

    def test_partition_is_not_given_with_a_replay(self, orders, api):
        body = {"version_number": 2, "partition_key": "eu", "replay": {"last": 1}}
        answer = api().post(f"{PINNING}/dags/orders/canaryRuns", json=body)
        assert (answer.status_code, answer.json()["detail"]["reason"]) == (422, "invalid_request")
