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
from airflow.models.dag import DagModel
from airflow.models.dagrun import DagRun
from airflow.models.errors import ParseImportError
from airflow.utils.state import DagRunState
from airflow.utils.types import DagRunTriggeredByType, DagRunType
from sqlalchemy import delete, select, update

from airflow_providers_pinning.domain.dag_model import unparsed
from airflow_providers_pinning.domain.dag_model.unparsed import RECALCULATED, Progress, recalculate_unparsed
from airflow_providers_pinning.patch_points import RELEASE
from tests.support.lab import BUNDLE
from tests.support.remembered import remembered
from tests.support.sources import dag_file
from tests.support.statements import recorded

LIMITED = "schedule='@hourly', max_active_runs=1"

OF_THE_VERSION = "depends on the version alone: written when it is pinned, and repaired if something overwrites it"
OF_THE_FILE = "tells of the file at HEAD, not of the Dag"
UNTOUCHED = "not written by a parse"
DECIDED = {
    **dict.fromkeys(RECALCULATED, "recalculated: depends on runs, on time or on the configuration"),
    **dict.fromkeys(
        (
            "fileloc",
            "relative_fileloc",
            "bundle_name",
            "bundle_version",
            "dag_display_name",
            "description",
            "timetable_type",
            "timetable_summary",
            "timetable_description",
            "timetable_partitioned",
            "timetable_periodic",
            "partition_mapper_info",
            "asset_expression",
            "deadline",
            "fail_fast",
            "allowed_run_types",
        ),
        OF_THE_VERSION,
    ),
    "has_task_concurrency_limits": f"{OF_THE_VERSION}; of a canary's version too, while one is unfinished",
    "is_stale": "kept false by the transaction that would set it; repaired",
    "has_import_errors": "kept false by the transaction that would set it; repaired",
    "last_parsed_time": OF_THE_FILE,
    "last_parse_duration": OF_THE_FILE,
    "dag_id": UNTOUCHED,
    "is_paused": UNTOUCHED,
    "last_expired": UNTOUCHED,
}
if RELEASE >= (3, 4):
    DECIDED |= {"timetable_asset_gated": OF_THE_VERSION, "is_draining": UNTOUCHED}
"""What becomes of each column of a pinned Dag's row while its file does not parse, and why."""


def test_every_column_of_airflows_row_is_decided_about():
    assert set(DECIDED) == {column.name for column in DagModel.__table__.columns}


def recalculate(lab, progress=None):
    lab.session.commit()
    written = recalculate_unparsed(progress if progress is not None else Progress(), session=lab.session)
    lab.session.expire_all()
    return written


def break_head(lab, dag_id="orders", minutes=10):
    """Let HEAD not parse, and that for some time."""
    parsed = datetime.now(timezone.utc) - timedelta(minutes=minutes)
    lab.session.execute(update(DagModel).where(DagModel.dag_id == dag_id).values(last_parsed_time=parsed))
    lab.session.commit()


@pytest.fixture
@remembered
def broken(lab):
    """Pin a Dag that may have one run at a time, and break its file."""
    lab.commit("sha1", orders=dag_file("orders", LIMITED))
    lab.pin("orders", 1)
    break_head(lab)
    return lab


def fail(lab, run):
    lab.session.execute(update(DagRun).where(DagRun.id == run.id).values(state=DagRunState.FAILED))
    lab.session.commit()


def remove(lab, run):
    lab.session.execute(delete(DagRun).where(DagRun.id == run.id))
    lab.session.commit()


def trigger(lab):
    """Create a run as an operator or a person does, which does not look at the limit."""
    dag = lab.serialized("orders", 1).dag
    run = dag.create_dagrun(
        run_id="manual",
        run_after=datetime.now(timezone.utc),
        run_type=DagRunType.MANUAL,
        triggered_by=DagRunTriggeredByType.OPERATOR,
        state=DagRunState.RUNNING,
        session=lab.session,
    )
    lab.session.commit()
    return run


class TestLimit:
    @pytest.mark.parametrize("end", [fail, remove])
    def test_that_was_reached_is_lifted_when_its_run_is_ended_by_hand(self, end, broken, scheduler):
        scheduler.create_due_runs()
        (run,) = broken.runs("orders")
        assert broken.dag_model("orders").exceeds_max_non_backfill
        end(broken, run)

        assert recalculate(broken) == ["orders"]

        assert not broken.dag_model("orders").exceeds_max_non_backfill

    def test_lets_the_scheduler_create_runs_again(self, broken, scheduler):
        scheduler.create_due_runs()
        (run,) = broken.runs("orders")
        remove(broken, run)
        scheduler.create_due_runs()
        assert broken.runs("orders") == []

        recalculate(broken)
        scheduler.create_due_runs()

        assert len(broken.runs("orders")) == 1

    @pytest.mark.parametrize("end", [fail, remove])
    def test_that_an_operator_reached_is_lifted_too(self, end, broken, scheduler):
        run = trigger(broken)
        progress = Progress()
        recalculate(broken, progress)
        assert broken.dag_model("orders").exceeds_max_non_backfill
        end(broken, run)

        recalculate(broken, progress)
        scheduler.create_due_runs()

        assert [run.run_type for run in broken.runs("orders") if run.state == DagRunState.QUEUED] == ["scheduled"]

    def test_that_an_operator_reached_holds_while_its_run_is_active(self, broken, scheduler):
        trigger(broken)

        recalculate(broken)
        scheduler.create_due_runs()

        assert [run.run_id for run in broken.runs("orders")] == ["manual"]


class TestNextRun:
    def age(self, lab, by):
        """Let the calculated next run be the one that was next some time ago."""
        columns = [
            "next_dagrun",
            "next_dagrun_create_after",
            "next_dagrun_data_interval_start",
            "next_dagrun_data_interval_end",
        ]
        dag = lab.dag_model("orders")
        for column in columns:
            setattr(dag, column, getattr(dag, column) - by)
        lab.session.commit()

    def test_of_a_dag_without_catch_up_goes_on_while_it_is_paused(self, broken, scheduler):
        expected = broken.dag_model("orders").next_dagrun
        self.age(broken, timedelta(days=7))
        broken.dag_model("orders").is_paused = True
        progress = Progress()

        assert recalculate(broken, progress) == ["orders"]
        broken.dag_model("orders").is_paused = False
        broken.session.commit()
        scheduler.create_due_runs()

        (run,) = broken.runs("orders")
        assert run.logical_date - expected in (timedelta(0), timedelta(hours=1))
        assert recalculate(broken, progress) == []

    def test_of_a_dag_with_catch_up_stays(self, lab):
        lab.commit("sha1", orders=dag_file("orders", LIMITED).replace("catchup=False", "catchup=True"))
        lab.pin("orders", 1)
        break_head(lab)

        assert recalculate(lab) == []

        assert lab.dag_model("orders").next_dagrun == datetime(2026, 1, 1, tzinfo=timezone.utc)

    def test_is_the_one_after_the_last_run_that_is_left(self, lab, scheduler):
        lab.commit(
            "sha1",
            orders=dag_file("orders", "schedule='@daily', max_active_runs=9").replace("catchup=False", "catchup=True"),
        )
        lab.pin("orders", 1)
        break_head(lab)
        for _ in range(3):
            scheduler.create_due_runs()
        progress = Progress()
        recalculate(lab, progress)
        remove(lab, lab.runs("orders")[-1])

        assert recalculate(lab, progress) == ["orders"]

        assert lab.dag_model("orders").next_dagrun == datetime(2026, 1, 3, tzinfo=timezone.utc)

    def test_is_what_a_parse_would_have_left(self, broken, scheduler):
        scheduler.create_due_runs()
        (run,) = broken.runs("orders")
        remove(broken, run)
        self.age(broken, timedelta(days=1))
        recalculate(broken)
        recalculated = {column: getattr(broken.dag_model("orders"), column) for column in RECALCULATED}

        broken.parse("sha1")

        assert recalculated == {column: getattr(broken.dag_model("orders"), column) for column in RECALCULATED}

    def test_follows_the_configured_default_of_a_limit(self, lab, monkeypatch):
        lab.commit("sha1", orders=dag_file("orders", "schedule='@daily'"))
        lab.pin("orders", 1)
        break_head(lab)
        lab.session.execute(update(DagModel).values(max_active_tasks=1, owners="nobody"))

        recalculate(lab)

        dag = lab.dag_model("orders")
        assert (dag.max_active_tasks, dag.owners) == (16, "airflow")


class TestLeftAlone:
    def wrong(self, lab):
        lab.session.execute(update(DagModel).values(exceeds_max_non_backfill=True))
        lab.session.commit()

    def test_is_a_dag_whose_file_was_parsed_of_late(self, broken):
        broken.parse("sha1")
        self.wrong(broken)

        assert recalculate(broken) == []

    def test_is_not_one_whose_file_is_known_to_be_broken(self, broken):
        broken.parse("sha1")
        break_head(broken, minutes=0.5)
        self.wrong(broken)
        assert recalculate(broken) == []

        broken.session.add(
            ParseImportError(bundle_name=BUNDLE, filename="orders.py", timestamp=datetime.now(timezone.utc))
        )
        assert recalculate(broken) == ["orders"]

    def test_is_a_dag_that_is_not_pinned(self, broken):
        broken.unpin("orders")
        break_head(broken)
        self.wrong(broken)

        assert recalculate(broken) == []

    def test_is_one_whose_pin_cannot_be_honored(self, broken):
        self.wrong(broken)
        broken.break_pin("orders")

        assert recalculate(broken) == []

    def test_is_one_that_is_out_of_service(self, broken):
        self.wrong(broken)
        broken.session.execute(update(DagModel).values(is_stale=True))

        assert recalculate(broken) == []

    def test_is_the_time_of_the_last_parse(self, broken):
        before = broken.dag_model("orders").last_parsed_time
        self.wrong(broken)

        assert recalculate(broken) == ["orders"]

        assert broken.dag_model("orders").last_parsed_time == before


class TestRounds:
    @pytest.fixture
    @remembered
    def several(self, lab):
        dag_ids = ("apples", "bananas", "cherries", "dates", "elderberries")
        lab.commit("sha1", **{dag_id: dag_file(dag_id, LIMITED) for dag_id in dag_ids})
        for dag_id in dag_ids:
            lab.pin(dag_id, 1)
            break_head(lab, dag_id)
        lab.session.execute(update(DagModel).values(exceeds_max_non_backfill=True))
        return lab

    @pytest.mark.parametrize("bound", ["LOOKED_AT_A_ROUND", "RECALCULATED_A_ROUND"])
    def test_are_bounded_and_go_on_where_the_last_one_ended(self, bound, several, monkeypatch):
        monkeypatch.setattr(unparsed, bound, 2)
        unparsed._unparsed.cache_clear()
        progress = Progress()

        rounds = [recalculate(several, progress) for _ in range(4)]
        unparsed._unparsed.cache_clear()

        assert rounds == [["apples", "bananas"], ["cherries", "dates"], ["elderberries"], []]

    def test_that_find_nothing_changed_send_two_statements_and_lock_nothing(self, several):
        later = datetime.now(timezone.utc) + timedelta(days=400)
        several.session.execute(update(DagModel).values(exceeds_max_non_backfill=False, next_dagrun_create_after=later))
        progress = Progress()
        several.session.commit()
        recalculate_unparsed(progress, session=several.session)
        several.session.execute(update(DagModel).values(next_dagrun_create_after=later))
        several.session.commit()

        with recorded(several.session) as statements:
            recalculate_unparsed(progress, session=several.session)

        assert len(statements) == 2
        assert not any("UPDATE" in statement for statement in statements)

    def test_go_on_after_one_that_fails(self, several, monkeypatch):
        several.remove_plugin("apples", 1)

        assert recalculate(several) == ["bananas", "cherries", "dates", "elderberries"]

    def test_forget_dags_that_parse_again(self, several):
        progress = Progress()
        recalculate(several, progress)
        several.parse("sha1")

        recalculate(several, progress)

        assert progress.known == {}


def test_the_dag_processor_recalculates_as_part_of_its_upkeep(broken):
    from airflow_providers_pinning.enforcement.dag_processor.maintenance import Upkeep

    broken.session.execute(update(DagModel).values(exceeds_max_non_backfill=True))
    broken.session.commit()

    Upkeep().run_if_due([])

    assert not broken.session.scalar(select(DagModel.exceeds_max_non_backfill))
