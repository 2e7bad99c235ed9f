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
import time_machine
from airflow.models.dag import DagModel
from sqlalchemy import update

from airflow_providers_pinning.domain.difference.compare import choose_versions, compare, compare_versions
from tests.support.comparing import differences, register, with_arguments
from tests.support.sources import CHANGED, STABLE, dag_file

NOON = datetime(2026, 3, 10, 12, 30, tzinfo=timezone.utc)


@pytest.fixture(autouse=True)
def at_noon():
    with time_machine.travel(NOON, tick=True):
        yield


def at(*times):
    """Return times of March."""
    return tuple(datetime(2026, 3, day, hour, tzinfo=timezone.utc) for day, hour in times)


class TestDescription:
    """How schedules are told in words."""

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            ("schedule=None", "None (Never, external triggers only)"),
            ("schedule='@daily'", "0 0 * * * (At 00:00)"),
            ("schedule='@once'", "@once (Once, as soon as possible)"),
            ("schedule=timedelta(minutes=10)", "0:10:00"),
            ("schedule=[Asset('a'), Asset('b')]", "Asset: a and b"),
            ("schedule=(Asset('a') | Asset('b')) & Asset('c')", "Asset: (a or b) and c"),
            ("schedule=AssetAlias('x')", "Asset: alias x"),
            ("schedule=AssetOrTimeSchedule(timetable=CRON, assets=Asset('a'))", "Asset or 0 6 * * * Europe/Berlin: a"),
            ("schedule=CRON", "0 6 * * * Europe/Berlin (At 06:00)"),
            ("schedule=PartitionedAssetTimetable(assets=Asset('a'))", "Partitioned Asset: a"),
        ],
        ids=lambda value: value,
    )
    def test_is_short(self, arguments, said, lab, session):
        imports = (
            "from airflow.sdk import AssetAlias, AssetOrTimeSchedule, CronTriggerTimetable\n"
            "CRON = CronTriggerTimetable('0 6 * * *', timezone='Europe/Berlin')\n"
        )
        lab.commit("sha1", orders=imports + dag_file("orders", arguments))

        found = compare_versions("orders", session=session).schedule

        assert (found.before, found.after, found.changed) == (said, said, False)

    def test_tells_the_arguments_that_differ_if_nothing_else_does(self, lab):
        imports = "from airflow.sdk import CronTriggerTimetable\n"
        source = imports + dag_file(
            "orders", "schedule=CronTriggerTimetable('0 6 * * *', timezone='UTC', interval=timedelta(hours={}))"
        )

        found = differences(lab, source.format(1), source.format(2)).schedule

        assert found.changed
        assert found.before == '0 6 * * * (At 06:00) {"interval": 3600}'
        assert found.after == '0 6 * * * (At 06:00) {"interval": 7200}'

    def test_does_not_tell_arguments_to_who_may_not_see_the_code(self, lab, session):
        source = dag_file("orders", "schedule=Asset('a', extra={{'k': '{}'}})")
        register(lab, source.format("one"), source.format("two"))
        versions = choose_versions("orders", session=session)

        found = compare("orders", *versions, with_code=False, session=session).schedule

        assert (found.before, found.after, found.changed) == ("Asset: a", "Asset: a", True)

    def test_tells_start_end_and_catch_up_if_they_differ(self, lab):
        found = differences(
            lab,
            with_arguments("schedule='@daily'"),
            with_arguments("schedule='@daily', end_date=datetime(2027, 1, 1, tzinfo=timezone.utc)"),
        ).schedule

        assert found.changed
        assert found.before == "0 0 * * * (At 00:00), end_date=none"
        assert found.after == "0 0 * * * (At 00:00), end_date=2027-01-01T00:00:00+00:00"


class TestNextRuns:
    """The next five runs of each version, if it were active."""

    def test_start_from_the_last_automated_run(self, lab, session, scheduler):
        register(lab, STABLE)
        lab.pin("orders", 1)
        scheduler.create_due_runs()
        lab.commit("sha2", orders=CHANGED)

        found = compare_versions("orders", session=session).schedule

        assert found.next_runs_before == at((11, 0), (12, 0), (13, 0), (14, 0), (15, 0))
        assert found.next_runs_after == at((10, 12), (10, 13), (10, 14), (10, 15), (10, 16))
        assert found.note == "Version 2 would create 1 overdue run at once."

    def test_of_the_active_version_start_with_the_one_that_airflow_has_planned(self, lab, session):
        register(lab, STABLE, CHANGED)

        found = compare_versions("orders", session=session).schedule

        assert found.next_runs_before[0] == lab.dag_model("orders").next_dagrun_create_after

    def test_of_the_other_version_start_with_the_one_that_airflow_plans_when_it_is_pinned(self, lab, session):
        register(lab, STABLE, CHANGED)
        found = compare_versions("orders", session=session).schedule

        lab.pin("orders", 2)

        assert found.next_runs_after[0] == lab.dag_model("orders").next_dagrun_create_after

    def test_tell_what_catching_up_would_create(self, lab):
        source = dag_file("orders", "schedule='@daily'")

        found = differences(lab, source, source.replace("catchup=False", "catchup=True")).schedule

        assert found.changed
        assert (found.before[-13:], found.after[-12:]) == ("catchup=False", "catchup=True")
        assert found.next_runs_after[0] == datetime(2026, 1, 1, tzinfo=timezone.utc)
        assert "Version 2 would create 5 or more overdue runs at once." in found.note

    def test_respect_the_end(self, lab):
        end = "end_date=datetime(2026, 3, 12, tzinfo=timezone.utc)"
        found = differences(
            lab,
            with_arguments(f"schedule='@daily', {end}"),
            with_arguments(f"schedule='@daily', {end.replace('12', '1')}"),
        ).schedule

        assert found.next_runs_before == at((10, 0), (11, 0), (12, 0))
        assert found.next_runs_after == ()
        assert "The schedule of version 2 has no more runs." in found.note

    def test_respect_the_dates_of_tasks(self, lab, session):
        body = "EmptyOperator(task_id='late', start_date=datetime(2026, {}, 1, tzinfo=timezone.utc))"
        source = dag_file("orders", "schedule='@daily'", tasks="", body=body).replace(
            "start_date=datetime(2026, 1, 1, tzinfo=timezone.utc), catchup", "catchup", 1
        )

        found = differences(lab, source.format(5), source.format(6)).schedule

        assert found.next_runs_before[0] == datetime(2026, 5, 1, tzinfo=timezone.utc)
        assert found.next_runs_after[0] == datetime(2026, 6, 1, tzinfo=timezone.utc)

    def test_respect_the_time_zone(self, lab, session):
        imports = "from airflow.sdk import CronTriggerTimetable\n"
        source = imports + dag_file("orders", "schedule=CronTriggerTimetable('0 6 * * *', timezone='Europe/Berlin')")
        lab.commit("sha1", orders=source)

        times = compare_versions("orders", session=session).schedule.next_runs_before

        assert {time.utcoffset() for time in times} == {timedelta(0)}
        assert [time.hour for time in times] == [5] * 5

    @pytest.mark.parametrize(
        ("arguments", "note"),
        [
            ("schedule=None", "Version 1 has no schedule: it runs when it is triggered."),
            ("schedule=Asset('a')", "Version 1 runs when its assets are updated, not at fixed times."),
            (
                "schedule='@continuous', max_active_runs=1",
                "Version 1 starts a run as soon as the previous one has ended.",
            ),
        ],
        ids=lambda value: value,
    )
    def test_are_none_without_times(self, arguments, note, lab, session):
        lab.commit("sha1", orders=with_arguments(arguments))

        found = compare_versions("orders", session=session).schedule

        assert (found.next_runs_before, found.next_runs_after, found.note) == ((), (), note)

    def test_of_a_schedule_of_times_and_assets_are_the_times(self, lab, session):
        imports = "from airflow.sdk import AssetOrTimeSchedule, CronTriggerTimetable\n"
        arguments = (
            "schedule=AssetOrTimeSchedule(timetable=CronTriggerTimetable('0 6 * * *', timezone='UTC'), "
            "assets=Asset('a'))"
        )
        lab.commit("sha1", orders=imports + dag_file("orders", arguments))

        found = compare_versions("orders", session=session).schedule

        assert found.next_runs_before[1:3] == at((11, 6), (12, 6))
        assert "Version 1 also runs when its assets are updated." in found.note

    def test_of_partitions_start_from_the_last_partition(self, lab, session):
        imports = "from airflow.sdk import CronPartitionTimetable\n"
        source = imports + dag_file("orders", "schedule=CronPartitionTimetable('0 6 * * *', timezone='UTC')")
        lab.commit("sha1", orders=source)

        times = compare_versions("orders", session=session).schedule.next_runs_before

        assert times == at((10, 6), (11, 6), (12, 6), (13, 6), (14, 6))
        assert times[0] == lab.dag_model("orders").next_dagrun_create_after

    def test_of_a_paused_dag_are_told_to_wait(self, lab, session):
        register(lab, STABLE)
        session.execute(update(DagModel).values(is_paused=True))
        session.commit()

        found = compare_versions("orders", session=session).schedule

        assert len(found.next_runs_before) == 5
        assert "The Dag is paused" in found.note
