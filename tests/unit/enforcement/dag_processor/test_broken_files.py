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
"""What a dag processor records of files that do not parse, with its real loop over a real git repository."""

import time
from itertools import chain
from types import SimpleNamespace
from uuid import uuid4

import pytest
import structlog
from airflow.dag_processing.bundles.manager import DagBundlesManager
from airflow.dag_processing.manager import DagFileProcessorManager
from airflow.dag_processing.processor import DagFileParseRequest, DagFileProcessorProcess, _parse_file
from airflow.models.errors import ParseImportError
from sqlalchemy import select

from airflow_providers_pinning.domain.versions.bundle_versions import commit_status
from airflow_providers_pinning.enforcement.dag_processor import bundle_versions, stale_parse
from airflow_providers_pinning.enforcement.dag_processor.broken_files import BrokenFiles
from airflow_providers_pinning.models import BrokenFile
from airflow_providers_pinning.vocabulary import Registration
from tests.support.repository import Repository
from tests.support.sources import dag_file

STABLE = dag_file("orders")
BROKEN = "def (:\n    # airflow DAG\n"


@pytest.fixture
def repository(tmp_path, monkeypatch):
    repository = Repository(tmp_path / "repository")
    for name, value in repository.configuration(tmp_path.name, refresh_interval=0).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_STORAGE_PATH", str(tmp_path / "bundles"))
    return repository


def parse_here(*, path, bundle_path, bundle_name, **options):
    """Parse a file as the process of its own would that a dag processor starts for it."""
    request = DagFileParseRequest(file=str(path), bundle_path=bundle_path, bundle_name=bundle_name)
    result = _parse_file(request, structlog.get_logger())
    return SimpleNamespace(id=uuid4(), parsing_result=result, had_callbacks=False, start_time=time.monotonic())


@pytest.fixture
def parse(repository, session, monkeypatch):
    """Return a function that has a dag processor, which is started for it, parse everything once."""
    monkeypatch.setattr(DagFileProcessorProcess, "start", parse_here)

    def run():
        session.rollback()
        DagBundlesManager().sync_bundles_to_db(session=session)
        session.commit()
        monkeypatch.setattr(bundle_versions, "_recorded", {})
        monkeypatch.setattr(stale_parse, "_broken_files", BrokenFiles())
        manager, files = DagFileProcessorManager(max_runs=1), {}
        manager._dag_bundles = list(DagBundlesManager().get_all_dag_bundles())
        manager._refresh_dag_bundles(files)
        for file in chain.from_iterable(files.values()):
            manager.handle_parsing_result(file, manager._create_process(file))
        session.expire_all()

    return run


def test_commit_at_which_the_file_does_not_parse_stays_broken(repository, parse, session):
    repository.commit(orders=STABLE)
    parse()
    broken = repository.commit(orders=BROKEN)
    parse()
    found = commit_status("orders", broken, session=session)
    assert found.registration == Registration.BROKEN
    assert [problem.message for problem in found.broken_files] == ["SyntaxError: invalid syntax"]
    assert "Fix it and use the commit with the fix" in found.remedy

    # What Airflow knows of it is gone with the next commit.
    mended = repository.commit(orders=STABLE)
    parse()
    assert session.scalars(select(ParseImportError)).all() == []
    assert commit_status("orders", broken, session=session).registration == Registration.BROKEN
    assert commit_status("orders", mended, session=session).registration == Registration.REGISTERED


def test_file_that_parses_the_next_time_is_not_broken_at_the_commit(repository, parse, session, tmp_path):
    flag = tmp_path / "ready"
    repository.commit(orders=STABLE)
    parse()
    repository.commit(orders=f"open({str(flag)!r})\n{STABLE}")
    parse()
    assert [row.message for row in session.scalars(select(BrokenFile))] == [
        f"FileNotFoundError: [Errno 2] No such file or directory: {str(flag)!r}"
    ]
    session.commit()
    flag.touch()
    parse()
    assert session.scalars(select(BrokenFile)).all() == []
