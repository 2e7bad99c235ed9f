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

import time
from itertools import chain
from types import SimpleNamespace
from uuid import uuid4

import pytest
import structlog
from airflow.dag_processing.bundles.manager import DagBundlesManager
from airflow.dag_processing.manager import DagFileProcessorManager
from airflow.dag_processing.processor import DagFileParseRequest, DagFileProcessorProcess, _parse_file
from sqlalchemy import select

from airflow_providers_pinning.domain.versions.bundle_versions import commit_status, note_bundle_version
from airflow_providers_pinning.enforcement.dag_processor import bundle_versions, stale_parse
from airflow_providers_pinning.enforcement.dag_processor.parsed_files import ParsedFiles
from airflow_providers_pinning.models import BundleVersion
from airflow_providers_pinning.vocabulary import Registration
from tests.support.lab import BUNDLE
from tests.support.repository import Repository
from tests.support.sources import dag_file

STABLE = dag_file("orders")
CHANGED = dag_file("orders", tasks="extract load")
INTERVAL = "AIRFLOW__CORE__MIN_SERIALIZED_DAG_UPDATE_INTERVAL"
BILLING = dag_file("billing")


@pytest.fixture
def parsed(session):
    """Return what a dag processor knows of a bundle, of which three commits are recorded."""
    for sha in ("sha1", "sha2", "sha3"):
        note_bundle_version(BUNDLE, sha, session=session)
    session.commit()
    return ParsedFiles()


@pytest.fixture
def recorded(session):
    """Return a function that tells whether all of a commit was parsed, and what was not."""

    def read(sha):
        session.rollback()
        row = session.execute(
            select(BundleVersion.parsed_at, BundleVersion.unparsed).where(BundleVersion.bundle_version == sha)
        ).one()
        return row.parsed_at is not None, row.unparsed

    return read


def test_commit_is_parsed_once_its_last_file_is(parsed, recorded):
    parsed.begin(BUNDLE, "sha1", {"a.py", "b.py"})
    parsed.note(BUNDLE, "sha1", "a.py")
    assert recorded("sha1") == (False, None)
    parsed.note(BUNDLE, "sha1", "b.py")
    assert recorded("sha1") == (True, None)


def test_commit_that_the_bundle_left_has_the_files_that_were_not_parsed(parsed, recorded):
    parsed.begin(BUNDLE, "sha1", {"a.py", "b.py"})
    parsed.note(BUNDLE, "sha1", "a.py")
    parsed.begin(BUNDLE, "sha2", {"a.py", "b.py"})
    assert recorded("sha1") == (False, ["b.py"])


def test_result_of_an_earlier_commit_counts_for_nothing(parsed, recorded):
    parsed.begin(BUNDLE, "sha1", {"a.py"})
    parsed.begin(BUNDLE, "sha2", {"a.py"})
    parsed.note(BUNDLE, "sha1", "a.py")
    assert recorded("sha2") == (False, None)


def test_commit_without_a_file_that_earlier_ones_had_is_parsed_and_names_it(parsed, recorded):
    parsed.begin(BUNDLE, "sha1", {"a.py", "b.py"})
    parsed.begin(BUNDLE, "sha2", {"a.py"})
    parsed.note(BUNDLE, "sha2", "a.py")
    assert recorded("sha2") == (True, ["b.py"])


def test_commit_without_any_file_is_parsed(parsed, recorded):
    parsed.begin(BUNDLE, "sha1", {"a.py"})
    parsed.note(BUNDLE, "sha1", "a.py")
    parsed.begin(BUNDLE, "sha2", set())
    assert recorded("sha2") == (True, ["a.py"])


def test_parsing_goes_on_if_it_cannot_be_recorded(parsed, recorded, monkeypatch):
    monkeypatch.setattr(
        "airflow_providers_pinning.domain.versions.parsed_commits.note_all_parsed", lambda *args, **options: 1 / 0
    )
    parsed.begin(BUNDLE, "sha1", {"a.py"})
    parsed.note(BUNDLE, "sha1", "a.py")
    monkeypatch.undo()
    parsed.note(BUNDLE, "sha1", "a.py")
    assert recorded("sha1") == (True, None)


def parse_here(*, path, bundle_path, bundle_name, **options):
    """Parse a file as the process of its own would that a dag processor starts for it."""
    request = DagFileParseRequest(file=str(path), bundle_path=bundle_path, bundle_name=bundle_name)
    result = _parse_file(request, structlog.get_logger())
    return SimpleNamespace(id=uuid4(), parsing_result=result, had_callbacks=False, start_time=time.monotonic())


class DagProcessor:
    """A dag processor that fetches and parses when it is told to."""

    def __init__(self, repository):
        self.repository = repository
        self.manager = DagFileProcessorManager(max_runs=1)
        self.manager._dag_bundles = list(DagBundlesManager().get_all_dag_bundles())
        self.files = {}

    def push(self, *, parse=True, remove=(), **sources):
        """Commit sources, and have the commit fetched and, unless told not to, parsed."""
        for name in remove:
            (self.repository.path / f"{name}.py").unlink()
        commit = self.repository.commit(**sources)
        self.manager._refresh_dag_bundles(self.files)
        if parse:
            self.parse()
        return commit

    def parse(self):
        for file in chain.from_iterable(self.files.values()):
            self.manager.handle_parsing_result(file, self.manager._create_process(file))


@pytest.fixture
def dag_processor(tmp_path, session, monkeypatch):
    repository = Repository(tmp_path / "repository")
    for name, value in repository.configuration(tmp_path.name, refresh_interval=0).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_STORAGE_PATH", str(tmp_path / "bundles"))
    monkeypatch.setenv("AIRFLOW__DAG_PROCESSOR__BUNDLE_REFRESH_CHECK_INTERVAL", "0")
    monkeypatch.setattr(DagFileProcessorProcess, "start", parse_here)
    monkeypatch.setattr(bundle_versions, "_recorded", {})
    files = ParsedFiles()
    for module in (bundle_versions, stale_parse):
        monkeypatch.setattr(module, "parsed_files", files)
    DagBundlesManager().sync_bundles_to_db(session=session)
    session.commit()
    return DagProcessor(repository)


@pytest.fixture
def registration(session):
    def ask(commit):
        session.rollback()
        return commit_status("orders", commit, session=session).registration

    return ask


def test_commit_that_was_never_parsed_is_overtaken_by_its_revert(dag_processor, registration):
    first = dag_processor.push(orders=STABLE)
    quick = dag_processor.push(orders=CHANGED, parse=False)
    assert registration(quick) == Registration.WAITING
    dag_processor.push(orders=STABLE)
    assert [registration(sha) for sha in (first, quick)] == [Registration.REGISTERED, Registration.OVERTAKEN]


def test_commit_that_was_parsed_and_changes_nothing_of_the_dag_is_registered(dag_processor, registration):
    dag_processor.push(orders=STABLE)
    unrelated = dag_processor.push(orders=STABLE, readme='"""No Dag."""\n')
    dag_processor.push(orders=STABLE, readme='"""No Dag, no airflow."""\n')
    assert registration(unrelated) == Registration.REGISTERED


def test_commit_that_deletes_the_file_does_not_have_the_dag(dag_processor, registration):
    dag_processor.push(orders=STABLE, billing=BILLING)
    deleted = dag_processor.push(remove=["orders"], billing=BILLING)
    assert registration(deleted) == Registration.ABSENT
    dag_processor.push(orders=STABLE)
    assert registration(deleted) == Registration.OVERTAKEN


def test_commit_whose_file_defines_the_dag_no_more_does_not_have_it(dag_processor, registration):
    dag_processor.push(orders=STABLE)
    assert registration(dag_processor.push(orders=dag_file("renamed"))) == Registration.ABSENT


def test_commit_that_airflow_does_not_write_yet_is_waited_for(dag_processor, registration, monkeypatch):
    monkeypatch.setenv(INTERVAL, "60")
    dag_processor.push(orders=STABLE)
    second = dag_processor.push(orders=CHANGED)
    assert registration(second) == Registration.WAITING
    monkeypatch.setenv(INTERVAL, "0")
    dag_processor.parse()
    assert registration(second) == Registration.REGISTERED
