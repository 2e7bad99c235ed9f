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
"""Canary runs on the inputs of live runs, and what they are compared by, with Airflow's own scheduler."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace

import pytest
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
from airflow.api_fastapi.execution_api.routes import dag_runs, task_instances
from airflow.models.asset import AssetEvent, AssetModel
from airflow.models.dagbag import DBDagBag
from airflow.models.dagrun import DagRun
from airflow.models.taskinstance import TaskInstance
from airflow.models.xcom import XComModel
from airflow.utils.types import DagRunType
from sqlalchemy import select

from airflow_providers_pinning.domain.errors import InvalidConfError, NothingToReplayError
from airflow_providers_pinning.domain.soak.baseline import Tolerance
from airflow_providers_pinning.domain.soak.soak import SoakQuestion, soak
from airflow_providers_pinning.domain.soak.verdict import Criteria, Verdict
from airflow_providers_pinning.models import WithheldEffect
from airflow_providers_pinning.patch_points import RELEASE
from tests.support.api import PINNING
from tests.support.asynchronous import answer
from tests.support.canaries import dag_with_tasks
from tests.support.replays import DAY, TASKS, differences, pairs, push, replay
from tests.support.sources import dag_file


class TestInputs:
    def test_are_those_of_the_original_to_the_second(self, canaries, live, session):
        original = live(conf={"size": 7})

        created = replay(canaries, last=1)

        [(run_id, of)] = created.replays.items()
        run = canaries.run(run_id)
        assert (of, canaries.record(run_id).replay_of) == (original, original)
        assert run.logical_date == DAY + timedelta(microseconds=1)
        assert (run.data_interval_start, run.data_interval_end) == (DAY, DAY + timedelta(days=1))
        assert run.conf == {"size": 7}
        assert {ti.dag_version_id for ti in run.task_instances} == {canaries.lab.version("orders", 2).id}

    def test_two_replays_of_a_run_have_dates_of_their_own(self, canaries, live):
        live()

        dates = [canaries.run(replay(canaries, last=1).run_ids[0]).logical_date for _ in range(3)]

        assert dates == [DAY + timedelta(microseconds=number) for number in (1, 2, 3)]

    def test_replay_stays_in_the_second_of_its_original(self, canaries, live):
        last = DAY.replace(microsecond=999_999)
        live(logical_date=last)

        dates = [canaries.run(replay(canaries, last=1).run_ids[0]).logical_date for _ in range(2)]

        assert dates == [DAY.replace(microsecond=999_998), DAY.replace(microsecond=999_997)]

    def test_last_ones_are_the_newest_successful_live_runs_of_the_active_version(self, canaries, live):
        wanted = [live(DAY + timedelta(days=number)) for number in range(3)][1:]
        live(DAY + timedelta(days=3), state="failed")
        live(DAY + timedelta(days=4), run_type=DagRunType.MANUAL)
        live(DAY + timedelta(days=5), created_dag_version_id=canaries.lab.version("orders", 2).id)
        replay(canaries, last=1)

        assert list(replay(canaries, last=2).replays.values()) == wanted

    def test_as_many_are_replayed_as_there_are(self, canaries, live):
        live()

        assert len(replay(canaries, last=20).run_ids) == 1

    def test_runs_can_be_named_whatever_their_version(self, canaries, live):
        failed, other = live(state="failed"), live(DAY + timedelta(days=1), version=2)

        assert list(replay(canaries, runs=(other, failed)).replays.values()) == [failed, other]

    def test_consumed_asset_events_are_the_originals(self, canaries, live, session):
        asset = AssetModel(name="orders", uri="orders", group="", extra={})
        session.add(asset)
        session.flush()
        event = AssetEvent(asset_id=asset.id, extra={"rows": 3})
        session.add(event)
        original = live(run_type=DagRunType.ASSET_TRIGGERED, logical_date=None)
        session.scalars(select(DagRun).where(DagRun.run_id == original)).one().consumed_asset_events.append(event)
        session.commit()

        [run_id] = replay(canaries, last=1).run_ids

        run = canaries.run(run_id)
        assert [consumed.extra for consumed in run.consumed_asset_events] == [{"rows": 3}]
        assert run.logical_date is None

    def test_partition_is_the_originals(self, lab, canaries, live):
        partitioned = (
            "schedule=PartitionedAssetTimetable(assets=Asset('one'), default_partition_mapper=IdentityMapper())"
        )
        lab.commit("sha3", orders=dag_with_tasks(TASKS, partitioned))
        live(logical_date=None, partition_key="eu")

        [run_id] = replay(canaries, last=1).run_ids

        assert canaries.run(run_id).partition_key == "eu"

    def test_partition_of_a_candidate_that_has_none_is_refused(self, canaries, live):
        live(logical_date=None, partition_key="eu")

        with pytest.raises(NothingToReplayError, match=r"cannot replay run 'live__2026-01-05' of partition 'eu'"):
            replay(canaries, last=1)

    def test_configuration_that_does_not_fit_the_candidate_is_refused(self, lab, canaries, live, session):
        original = live(conf={"size": "big"})
        params = "schedule='@daily', params={'size': Param(1, type='integer')}"
        replay(canaries, last=1)
        lab.commit("sha3", orders=dag_file("orders", params))
        before = len(lab.runs("orders"))

        with pytest.raises(InvalidConfError, match=f"conf of run '{original}' does not match"):
            replay(canaries, 3, last=1)

        session.rollback()
        assert len(lab.runs("orders")) == before

    @pytest.mark.parametrize(
        ("wanted", "problem"),
        [
            ({"last": 3}, "no successful live run of its active version"),
            ({"runs": ("nonesuch",)}, "has no live run 'nonesuch'"),
        ],
    )
    def test_what_is_not_there_is_refused(self, canaries, wanted, problem):
        with pytest.raises(NothingToReplayError, match=problem):
            replay(canaries, **wanted)

    def test_canary_runs_and_unfinished_runs_are_refused(self, canaries, live):
        canary, running = canaries.start(), live(state="running")

        with pytest.raises(NothingToReplayError, match="canary runs cannot be replayed"):
            replay(canaries, runs=(canary,))
        with pytest.raises(NothingToReplayError, match="1 run of Dag 'orders' has not finished"):
            replay(canaries, runs=(running,))


class TestPast:
    """A replay has the past of its original, which it would have itself otherwise."""

    @pytest.fixture
    def replayed(self, canaries, live):
        """Return a replay of the second of two live runs, and the first one's id."""
        before = live()
        live(DAY + timedelta(days=1))
        return canaries.run(replay(canaries, last=1).run_ids[0]), before

    def test_is_that_of_the_original(self, replayed, session):
        run, before = replayed

        assert DagRun.get_previous_dagrun(run, session=session).run_id == before
        assert DagRun.get_previous_scheduled_dagrun(run.id, session=session).run_id == before

    def test_is_what_its_tasks_are_told(self, replayed, session):
        run, before = replayed
        ti = run.task_instances[0]

        successful = answer(task_instances.get_previous_successful_dagrun, task_instance_id=ti.id, session=session)
        asked = {"dag_id": "orders", "session": session, "logical_date": run.logical_date, "state": None}
        previous = dag_runs.get_previous_dagrun(**asked)
        caller = {"dag_bag": DBDagBag(), "token": SimpleNamespace(id=ti.id)} if RELEASE >= (3, 4) else {}
        task = task_instances.get_previous_task_instance(**asked, **caller, task_id="load", map_index=-1)

        assert successful.data_interval_end == DAY + timedelta(days=1)
        assert (previous.run_id, task.run_id) == (before, before)

    def test_has_the_xcoms_of_before_the_original(self, replayed, session):
        run, before = replayed
        for of in (before, "live__2026-01-06"):
            push(session, of, "load", "rows", of)

        query = XComModel.get_many(
            run_id=run.run_id, key="rows", task_ids="load", dag_ids="orders", include_prior_dates=True
        )

        assert [xcom.value for xcom in session.scalars(query)] == [before]


class TestComparison:
    @pytest.fixture
    def started(self, canaries, live):
        """Return the ids of a replay that runs, and of its original."""
        original = live()
        [run_id] = replay(canaries, last=1).run_ids
        canaries.let_start(run_id)
        return run_id, original

    def test_alike(self, canaries, started, session):
        run_id, original = started
        for of in started:
            push(session, of, "extract", "return_value", {"rows": 3, "file": f"s3://out/{of}.csv"})
        canaries.finish(run_id)

        [pair] = pairs(session)
        assert (pair.run_id, pair.original_run_id, pair.state) == (run_id, original, "success")
        assert (pair.comparison["differences"], pair.comparison["shown"]) == (0, [])
        assert pair.comparison["tasks_added"] == ["check"]
        assert (pair.seconds, pair.comparison["original_seconds"]) == (30, 60)

    def test_earlier_tries_of_the_original_count_and_a_wait_does_not(self, canaries, live, session):
        original = live()
        [load] = session.scalars(
            select(TaskInstance).where(TaskInstance.run_id == original, TaskInstance.task_id == "load")
        )
        load.state, load.duration, load.max_tries = "failed", 300, 2
        load.start_date, load.end_date = DAY, DAY + timedelta(seconds=300)
        following = load.prepare_db_for_next_try(session) or load
        following.state, following.duration, following.try_number = "success", 30, 2
        following.queued_dttm = DAY
        session.commit()
        [run_id] = replay(canaries, last=1).run_ids
        canaries.let_start(run_id)
        canaries.finish(run_id)

        assert pairs(session)[0].comparison["original_seconds"] == 30 + 30 + 300

    def test_values_that_differ_or_are_on_one_side_only(self, canaries, started, session):
        run_id, original = started
        push(session, original, "extract", "return_value", {"rows": 3})
        push(session, run_id, "extract", "return_value", {"rows": 4})
        push(session, original, "load", "gone", 1)
        push(session, run_id, "load", "large", "x" * 1000)
        canaries.finish(run_id)

        [pair] = pairs(session)
        assert canaries.record(run_id).output_differences == 3
        assert differences(pair)[:2] == [
            ("xcom", "extract", "return_value", '{"rows": 3}', '{"rows": 4}'),
            ("xcom", "load", "gone", "1", None),
        ]
        [(_, _, key, _, shown)] = differences(pair)[2:]
        assert key == "large"
        assert shown.startswith("1002 characters, sha256 ")

    def test_tries_are_told_and_are_no_difference(self, canaries, started, session):
        run_id, original = started
        of_original = select(TaskInstance).where(TaskInstance.run_id == original, TaskInstance.task_id == "load")
        session.scalars(of_original).one().try_number = 4
        session.commit()
        canaries.finish(run_id)

        [pair] = pairs(session)
        ours = session.scalar(
            select(TaskInstance.try_number).where(TaskInstance.run_id == run_id, TaskInstance.task_id == "load")
        )
        [tries] = [task for task in pair.comparison["tries"] if task["task_id"] == "load"]
        assert tries == {"task_id": "load", "map_index": -1, "original": 4, "replay": ours}
        assert pair.comparison["differences"] == 0

    def test_instances_that_one_of_them_lacks(self, canaries, started, session):
        run_id, original = started
        lacking = select(TaskInstance).where(TaskInstance.run_id == original, TaskInstance.task_id == "load")
        [ti] = session.scalars(lacking)
        ti.map_index = 3
        session.commit()
        canaries.finish(run_id)

        [pair] = pairs(session)
        assert differences(pair) == [("task", "load", None, "success", None), ("task", "load", None, None, "success")]

    def test_mapped_instances_are_compared_by_index(self, lab, canaries, live, session):
        mapped = "@task\ndef load(x):\n    return x\nload.expand(x=[1, 2, 3])\n"
        lab.commit("sha3", orders=dag_file("orders", "schedule='@daily'", "", mapped))
        lab.pin("orders", 2)
        lab.commit("sha4", orders=dag_file("orders", "schedule='@daily'", "", mapped.replace("1, 2, 3", "1, 2, 3, 4")))
        original = live(version=2)
        [run_id] = replay(canaries, 3, last=1).run_ids
        canaries.let_start(run_id)
        for of, values in ((original, (1, 2, 3)), (run_id, (1, 7, 3, 4))):
            for index, value in enumerate(values):
                push(session, of, "load", "return_value", value, map_index=index)
        canaries.finish(run_id)

        [pair] = pairs(session, 3)
        found = [
            (shown["what"], shown["map_index"], shown["original"], shown["replay"])
            for shown in pair.comparison["shown"]
        ]
        assert found == [("task", 3, None, "success"), ("xcom", 1, "2", "7")]

    def test_setup_and_teardown_run_in_a_replay_as_in_its_original(self, lab, canaries, live, session):
        body = (
            "@task\ndef create():\n    pass\n@task\ndef work():\n    pass\n@task\ndef drop():\n    pass\n"
            "create().as_setup() >> work() >> drop().as_teardown(setups=None)\n"
        ).replace("setups=None", "")
        lab.commit("sha3", orders=dag_file("orders", "schedule='@daily'", "", body))
        lab.pin("orders", 2)
        lab.commit("sha4", orders=dag_file("orders", "schedule='@daily'", "check", body))
        live(version=2)
        [run_id] = replay(canaries, 3, last=1).run_ids
        canaries.let_start(run_id)

        assert canaries.finish(run_id, work="failed") == "failed"

        [pair] = pairs(session, 3)
        assert differences(pair) == [("state", "work", None, "success", "failed")]

    def test_deferred_task_is_waited_for(self, canaries, started, session):
        run_id, _ = started
        [ti] = session.scalars(
            select(TaskInstance).where(TaskInstance.run_id == run_id, TaskInstance.task_id == "extract")
        )
        ti.state = "deferred"
        session.commit()
        canaries.scheduler.start_and_decide(2)
        assert canaries.record(run_id).state is None
        [ti] = session.scalars(
            select(TaskInstance).where(TaskInstance.run_id == run_id, TaskInstance.task_id == "extract")
        )
        ti.state = "scheduled"
        session.commit()

        assert canaries.finish(run_id) == "success"
        assert pairs(session)[0].comparison["differences"] == 0

    def test_runs_without_a_task_in_common_are_not_compared(self, lab, canaries, live, session):
        live()
        lab.commit("sha3", orders=dag_with_tasks({"renamed": "all_success"}))
        [run_id] = replay(canaries, 2, last=1).run_ids
        canaries.let_start(run_id)
        canaries.finish(run_id)

        [pair] = pairs(session)
        assert pair.comparison == {"problem": "The runs have no task in common."}
        judged = soak("orders", 2, SoakQuestion(Criteria(min_runs=1, max_output_differences=0)), session=session)
        assert judged.judgement.verdict == Verdict.PROGRESSING
        assert judged.evidence.notes == ("1 replay could not be compared.",)

    def test_run_of_the_candidate_itself_is_nothing_to_compare_with(self, canaries, live, session):
        own = live(version=2)

        created = replay(canaries, runs=(own,))
        [run_id] = created.run_ids
        canaries.let_start(run_id)
        canaries.finish(run_id)

        judged = soak("orders", 2, SoakQuestion(Criteria(min_runs=1, max_output_differences=0)), session=session)
        assert judged.judgement.verdict == Verdict.PROGRESSING
        assert (judged.evidence.replays, judged.evidence.replays_not_compared) == (0, 1)
        assert any(f"{own!r} is one of version 2 itself" in warning for warning in created.warnings)

    def test_too_many_xcoms_are_not_compared(self, canaries, started, session, monkeypatch):
        monkeypatch.setattr("airflow_providers_pinning.domain.canaries.outputs.MOST_CHARACTERS", 100)
        run_id, _ = started
        push(session, run_id, "load", "large", "x" * 100)
        canaries.finish(run_id)

        [pair] = pairs(session)
        assert "too many or too large XComs" in pair.comparison["problem"]

    def test_run_id_that_is_part_of_words_changes_no_value(self, canaries, live, session):
        live()
        original = live(DAY + timedelta(days=1), name="a")
        [run_id] = replay(canaries, runs=(original,)).run_ids
        canaries.let_start(run_id)
        for of in (original, run_id):
            push(session, of, "load", "return_value", "a banana")
        canaries.finish(run_id)

        [pair] = pairs(session)
        assert pair.comparison["differences"] == 1  # "a" itself is taken for the id, and nothing inside of words
        assert differences(pair)[0][3] == '"{run_id} banana"'

    def test_states_of_tasks(self, canaries, started, session):
        run_id, _ = started
        canaries.finish(run_id, extract="failed")

        [pair] = pairs(session)
        assert ("state", "extract", None, "success", "failed") in differences(pair)

    def test_assets_that_would_have_been_published(self, canaries, started, session):
        run_id, original = started
        for name in ("same", "other"):
            session.add(AssetModel(name=name, uri=name, group="", extra={}))
        session.flush()
        assets = {asset.name: asset.id for asset in session.scalars(select(AssetModel))}
        at = {"source_dag_id": "orders", "source_run_id": original, "source_task_id": "load", "source_map_index": -1}
        when = DAY + timedelta(days=1, minutes=5)
        session.add_all(
            AssetEvent(asset_id=assets[name], extra={"rows": 3}, timestamp=when, **at) for name in ("same", "other")
        )
        session.add_all(
            WithheldEffect(
                dag_id="orders",
                run_id=run_id,
                task_id="load",
                map_index=-1,
                kind="asset_event",
                payload={"asset": {"name": name, "uri": name}, "extra": {"rows": rows}, "partition_key": None},
            )
            for name, rows in (("same", 3), ("other", 4))
        )
        session.commit()
        canaries.finish(run_id)

        [pair] = pairs(session)
        assert differences(pair) == [
            ("asset_event", "load", "other", '{"extra": {"rows": 3}}', '{"extra": {"rows": 4}}')
        ]

    def test_original_that_is_gone_is_a_problem_and_no_agreement(self, canaries, started, session):
        run_id, original = started
        session.delete(session.scalars(select(DagRun).where(DagRun.run_id == original)).one())
        session.commit()
        canaries.finish(run_id)

        [pair] = pairs(session)
        assert pair.comparison == {"problem": "The original is gone."}
        assert canaries.record(run_id).output_differences is None

    def test_original_that_was_cleared_meanwhile_is_a_problem_and_no_difference(self, canaries, started, session):
        run_id, original = started
        run = session.scalars(select(DagRun).where(DagRun.run_id == original)).one()
        run.state = run.task_instances[0].state = "running"
        session.commit()
        canaries.finish(run_id)

        [pair] = pairs(session)
        assert "cleared and is running" in pair.comparison["problem"]
        assert canaries.record(run_id).output_differences is None

    def test_it_stays_when_the_runs_are_gone(self, canaries, started, session):
        run_id = started[0]
        push(session, run_id, "extract", "return_value", 4)
        canaries.finish(run_id)
        for of in started:
            session.delete(session.scalars(select(DagRun).where(DagRun.run_id == of)).one())
        session.commit()

        [pair] = pairs(session)
        assert differences(pair) == [("xcom", "extract", "return_value", None, "4")]

    def test_durations_are_judged_by_pair_if_there_are_enough(self, canaries, live, session):
        canaries.seconds = 50
        for number in range(3):
            live(DAY + timedelta(days=number))
        for run_id in replay(canaries, last=3).run_ids:
            canaries.let_start(run_id)
            canaries.finish(run_id)
        cleared = live(DAY + timedelta(days=5), clear_number=1)
        other = live(DAY + timedelta(days=6), version=2)
        for run_id in replay(canaries, runs=(cleared, other)).run_ids:
            canaries.let_start(run_id)
            canaries.finish(run_id)

        compared = soak("orders", 2, SoakQuestion(tolerance=Tolerance()), session=session).comparison

        assert (compared.pairs, compared.paired_duration_ratio, compared.paired_duration_difference) == (3, 2.5, 90)
        assert (compared.duration_judged_by, compared.judgement.reason) == ("pairs", "slower_than_baseline")

    def test_no_live_run_has_a_replay_as_its_past(self, canaries, started, live, session):
        run_id, original = started
        canaries.finish(run_id)
        later = live(DAY + timedelta(days=1))

        found = DagRun.get_previous_dagrun(canaries.run(later), session=session)

        assert found.run_id == original


class TestFaces:
    @pytest.fixture
    def original(self, canaries, live):
        return live()

    def test_replays_are_created_listed_and_judged_through_the_api(self, canaries, original, api, session):
        path = f"{PINNING}/dags/orders"
        created = api().post(f"{path}/canaryRuns", json={"version_number": 2, "replay": {"last": 3}})
        assert created.status_code == 201, created.text
        [run_id] = created.json()["run_ids"]
        assert created.json()["replays"] == {run_id: original}
        canaries.let_start(run_id)
        push(session, run_id, "load", "return_value", 4)
        canaries.finish(run_id)

        listed = api().get(f"{path}/versions/2/replays").json()
        [pair] = listed["replays"]
        assert (listed["total_entries"], pair["run_id"], pair["original_run_id"]) == (1, run_id, original)
        assert (pair["differences"], pair["problem"], pair["tasks_added"]) == (1, None, ["check"])
        assert pair["shown"] == [
            {
                "what": "xcom",
                "task_id": "load",
                "map_index": -1,
                "key": "return_value",
                "original": None,
                "replay": "4",
            }
        ]
        judged = api().get(f"{path}/versions/2/soak", params={"min_runs": 1})
        evidence = judged.json()["evidence"]
        assert (judged.json()["verdict"], evidence["replays"], evidence["output_differences"]) == ("successful", 1, 1)
        assert "1 replay of live runs differs in 1 output." in evidence["notes"]
        strict = api().get(f"{path}/versions/2/soak", params={"min_runs": 1, "max_output_differences": 0}).json()
        assert (strict["verdict"], strict["reason"]) == ("failed", "outputs_differ")

    @pytest.mark.parametrize(
        "body",
        [
            {"replay": {}},
            {"replay": {"last": 0}},
            {"replay": {"last": 1, "runs": ["live__2026-01-05"]}},
            {"replay": {"runs": ["a", "a"]}},
            {"replay": {"last": 1}, "count": 2},
            {"replay": {"last": 1}, "conf": {}},
        ],
    )
    def test_replay_that_is_not_clear_is_refused(self, canaries, original, api, body):
        answer = api().post(f"{PINNING}/dags/orders/canaryRuns", json={"version_number": 2, **body})
        assert (answer.status_code, answer.json()["detail"]["reason"]) == (422, "invalid_request")

    def test_nothing_to_replay_is_a_refusal(self, canaries, api):
        answer = api().post(f"{PINNING}/dags/orders/canaryRuns", json={"version_number": 2, "replay": {"last": 1}})
        assert (answer.status_code, answer.json()["detail"]["reason"]) == (409, "nothing_to_replay")

    def test_xcoms_are_shown_to_who_may_read_them(self, canaries, original, api, session, airflow_app, monkeypatch):
        [run_id] = replay(canaries, last=1).run_ids
        canaries.let_start(run_id)
        push(session, run_id, "load", "return_value", "secret")
        canaries.finish(run_id)
        manager = type(airflow_app.state.auth_manager)
        allowed = manager.is_authorized_dag
        monkeypatch.setattr(
            manager,
            "is_authorized_dag",
            lambda self, **asked: asked.get("access_entity") is not DagAccessEntity.XCOM and allowed(self, **asked),
        )

        answer = api().get(f"{PINNING}/dags/orders/versions/2/replays")

        [pair] = answer.json()["replays"]
        assert (pair["differences"], pair["shown"], "secret" in answer.text) == (1, [], False)

    @pytest.mark.parametrize(("role", "status"), [(None, 401), ("viewer", 200)])
    def test_pairs_need_permission_to_read_runs(self, canaries, api, role, status):
        assert api(role).get(f"{PINNING}/dags/orders/versions/2/replays").status_code == status

    def test_same_request_gives_the_same_replays(self, canaries, original, api):
        body = {"version_number": 2, "replay": {"last": 1}, "idempotency_key": "once"}
        path = f"{PINNING}/dags/orders/canaryRuns"
        first, again = (api().post(path, json=body).json() for _ in range(2))
        assert (again["run_ids"], again["replays"]) == (first["run_ids"], first["replays"])
        assert again["repeated"] is not None
