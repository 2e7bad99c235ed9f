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
from airflow.api.common import delete_dag
from airflow.models.dag import DagModel
from airflow.models.dagbundle import DagBundleModel
from airflow.models.dagrun import DagRun
from sqlalchemy import delete, select, update

from airflow_providers_pinning.domain.canaries.withheld import EffectKind, withhold
from airflow_providers_pinning.domain.changes import canary
from airflow_providers_pinning.domain.monitoring import maintenance
from airflow_providers_pinning.domain.monitoring.maintenance import repair_scheduling_metadata
from airflow_providers_pinning.models import RoutedRun, WithheldEffect
from tests.support.remembered import remembered
from tests.support.sources import dag_file
from tests.support.statements import recorded
from tests.support.stock import without_enforcement

V1 = dag_file("orders", "schedule='@daily', max_active_runs=2")
V2 = dag_file("orders", "schedule='@hourly', max_active_runs=7", "extract load")


def repair(lab):
    lab.session.commit()
    return list(repair_scheduling_metadata(session=lab.session).repaired)


@pytest.fixture
@remembered
def pinned(lab):
    lab.pin_first_of_two(V1, V2)
    return lab


def test_what_a_host_without_the_package_reserialized_is_written_back(pinned):
    with without_enforcement():
        pinned.parse("sha2")
    assert pinned.dag_model("orders").timetable_summary == "0 * * * *"

    assert repair(pinned) == ["orders"]

    dag = pinned.dag_model("orders")
    assert (dag.timetable_summary, dag.max_active_runs, dag.bundle_version) == ("0 0 * * *", 2, "sha1")
    assert pinned.pin_state("orders").health.problems == ()


def test_the_dag_is_locked_while_it_is_repaired(pinned, session):
    session.execute(update(DagModel).values(bundle_version="other"))

    with recorded(session) as statements:
        repair(pinned)

    assert any(statement.endswith("FOR NO KEY UPDATE OF dag") for statement in statements)


def test_a_dag_that_went_out_of_service_in_spite_of_its_pin_comes_back(pinned):
    pinned.session.execute(update(DagModel).values(is_stale=True, has_import_errors=True))

    assert repair(pinned) == ["orders"]

    dag = pinned.dag_model("orders")
    assert not dag.is_stale
    assert not dag.has_import_errors


def test_nothing_is_written_if_nothing_was_overwritten(pinned):
    assert repair(pinned) == []


def test_a_dag_that_is_not_pinned_is_left_alone(pinned):
    pinned.unpin("orders")
    pinned.session.execute(update(DagModel).values(bundle_version="other"))

    assert repair(pinned) == []


def test_a_pin_that_cannot_be_honored_is_left_alone(pinned):
    pinned.session.execute(update(DagModel).values(bundle_version="other"))
    pinned.break_pin("orders")

    assert repair(pinned) == []
    assert pinned.dag_model("orders").bundle_version == "other"


def test_a_dag_of_a_bundle_that_is_no_longer_configured_is_not_revived(pinned):
    pinned.session.execute(update(DagBundleModel).values(active=False))
    pinned.session.execute(update(DagModel).values(is_stale=True, bundle_version="other"))

    assert repair(pinned) == []
    assert pinned.dag_model("orders").is_stale


def test_one_that_cannot_be_read_does_not_keep_others_from_being_repaired(pinned):
    pinned.commit("sha3", zebras=V1.replace("'orders'", "'zebras'"))
    pinned.pin("zebras", 1)
    pinned.remove_plugin("orders", 1)
    pinned.session.execute(update(DagModel).values(bundle_version="other"))

    assert repair(pinned) == ["zebras"]
    assert pinned.dag_model("zebras").bundle_version == "sha3"


def test_a_round_is_bounded(pinned, monkeypatch):
    monkeypatch.setattr(maintenance, "REPAIRS_A_ROUND", 1)
    pinned.commit("sha3", zebras=V1.replace("'orders'", "'zebras'"))
    pinned.pin("zebras", 1)
    pinned.session.execute(update(DagModel).values(bundle_version="other"))

    assert [repair(pinned), repair(pinned), repair(pinned)] == [["orders"], ["zebras"], []]


@pytest.fixture
def several(lab, monkeypatch):
    """Let the metadata of more pinned Dags than a round takes be overwritten."""
    monkeypatch.setattr(maintenance, "REPAIRS_A_ROUND", 2)
    dag_ids = ("apples", "bananas", "cherries", "dates", "elderberries")
    lab.commit("sha1", **{dag_id: dag_file(dag_id) for dag_id in dag_ids})
    for dag_id in dag_ids:
        lab.pin(dag_id, 1)
    lab.session.execute(update(DagModel).values(bundle_version="other"))
    lab.session.commit()
    return lab


def rounds(lab, count):
    """Do some rounds, each where the last one ended, and return what was repaired in each."""
    repaired, after = [], None
    for _ in range(count):
        repairs = repair_scheduling_metadata(after, session=lab.session)
        repaired.append(repairs.repaired)
        after = repairs.last
    return repaired


def test_those_that_cannot_be_repaired_do_not_keep_the_ones_after_them_waiting(several):
    for dag_id in ("apples", "bananas", "cherries"):
        several.remove_plugin(dag_id, 1)

    assert rounds(several, 4) == [(), ("dates",), ("elderberries",), ()]


@pytest.fixture
def fail_once(monkeypatch):
    """Return a function that lets the repair of a Dag fail unexpectedly after it was written, the first time."""

    def arrange(dag_id_to_fail):
        sync, failed = maintenance.sync_dag_model, []

        def fail(dag_id, *, session):
            written = sync(dag_id, session=session)
            if dag_id == dag_id_to_fail and not failed:
                failed.append(dag_id)
                raise ZeroDivisionError
            return written

        monkeypatch.setattr(maintenance, "sync_dag_model", fail)

    return arrange


def test_one_that_could_not_be_repaired_is_tried_again_after_the_others(several, fail_once):
    fail_once("apples")

    assert rounds(several, 4) == [("bananas",), ("cherries", "dates"), ("elderberries",), ("apples",)]


def test_what_was_repaired_stays_when_another_fails_unexpectedly(several, fail_once, caplog):
    fail_once("bananas")

    assert rounds(several, 1) == [("apples",)]

    several.session.rollback()
    assert several.dag_model("apples").bundle_version == "sha1"
    assert several.dag_model("bananas").bundle_version == "other"
    assert "ZeroDivisionError" in caplog.text


class TestRunsThatAreGone:
    @pytest.fixture
    def routed(self, lab, session):
        """Return a function that lists the routed runs; there are canary runs of two Dags."""
        lab.commit("sha1", apples=dag_file("apples"), bananas=dag_file("bananas"))
        for dag_id in ("apples", "bananas"):
            request = canary.CanaryRequest(version_number=1, count=3)
            canary.create_canary_runs(dag_id, request, lab.change(), session=session)
        session.commit()

        def kept():
            return set(session.execute(select(RoutedRun.dag_id, RoutedRun.run_id)).all())

        return kept

    def test_are_forgotten(self, routed, lab, session):
        gone, *others = lab.runs("apples")
        session.execute(delete(DagRun).where(DagRun.id == gone.id))

        assert maintenance.forget_gone_runs(session=session) is None

        assert routed() == {(run.dag_id, run.run_id) for run in (*others, *lab.runs("bananas"))}

    def test_take_what_was_withheld_of_them_along(self, routed, lab, session):
        gone, kept, *_ = lab.runs("apples")
        for run in (gone, kept):
            withhold(EffectKind.CALLBACK, [{}], dag_id="apples", run_id=run.run_id, session=session)
        session.execute(delete(DagRun).where(DagRun.id == gone.id))
        session.flush()

        maintenance.forget_gone_runs(session=session)

        assert session.scalars(select(WithheldEffect.run_id)).all() == [kept.run_id]

    def test_that_are_there_are_kept(self, routed, session):
        before = routed()

        maintenance.forget_gone_runs(session=session)

        assert routed() == before

    def test_are_looked_for_some_at_a_time(self, routed, session, monkeypatch):
        monkeypatch.setattr(maintenance, "RUNS_A_ROUND", 2)
        session.execute(delete(DagRun))
        after, left = None, []

        for _ in range(4):
            after = maintenance.forget_gone_runs(after, session=session)
            left.append(len(routed()))

        assert left == [4, 2, 0, 0]
        assert after is None

    def test_go_with_their_dag(self, routed, lab, session):
        delete_dag.delete_dag("apples")

        assert {dag_id for dag_id, _ in routed()} == {"bananas"}


def test_dag_whose_pin_changed_before_its_turn_is_left_as_it_is(pinned):
    pinned.unpin("orders")
    pinned.dag_model("orders").is_stale = True
    pinned.session.commit()

    assert not maintenance._repair("orders", session=pinned.session)

    assert pinned.dag_model("orders").is_stale
