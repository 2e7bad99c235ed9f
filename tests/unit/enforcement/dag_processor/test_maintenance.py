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

import inspect
from datetime import timedelta
from types import SimpleNamespace

import pytest
from airflow._shared.timezones import timezone
from airflow.dag_processing.manager import DagFileProcessorManager
from airflow.models.dag import DagModel
from sqlalchemy import update

from airflow_providers_pinning.domain.monitoring import maintenance as domain_upkeep
from airflow_providers_pinning.enforcement.dag_processor import commit_record, maintenance
from airflow_providers_pinning.enforcement.dag_processor.maintenance import Upkeep
from airflow_providers_pinning.models import Event, ManagedVersion, RoutedRun, VersionFiles
from tests.support.lab import BUNDLE
from tests.support.patience import PATIENCE
from tests.support.repository import Repository
from tests.support.sources import dag_file
from tests.support.statsd import statsd_of_this_process

V1 = dag_file("orders", "schedule='@daily'")
V2 = dag_file("orders", "schedule='@hourly'", "extract load")


def test_a_round_takes_every_step_that_there_is(monkeypatch):
    """A step that is not in the list of a round would go unnoticed: nothing else calls it."""
    steps = {name for name, value in vars(Upkeep).items() if inspect.isfunction(value) and not name.startswith("__")}
    steps.remove("run_if_due")
    taken = []
    for name in steps:
        monkeypatch.setattr(Upkeep, name, lambda *_, name=name: taken.append(name))

    Upkeep().run_if_due([BUNDLE])

    assert sorted(taken) == sorted(steps)


@pytest.fixture
def overwritten(lab):
    """Let something without the enforcement overwrite the scheduling metadata of a pinned Dag."""
    lab.commit("sha1", orders=V1)
    lab.pin("orders", 1)

    def overwrite():
        lab.session.execute(update(DagModel).values(bundle_version="sha2"))
        lab.session.commit()

    overwrite()
    return overwrite


def repaired(lab):
    return lab.dag_model("orders").bundle_version == "sha1"


def test_the_loop_of_the_dag_processor_does_the_upkeep(overwritten, lab, option):
    option("maintenance_interval", 0)

    DagFileProcessorManager(max_runs=1)._scan_stale_dags()

    assert repaired(lab)


class TestUpkeep:
    def test_repairs_scheduling_metadata(self, overwritten, lab):
        Upkeep().run_if_due([])

        assert repaired(lab)

    def test_is_not_done_again_at_once(self, overwritten, lab):
        upkeep = Upkeep()
        upkeep.run_if_due([])
        overwritten()

        upkeep.run_if_due([])

        assert not repaired(lab)

    def test_is_done_again_after_the_interval(self, overwritten, lab, option):
        option("maintenance_interval", 0)
        upkeep = Upkeep()
        upkeep.run_if_due([])
        overwritten()

        upkeep.run_if_due([])

        assert repaired(lab)

    def test_goes_on_in_the_next_round_where_the_last_one_ended(self, overwritten, lab, option, monkeypatch):
        option("maintenance_interval", 0)
        monkeypatch.setattr(domain_upkeep, "REPAIRS_A_ROUND", 1)
        lab.commit("sha1", apples=dag_file("apples"))
        lab.pin("apples", 1)
        overwritten()
        lab.remove_plugin("apples", 1)
        upkeep = Upkeep()

        upkeep.run_if_due([])
        upkeep.run_if_due([])

        assert repaired(lab)

    def test_that_fails_does_not_stop_the_dag_processor_and_is_tried_again(self, overwritten, lab, option, monkeypatch):
        option("maintenance_interval", 0)
        upkeep = Upkeep()
        with monkeypatch.context() as patched:
            patched.setattr(domain_upkeep, "repair_scheduling_metadata", lambda *_, **options: 1 / 0)
            upkeep.run_if_due([])

        upkeep.run_if_due([])

        assert repaired(lab)

    def test_forgets_routed_runs_that_are_gone(self, overwritten, lab, session):
        version_id = lab.version("orders", 1).id
        session.add(RoutedRun(dag_id="orders", run_id="gone", dag_version_id=version_id, kind="canary"))
        session.commit()

        Upkeep().run_if_due([])

        session.rollback()
        assert session.query(RoutedRun).all() == []

    def test_notes_pinned_dags_that_no_file_at_head_defines(self, lab, session, monkeypatch):
        from airflow_providers_pinning.domain.dag_model import missing

        monkeypatch.setattr(missing, "seen", missing.Seen(listed={BUNDLE: frozenset()}))
        lab.commit("sha1", orders=V1)
        lab.pin("orders", 1)
        session.execute(update(DagModel).values(last_parsed_time=timezone.utcnow() - timedelta(minutes=5)))
        session.commit()

        Upkeep().run_if_due([])

        session.expire_all()
        assert lab.pin_state("orders").head.status.value == "missing"

    def test_sends_the_gauges(self, lab, monkeypatch):
        lab.commit("sha1", orders=V1)
        lab.pin("orders", 1)

        with statsd_of_this_process(monkeypatch) as server:
            Upkeep().run_if_due([])

            server.wait_until(lambda: server.gauges().get("pinning.pins") == 1)

    def test_measures_the_gauges_no_more_than_a_small_part_of_the_time(self, option, monkeypatch):
        from airflow_providers_pinning.domain.monitoring import metrics

        option("maintenance_interval", 0)
        clock = [1000.0]
        monkeypatch.setattr(maintenance, "time", SimpleNamespace(monotonic=lambda: clock[0]))
        measured = []

        def measure_for_two_seconds(**options):
            measured.append(clock[0])
            clock[0] += 2

        monkeypatch.setattr(metrics, "report", measure_for_two_seconds)
        upkeep = Upkeep()
        for moment in (1000, 1010, 1041, 1043):
            clock[0] = moment
            upkeep.run_if_due([])

        assert measured == [1000, 1043]

    def test_that_fails_in_one_thing_does_the_others(self, overwritten, lab, monkeypatch, caplog):
        from airflow_providers_pinning.domain.history import outbox
        from airflow_providers_pinning.domain.monitoring import metrics

        monkeypatch.setattr(metrics, "report", lambda **options: 1 / 0)
        asked = []
        monkeypatch.setattr(outbox, "is_announcement_due", lambda **options: asked.append(1))

        Upkeep().run_if_due([])

        assert repaired(lab)
        assert asked == [1]
        assert "ZeroDivisionError" in caplog.text

    def test_starts_no_announcement_if_none_is_due(self, overwritten, lab):
        upkeep = Upkeep()

        upkeep.run_if_due([])

        assert upkeep._announcing._process is None

    def test_starts_no_check_of_the_code_if_none_is_due(self, lab):
        upkeep = Upkeep()

        upkeep.run_if_due([BUNDLE])

        assert upkeep._code_check._process is None


def test_what_was_left_unannounced_is_announced_in_a_process_of_its_own(overwritten, lab, option):
    option("maintenance_interval", 0)
    lab.session.execute(update(Event).values(created_at=timezone.utcnow() - timedelta(minutes=1)))
    lab.session.commit()
    upkeep = Upkeep()

    upkeep.run_if_due([])
    started = upkeep._announcing._process
    upkeep.run_if_due([])

    assert upkeep._announcing._process is started
    assert started.wait(timeout=PATIENCE) == 0
    lab.session.rollback()
    assert [event.announced_at is not None for event in lab.session.query(Event)] == [True]
    upkeep.run_if_due([])
    assert upkeep._announcing._process is started


@pytest.fixture
def pinned_in_a_repository(lab, tmp_path, monkeypatch):
    """Pin a Dag whose repository the bundle follows."""
    repository = Repository(tmp_path / "repository")
    monkeypatch.setenv("AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_STORAGE_PATH", str(tmp_path / "bundles"))
    for name, value in repository.configuration(BUNDLE).items():
        monkeypatch.setenv(name, value)
    lab.commit(repository.commit(orders=V1), orders=V1)
    lab.pin("orders", 1)


def test_the_code_of_managed_versions_is_checked_in_a_process_of_its_own(pinned_in_a_repository, session):
    upkeep = Upkeep()

    upkeep._check_code([BUNDLE])
    started = upkeep._code_check._process
    upkeep._check_code([BUNDLE])

    assert upkeep._code_check._process is started
    assert started.wait(timeout=PATIENCE) == 0
    session.rollback()
    [version] = session.query(ManagedVersion).all()
    assert version.code_state == "available"


def test_one_process_does_all_that_a_new_pin_needs_of_the_repository(pinned_in_a_repository, session, option):
    option("maintenance_interval", 0)
    upkeep = Upkeep()

    upkeep.run_if_due([BUNDLE])
    started = upkeep._commit_record._process
    upkeep.run_if_due([BUNDLE])

    assert upkeep._commit_record._process is started
    assert upkeep._code_check._process is None
    assert started.wait(timeout=PATIENCE) == 0
    session.rollback()
    [version] = session.query(ManagedVersion).all()
    assert version.code_state == "available"
    assert session.query(VersionFiles).one().dag_version_id == version.dag_version_id


def test_the_code_is_checked_by_another_process_if_the_record_takes_long(pinned_in_a_repository, monkeypatch):
    upkeep = Upkeep()
    monkeypatch.setattr(upkeep._commit_record, "is_running", lambda: True)
    started = []
    monkeypatch.setattr(upkeep._code_check, "start", lambda *names: started.append(names))

    upkeep._check_code([BUNDLE])
    assert started == []
    monkeypatch.setattr(maintenance, "WAIT_FOR_RECORD", 0.0)
    upkeep._check_code([BUNDLE])

    assert started == [(BUNDLE,)]


def test_the_code_is_checked_although_the_record_fails(pinned_in_a_repository, session, monkeypatch):
    def fail(*args, **options):
        raise RuntimeError("the repository is not there")

    monkeypatch.setattr("airflow_providers_pinning.domain.files.record.record_files", fail)

    with pytest.raises(RuntimeError, match="is not there"):
        commit_record.main([BUNDLE])

    session.rollback()
    assert session.query(ManagedVersion).one().code_state == "available"
