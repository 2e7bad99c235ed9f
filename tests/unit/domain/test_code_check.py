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
from datetime import timedelta

import pytest
from airflow._shared.timezones import timezone

from airflow_providers_pinning.domain import code_check
from airflow_providers_pinning.domain.errors import CodeUnavailableError
from airflow_providers_pinning.models import ManagedVersion
from tests.support.lab import BUNDLE
from tests.support.repository import Repository
from tests.support.sources import dag_file

V1 = dag_file("orders")
V2 = dag_file("orders", tasks="extract load")
UNKNOWN_COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def repository(tmp_path):
    return Repository(tmp_path / "repository")


@pytest.fixture
def serve(monkeypatch, tmp_path):
    """Return a function that configures a repository as the bundle."""

    def configure(repository, **options):
        monkeypatch.setenv("AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_STORAGE_PATH", str(tmp_path / "bundles"))
        for name, value in repository.configuration(BUNDLE, **options).items():
            monkeypatch.setenv(name, value)

    return configure


def check(session):
    return code_check.check_code([BUNDLE], session=session)


def outcome(session):
    [version] = session.query(ManagedVersion).all()
    return version.code_state, version.code_message


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
    def version(self, lab, session):
        lab.commit("sha1", orders=V1)
        lab.candidate("orders", 1)
        [version] = session.query(ManagedVersion).all()
        return version

    def is_due(self, session):
        session.commit()
        return code_check.is_check_due([BUNDLE], session=session)

    def test_is_a_version_that_was_never_checked(self, version, session):
        assert self.is_due(session)

    def test_is_not_a_version_of_another_hosts_bundle(self, version, session):
        assert not code_check.is_check_due(["elsewhere"], session=session)

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

    def test_is_a_missing_version_soon_again(self, version, session):
        version.code_state, version.code_checked_at = "missing", timezone.utcnow() - timedelta(minutes=2)
        assert self.is_due(session)

    def test_is_not_a_missing_version_at_once(self, version, session):
        version.code_state, version.code_checked_at = "missing", timezone.utcnow()
        assert not self.is_due(session)

    def test_is_not_a_version_without_a_commit(self, version, session):
        version.bundle_version = None
        assert not self.is_due(session)
