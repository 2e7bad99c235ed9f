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

from datetime import timedelta
from pathlib import Path

import pytest
from airflow._shared.timezones import timezone
from airflow.dag_processing.manager import DagFileInfo, DagFileProcessorManager
from airflow.models.dag import DagModel
from sqlalchemy import update

from airflow_providers_pinning.domain.dag_model import missing
from airflow_providers_pinning.domain.dag_model.missing import note_missing
from airflow_providers_pinning.domain.monitoring.pin_list import PinFilter, list_pins
from tests.support.lab import BUNDLE
from tests.support.remembered import remembered
from tests.support.sources import BROKEN, dag_file
from tests.support.statements import recorded

DAILY = dag_file("orders", "schedule='@daily'")
OTHER = dag_file("other")


@pytest.fixture(autouse=True)
def seen(monkeypatch):
    """Let the dag processor have seen nothing yet."""
    monkeypatch.setattr(missing, "seen", missing.Seen())


@pytest.fixture
@remembered
def pinned(lab):
    lab.commit("sha1", orders=DAILY, other=OTHER)
    lab.pin("orders", 1)
    return lab


def refresh(lab, *present):
    """Do what the dag processor does when it has listed the files of the bundle."""
    files = {
        DagFileInfo(rel_path=Path(name), bundle_name=BUNDLE, bundle_path=lab.root / BUNDLE / "sha1") for name in present
    }
    DagFileProcessorManager(max_runs=1).deactivate_deleted_dags(BUNDLE, files)
    look(lab)


def scan(lab, *parsed):
    """Do what the dag processor does with Dags that their files no longer define, some time later."""
    later = timezone.utcnow() + timedelta(hours=1)
    DagFileProcessorManager(max_runs=1).deactivate_stale_dags(
        last_parsed={DagFileInfo(rel_path=Path(name), bundle_name=BUNDLE): later for name in parsed}
    )
    look(lab)


def look(lab):
    """Do what the upkeep of the dag processor does, some minutes after the last parse."""
    lab.session.execute(update(DagModel).values(last_parsed_time=timezone.utcnow() - timedelta(minutes=5)))
    lab.session.commit()
    note_missing(session=lab.session)
    lab.session.commit()
    lab.session.expire_all()


def status(lab):
    return lab.pin_state("orders").head.status.value


def listed(lab, **which):
    pins, total = list_pins(PinFilter(**which), limit=10, offset=0, session=lab.session)
    assert total == len(pins)
    return {pin.dag_id: pin.head.status.value for pin in pins}


class TestHead:
    def test_of_a_dag_that_is_not_pinned_is_not_told(self, lab):
        lab.commit("sha1", orders=DAILY)

        assert lab.pin_state("orders").head is None

    def test_that_defines_the_dag_is_told(self, pinned):
        pinned.commit("sha2", orders=dag_file("orders", "max_active_runs=7"))

        assert (status(pinned), listed(pinned)) == ("defined", {"orders": "defined"})
        assert listed(pinned, troubled_at_head=True) == {}

    def test_without_the_file_is_missing(self, pinned):
        pinned.commit("sha2", orders=None)
        refresh(pinned, "other.py")

        assert (status(pinned), listed(pinned)) == ("missing", {"orders": "missing"})
        assert listed(pinned, troubled_at_head=True) == {"orders": "missing"}
        assert pinned.pin_state("orders").head.since is not None

    def test_whose_file_no_longer_defines_the_dag_is_missing(self, pinned):
        pinned.commit("sha2", orders=OTHER, other=None)
        refresh(pinned, "orders.py")
        assert status(pinned) == "defined"
        scan(pinned, "orders.py")

        assert status(pinned) == "missing"

    def test_whose_file_was_renamed_is_not_missing(self, pinned):
        pinned.commit("sha2", orders=None, renamed=DAILY)
        for _ in range(2):
            refresh(pinned, "renamed.py", "other.py")
            scan(pinned, "other.py")

            assert status(pinned) == "defined"

    def test_whose_renamed_file_is_gone_is_missing(self, pinned):
        pinned.commit("sha2", orders=None, renamed=DAILY)
        pinned.commit("sha3", renamed=None)
        refresh(pinned, "other.py")

        assert status(pinned) == "missing"

    def test_with_a_syntax_error_is_broken(self, pinned):
        pinned.commit("sha2", orders=BROKEN)
        refresh(pinned, "orders.py", "other.py")
        scan(pinned, "orders.py")

        assert (status(pinned), listed(pinned)) == ("broken", {"orders": "broken"})
        assert listed(pinned, troubled_at_head=True) == {"orders": "broken"}

    def test_with_a_syntax_error_in_the_renamed_file_is_broken(self, pinned):
        pinned.commit("sha2", orders=None, renamed=DAILY)
        pinned.commit("sha3", renamed=BROKEN)
        refresh(pinned, "renamed.py", "other.py")

        assert status(pinned) == "broken"

    def test_is_no_trouble_of_the_pin(self, pinned, scheduler):
        pinned.commit("sha2", orders=None)
        refresh(pinned, "other.py")

        scheduler.create_due_runs()

        assert pinned.pin_state("orders").health.status.value == "healthy"
        assert [run.bundle_version for run in pinned.runs("orders")] == ["sha1"]

    def test_is_seen_again_once_a_file_defines_the_dag(self, pinned):
        pinned.commit("sha2", orders=None)
        refresh(pinned, "other.py")

        pinned.commit("sha3", elsewhere=DAILY)

        assert status(pinned) == "defined"

    def test_since_when_it_is_missing_stays(self, pinned):
        pinned.commit("sha2", orders=None)
        refresh(pinned, "other.py")
        since = pinned.pin_state("orders").head.since

        refresh(pinned, "other.py")
        scan(pinned, "other.py")

        assert pinned.pin_state("orders").head.since == since

    def test_stays_missing_when_another_version_is_pinned(self, pinned):
        pinned.commit("sha2", orders=dag_file("orders", "max_active_runs=7"))
        pinned.commit("sha3", orders=None)
        refresh(pinned, "other.py")

        pinned.pin("orders", 2)

        assert status(pinned) == "missing"


def test_a_dag_processor_that_has_seen_nothing_yet_says_nothing(pinned):
    look(pinned)

    assert status(pinned) == "defined"


class TestUnpinning:
    def test_a_dag_that_is_missing_at_head_warns_and_gives_it_no_runs(self, pinned, scheduler):
        pinned.commit("sha2", orders=OTHER, other=None)
        refresh(pinned, "orders.py")
        scan(pinned, "orders.py")

        state = pinned.unpin("orders")
        scheduler.create_due_runs()

        assert ["At HEAD no file defines the Dag any more" in warning for warning in state.warnings] == [True]
        assert pinned.runs("orders") == []
        assert pinned.pin_row("orders").head_missing_at is None

    def test_a_dag_whose_file_broke_without_a_commit_warns_and_gives_it_no_runs(self, pinned, scheduler):
        pinned.commit("sha1", orders=BROKEN)

        state = pinned.unpin("orders")
        scheduler.create_due_runs()

        assert ["has an import error" in warning for warning in state.warnings] == [True]
        assert pinned.runs("orders") == []


def test_many_pins_are_told_with_as_many_statements_as_one(lab):
    counts = []
    for dag_ids in (["dag1", "dag2"], ["dag3", "dag4", "dag5"], ["dag6", "dag7", "dag8"]):
        for dag_id in dag_ids:
            lab.commit(f"sha{dag_id}", **{dag_id: dag_file(dag_id)})
            lab.pin(dag_id, 1)
        with recorded(lab.session) as statements:
            list_pins(PinFilter(), limit=10, offset=0, session=lab.session)
        counts.append(len(statements))

    # Which newer versions are related to the Dag is asked once somebody is behind.
    assert counts[1] == counts[2]


def test_nothing_is_asked_of_dags_that_nothing_manages(lab, session):
    lab.commit("sha1", orders=DAILY)

    with recorded(session) as statements:
        lab.pin_state("orders")

    assert not any("import_error" in statement for statement in statements)
