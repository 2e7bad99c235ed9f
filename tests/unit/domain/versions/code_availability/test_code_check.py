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

import json
from collections import Counter
from datetime import timedelta
from types import SimpleNamespace

import pytest
import uuid6
from airflow._shared.timezones import timezone
from sqlalchemy import select, update

from airflow_providers_pinning.domain.errors import CodeUnavailableError
from airflow_providers_pinning.domain.versions import code_availability
from airflow_providers_pinning.domain.versions.code_availability import rounds
from airflow_providers_pinning.domain.versions.code_availability.finding import (
    CodeProblem,
    CodeSource,
    Finding,
    Trouble,
)
from airflow_providers_pinning.domain.versions.code_availability.sources import Sources
from airflow_providers_pinning.models import ManagedVersion
from tests.support.lab import BUNDLE
from tests.support.remembered import remembered
from tests.support.sources import dag_file
from tests.support.statements import recorded
from tests.unit.domain.versions.code_availability.conftest import check, outcome

V1 = dag_file("orders")
V2 = dag_file("orders", tasks="extract load")
UNKNOWN_COMMIT = "0123456789abcdef0123456789abcdef01234567"


class TestCode:
    def test_is_available_if_the_commit_can_be_had(self, lab, session, repository, serve):
        serve(repository)
        lab.commit(repository.commit(orders=V1), orders=V1)
        lab.candidate("orders", 1)

        assert check(session) == 1

        assert outcome(session) == ("available", None)

    def test_of_a_commit_that_is_no_longer_the_newest_is_available(self, lab, session, repository, serve):
        serve(repository)
        lab.commit(repository.commit(orders=V1), orders=V1)
        lab.candidate("orders", 1)
        repository.commit(orders=V2)

        check(session)

        assert outcome(session) == ("available", None)

    def test_is_missing_if_the_commit_cannot_be_had(self, lab, session, repository, serve):
        serve(repository)
        repository.commit(orders=V1)
        lab.commit(UNKNOWN_COMMIT, orders=V1)
        lab.candidate("orders", 1)

        check(session)

        state, message = outcome(session)
        assert state == "missing"
        assert UNKNOWN_COMMIT in message

    def test_is_missing_if_the_file_is_not_in_the_commit(self, lab, session, repository, serve):
        serve(repository)
        lab.commit(repository.commit(other=V1), orders=V1)
        lab.candidate("orders", 1)

        check(session)

        state, message = outcome(session)
        assert state == "missing"
        assert "'orders.py' is not in bundle" in message

    def test_inside_a_zip_archive_is_available(self, lab, session, repository, serve):
        serve(repository)
        lab.commit_zip(repository.commit_zip("packed.zip", dags=V1), "packed.zip", V1)
        lab.candidate("orders", 1)

        check(session)

        assert outcome(session) == ("available", None)

    def test_is_missing_if_it_is_not_inside_the_zip_archive(self, lab, session, repository, serve):
        serve(repository)
        lab.commit_zip(repository.commit_zip("packed.zip", other=V1), "packed.zip", V1)
        lab.candidate("orders", 1)

        check(session)

        assert outcome(session)[0] == "missing"

    def test_below_a_folder_that_the_bundle_is_restricted_to_is_available(self, lab, session, repository, serve):
        serve(repository, subdir="dags")
        lab.commit(repository.commit(dags__orders=V1), orders=V1)
        lab.candidate("orders", 1)

        check(session)

        assert outcome(session) == ("available", None)

    def test_outside_the_folder_that_the_bundle_is_restricted_to_is_missing(self, lab, session, repository, serve):
        serve(repository, subdir="dags")
        lab.commit(repository.commit(orders=V1, dags__other=V1), orders=V1)
        lab.candidate("orders", 1)

        check(session)

        assert outcome(session)[0] == "missing"

    def test_of_a_bundle_that_is_not_configured_is_missing(self, lab, session, monkeypatch):
        monkeypatch.setenv("AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST", json.dumps([]))
        lab.commit("sha1", orders=V1)
        lab.candidate("orders", 1)

        check(session)

        assert outcome(session)[0] == "missing"

    def test_is_checked_for_all_dags_of_a_commit_together(self, lab, session, repository, serve):
        serve(repository)
        commit = repository.commit(orders=V1, invoices=dag_file("invoices"))
        lab.commit(commit, orders=V1, invoices=dag_file("invoices"), gone=dag_file("gone"))
        for dag_id in ("orders", "invoices", "gone"):
            lab.candidate(dag_id, 1)

        assert check(session) == 3

        states = {version.dag_id: version.code_state for version in session.query(ManagedVersion)}
        assert states == {"orders": "available", "invoices": "available", "gone": "missing"}


class TestMissingCode:
    def test_refuses_a_pin(self, lab, session, repository, serve):
        serve(repository)
        repository.commit(orders=V1)
        lab.commit(UNKNOWN_COMMIT, orders=V1)
        lab.candidate("orders", 1)
        check(session)

        with pytest.raises(CodeUnavailableError, match=UNKNOWN_COMMIT):
            lab.pin("orders", 1)

    def test_makes_a_pin_unhealthy(self, lab, session, repository, serve):
        serve(repository)
        repository.commit(orders=V1)
        lab.commit(UNKNOWN_COMMIT, orders=V1)
        state = lab.pin("orders", 1)
        assert state.health.status.value == "healthy"

        check(session)

        state = lab.pin_state("orders")
        assert state.health.status.value == "broken"
        assert [problem.reason for problem in state.health.problems] == ["code_unavailable"]

    def test_is_available_again_when_the_commit_is(self, lab, session, repository, serve):
        serve(repository)
        repository.commit(other=V1)
        lab.commit(UNKNOWN_COMMIT, orders=V1)
        lab.candidate("orders", 1)
        check(session)
        commit = repository.commit(orders=V1)
        [version] = session.query(ManagedVersion).all()
        version.bundle_version = commit
        version.code_checked_at = timezone.utcnow() - timedelta(minutes=2)
        session.commit()

        check(session)

        assert outcome(session) == ("available", None)


class TestDue:
    @pytest.fixture
    @remembered
    def version(self, lab, session):
        lab.commit("sha1", orders=V1)
        lab.candidate("orders", 1)
        [version] = session.query(ManagedVersion).all()
        return version

    def is_due(self, session):
        session.commit()
        return code_availability.is_check_due([BUNDLE], session=session)

    def test_is_a_version_that_was_never_checked(self, version, session):
        assert self.is_due(session)

    def test_is_not_a_version_of_another_hosts_bundle(self, version, session):
        assert not code_availability.is_check_due(["elsewhere"], session=session)

    def test_is_not_a_version_that_was_found_a_while_ago(self, version, session):
        version.code_state, version.code_checked_at = "available", timezone.utcnow() - timedelta(minutes=30)
        assert not self.is_due(session)

    def test_is_a_version_that_was_found_long_ago(self, version, session):
        version.code_state, version.code_checked_at = "available", timezone.utcnow() - timedelta(hours=2)
        assert self.is_due(session)

    def test_is_what_the_configuration_says(self, version, session, option):
        option("code_check_interval", 60)
        version.code_state, version.code_checked_at = "available", timezone.utcnow() - timedelta(minutes=2)
        assert self.is_due(session)

    @pytest.mark.parametrize(
        ("attempts", "problem", "seconds"),
        [
            (1, "commit_gone", 60),
            (2, "commit_gone", 120),
            (6, "commit_gone", 1920),
            (7, "commit_gone", 3600),
            (40, "file_missing", 3600),
            (1, "remote_unreachable", 60),
            (4, "remote_unreachable", 480),
            (5, "remote_unreachable", 600),
            (40, "local_trouble", 600),
        ],
    )
    def test_is_what_was_not_found_after_a_while_that_doubles(self, version, session, attempts, problem, seconds):
        version.code_state, version.code_problem, version.code_attempts = "missing", problem, attempts
        version.code_checked_at = timezone.utcnow() - timedelta(seconds=seconds - 2)
        assert not self.is_due(session)

        version.code_checked_at = timezone.utcnow() - timedelta(seconds=seconds + 2)
        assert self.is_due(session)

    def test_is_not_what_was_not_found_as_often_as_what_was(self, version, session, option):
        option("code_check_interval", 60)
        version.code_state, version.code_problem, version.code_attempts = "missing", "commit_gone", 7
        version.code_checked_at = timezone.utcnow() - timedelta(minutes=30)
        assert not self.is_due(session)

    def test_is_not_a_version_without_a_commit(self, version, session):
        version.bundle_version = None
        assert not self.is_due(session)


MANY = 3 * rounds.CHECKS_A_ROUND


class TestRound:
    @pytest.fixture
    def checked(self, monkeypatch):
        """Return the bundle versions that were fetched; all are there, with all files."""
        fetched = []

        def look(sources, bundle_name, bundle_version, filelocs):
            fetched.append(bundle_version)
            return Finding(CodeSource.REMOTE)

        monkeypatch.setattr(Sources, "look", look)
        return fetched

    @pytest.fixture
    def manage(self, session):
        """Return a function that puts versions under management whose code was checked some minutes ago."""

        def insert(bundle_versions, code_state="unknown", minutes_ago=None, dag_id="orders"):
            checked_at = minutes_ago and timezone.utcnow() - timedelta(minutes=minutes_ago)
            session.add_all(
                ManagedVersion(
                    dag_version_id=uuid6.uuid7(),
                    dag_id=dag_id,
                    version_number=1,
                    bundle_name=BUNDLE,
                    bundle_version=bundle_version,
                    dag_hash="0" * 32,
                    relative_fileloc=f"{dag_id}.py",
                    state="retained",
                    code_state=code_state,
                    code_attempts=1 if code_state == "missing" else None,
                    code_checked_at=checked_at,
                )
                for bundle_version in bundle_versions
            )
            session.commit()

        return insert

    def test_checks_what_was_missing_however_much_else_is_due(self, manage, checked, session):
        manage(["gone"], "missing", minutes_ago=2)
        manage([f"old{n}" for n in range(MANY)], "available", minutes_ago=600)
        manage([f"new{n}" for n in range(MANY)])

        check(session)

        assert "gone" in checked
        assert len(checked) == rounds.CHECKS_A_ROUND

    def test_gives_each_kind_its_share(self, manage, checked, session):
        manage([f"gone{n}" for n in range(MANY)], "missing", minutes_ago=600)
        manage([f"old{n}" for n in range(MANY)], "available", minutes_ago=600)
        manage([f"new{n}" for n in range(MANY)])

        check(session)

        shares = Counter(bundle_version.rstrip("0123456789") for bundle_version in checked)
        assert min(shares.values()) >= rounds.CHECKS_A_ROUND // 3
        assert set(shares) == {"new", "gone", "old"}

    def test_takes_what_waited_longest_of_a_kind(self, manage, checked, session):
        manage([f"old{n}" for n in range(MANY)], "available", minutes_ago=600)
        manage(["oldest"], "available", minutes_ago=601)

        check(session)

        assert checked[0] == "oldest"

    def test_checks_a_commit_once_for_all_dags_that_have_it(self, manage, checked, session):
        for dag_id in ("orders", "invoices", "reports"):
            manage(["new"], dag_id=dag_id)
        manage(["new"], "available", minutes_ago=1, dag_id="checked_a_moment_ago")

        with recorded(session) as statements:
            assert check(session) == 4

        assert checked == ["new"]
        assert sum(statement.startswith("UPDATE") for statement in statements) == 1
        assert {version.code_state for version in session.query(ManagedVersion)} == {"available"}
        assert not code_availability.is_check_due([BUNDLE], session=session)

    def test_counts_commits_and_not_the_dags_that_have_them(self, manage, checked, session):
        for number in range(MANY):
            manage(["common"], dag_id=f"dag{number}")
        manage(["other"])

        assert check(session) == MANY + 1

        assert sorted(checked) == ["common", "other"]

    def test_writes_very_many_versions_of_a_commit_some_at_a_time(self, manage, checked, session, monkeypatch):
        monkeypatch.setattr(rounds, "ROWS_A_TRANSACTION", 2)
        for number in range(5):
            manage(["common"], dag_id=f"dag{number}")

        with recorded(session) as statements:
            check(session)

        assert sum(statement.startswith("UPDATE") for statement in statements) == 3
        assert {version.code_state for version in session.query(ManagedVersion)} == {"available"}

    def test_ends_when_its_time_is_over_and_the_next_goes_on(self, manage, session, monkeypatch):
        now, checked = [0.0], []

        def look(sources, bundle_name, bundle_version, filelocs):
            now[0] += code_availability.SECONDS_A_ROUND / 2
            checked.append(bundle_version)
            return Finding(CodeSource.REMOTE)

        monkeypatch.setattr(code_availability, "time", SimpleNamespace(monotonic=lambda: now[0]))
        monkeypatch.setattr(Sources, "look", look)
        manage(["new1", "new2", "new3"])

        assert [check(session), check(session), check(session)] == [2, 1, 0]

        assert checked == ["new1", "new2", "new3"]

    def test_says_nothing_of_a_version_that_was_accepted_at_another_commit_meanwhile(
        self, manage, session, monkeypatch
    ):
        def look(sources, bundle_name, bundle_version, filelocs):
            session.execute(update(ManagedVersion).values(bundle_version="new"))
            session.commit()
            return Finding(trouble=Trouble(CodeProblem.COMMIT_GONE, f"{bundle_version} is gone"))

        monkeypatch.setattr(Sources, "look", look)
        manage(["old"])

        check(session)

        assert session.execute(select(ManagedVersion.code_state, ManagedVersion.code_message)).all() == [
            ("unknown", None)
        ]

    def test_holds_no_transaction_while_it_fetches(self, manage, session, monkeypatch):
        held = []
        monkeypatch.setattr(
            Sources, "look", lambda *place: held.append(session.in_transaction()) or Finding(CodeSource.REMOTE)
        )
        manage(["new1", "new2"])

        check(session)

        assert held == [False, False]
