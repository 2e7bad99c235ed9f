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
"""A dag processor in one process, over a real git repository: its loop, its parsing and its record of commits."""

from __future__ import annotations

import sys
import time
from itertools import chain
from pathlib import Path
from types import SimpleNamespace
from uuid import uuid4

import structlog
from airflow.dag_processing import processor
from airflow.dag_processing.bundles.manager import DagBundlesManager
from airflow.dag_processing.manager import DagFileProcessorManager
from airflow.dag_processing.processor import DagFileParseRequest, DagFileProcessorProcess
from airflow.utils.session import create_session

from airflow_providers_pinning.domain.files.record import record_files
from airflow_providers_pinning.enforcement.dag_processor import bundle_versions, dag_modules, stale_parse
from airflow_providers_pinning.enforcement.dag_processor.broken_files import BrokenFiles
from tests.support.repository import Repository


class Processor:
    """
    A dag processor, started for each round.

    :param folder: where its repository and its clones are
    :param session: session of the test
    :param monkeypatch: sets its configuration
    :param options: arguments of the bundle
    """

    def __init__(self, folder: Path, session, monkeypatch, **options) -> None:
        self.repository = Repository(folder / "repository")
        self.bundle = folder.name
        self.session = session
        self._monkeypatch = monkeypatch
        for name, value in self.repository.configuration(self.bundle, refresh_interval=0, **options).items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_STORAGE_PATH", str(folder / "bundles"))
        monkeypatch.setattr(DagFileProcessorProcess, "start", _parse_here)

    def parse(self) -> None:
        """Fetch, and parse everything once."""
        self.session.rollback()
        DagBundlesManager().sync_bundles_to_db(session=self.session)
        self.session.commit()
        self._monkeypatch.setattr(bundle_versions, "_recorded", {})
        self._monkeypatch.setattr(stale_parse, "_broken_files", BrokenFiles())
        self._monkeypatch.setattr(stale_parse, "_recorded_modules", dag_modules.RecordedModules())
        manager, files = DagFileProcessorManager(max_runs=1), {}
        manager._dag_bundles = list(DagBundlesManager().get_all_dag_bundles())
        manager._refresh_dag_bundles(files)
        for file in chain.from_iterable(files.values()):
            manager.handle_parsing_result(file, manager._create_process(file))
        self.session.expire_all()

    def record(self) -> int:
        """Do a round of the record of commits."""
        self.session.rollback()
        with create_session(scoped=False) as session:
            looked_at = record_files([self.bundle], session=session)
        self.session.expire_all()
        return looked_at

    def round(self) -> None:
        """Fetch, parse and record."""
        self.parse()
        self.record()


def _parse_here(*, path, bundle_path, bundle_name, **options):
    """Parse a file as the process of its own would that a dag processor starts for it."""
    known, paths = set(sys.modules), list(sys.path)
    sys.path.insert(0, str(bundle_path))
    try:
        request = DagFileParseRequest(file=str(path), bundle_path=bundle_path, bundle_name=bundle_name)
        result = processor._parse_file(request, structlog.get_logger())
    finally:
        sys.path[:] = paths
        for name in set(sys.modules) - known:
            if str(getattr(sys.modules[name], "__file__", None)).startswith(str(bundle_path)):
                del sys.modules[name]
    return SimpleNamespace(id=uuid4(), parsing_result=result, had_callbacks=False, start_time=time.monotonic())
