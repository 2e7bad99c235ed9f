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
from airflow.dag_processing.bundles.manager import DagBundlesManager
from airflow.dag_processing.manager import DagFileProcessorManager
from airflow.utils.session import create_session
from sqlalchemy import select

from airflow_providers_pinning.domain.versions.bundle_versions import note_bundle_version
from airflow_providers_pinning.enforcement.dag_processor import bundle_versions
from airflow_providers_pinning.models import BundleVersion
from tests.support.repository import Repository
from tests.support.sources import STABLE


@pytest.fixture
def repository(tmp_path, monkeypatch):
    repository = Repository(tmp_path / "repository")
    repository.commit(orders=STABLE)
    # Each test has a bundle of its own: equal commits of one second are one, and the last is remembered.
    for name, value in repository.configuration(tmp_path.name, refresh_interval=0).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_STORAGE_PATH", str(tmp_path / "bundles"))
    monkeypatch.setenv("AIRFLOW__DAG_PROCESSOR__BUNDLE_REFRESH_CHECK_INTERVAL", "0")
    return repository


@pytest.fixture
def start(repository, session, monkeypatch):
    """Return a function that starts a dag processor, and returns what refreshes its bundles."""
    DagBundlesManager().sync_bundles_to_db(session=session)
    session.commit()

    def begin():
        monkeypatch.setattr(bundle_versions, "_recorded", {})
        manager = DagFileProcessorManager(max_runs=1)
        manager._dag_bundles = list(DagBundlesManager().get_all_dag_bundles())
        return lambda: manager._refresh_dag_bundles({})

    return begin


@pytest.fixture
def refresh(start):
    return start()


def recorded(session):
    session.rollback()
    return list(session.scalars(select(BundleVersion.bundle_version).order_by(BundleVersion.id)))


def test_each_commit_that_is_fetched_is_recorded_in_order(repository, refresh, session):
    first = repository.git("rev-parse", "HEAD")
    refresh()
    second = repository.commit(orders=STABLE + "\n")
    refresh()
    assert recorded(session) == [first, second]


def test_commits_that_the_branch_was_set_back_from_are_forgotten(repository, refresh, session):
    first = repository.git("rev-parse", "HEAD")
    refresh()
    repository.commit(orders=STABLE + "\n")
    refresh()
    repository.git("reset", "--hard", first)
    refresh()
    assert recorded(session) == [first]


def test_commits_that_the_branch_was_set_back_from_while_no_dag_processor_ran_are_forgotten(repository, start, session):
    first = repository.git("rev-parse", "HEAD")
    refresh = start()
    refresh()
    repository.commit(orders=STABLE + "\n")
    refresh()
    repository.git("reset", "--hard", first)
    start()()
    assert recorded(session) == [first]


def test_commit_that_another_dag_processor_records_while_this_one_starts_is_kept(
    repository, start, session, monkeypatch
):
    first = repository.git("rev-parse", "HEAD")
    start()()
    restarted, record = start(), bundle_versions._record

    def be_overtaken(name, version, before):
        with create_session(scoped=False) as other:
            note_bundle_version(name, "newer", session=other)
        record(name, version, before)

    monkeypatch.setattr(bundle_versions, "_record", be_overtaken)
    restarted()
    assert recorded(session) == [first, "newer"]


def test_commit_is_recorded_although_it_could_not_be_at_first(repository, refresh, session, monkeypatch):
    record = bundle_versions._record
    failures = [OSError("the database is gone")]

    def fail_once(*args):
        if failures:
            raise failures.pop()
        record(*args)

    monkeypatch.setattr(bundle_versions, "_record", fail_once)
    refresh()
    assert recorded(session) == []
    refresh()
    assert recorded(session) == [repository.git("rev-parse", "HEAD")]
