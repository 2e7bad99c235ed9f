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
"""Which results of parsing are registered. With real processes: ``tests/system/test_stale_parse.py``."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from uuid import uuid4

import pytest
from airflow.dag_processing.bundles.base import BundleVersion
from airflow.dag_processing.manager import DagFileInfo, DagFileProcessorManager

from airflow_providers_pinning.enforcement.dag_processor.stale_parse import DISCARDS_IN_A_ROW, Parses
from tests.support.lab import BUNDLE
from tests.support.sources import STABLE

FILE = DagFileInfo(rel_path=Path("orders.py"), bundle_name=BUNDLE)


class Bundle:
    """Says which commit it is at; all else of a bundle is of no interest here."""

    name = BUNDLE
    supports_versioning = True

    def __init__(self, version):
        self.version = version

    def get_current_version(self):
        if self.version == "unreadable":
            raise OSError("HEAD is gone")
        return BundleVersion(version=self.version)


class Loop:
    """A dag processor whose bundle can be refreshed in the middle of a parse."""

    def __init__(self):
        self.manager = DagFileProcessorManager(max_runs=1)
        self.parses = Parses()
        self.refresh("sha1")

    def refresh(self, version, *, tree=None):
        self.manager._bundle_versions[BUNDLE] = version
        self.manager._dag_bundles = [Bundle(tree or version)]

    def begin(self):
        process = SimpleNamespace(
            id=uuid4(), parsing_result=SimpleNamespace(serialized_dags=[SimpleNamespace(dag_id="orders")])
        )
        self.parses.begin(self.manager, FILE, process)
        self.manager._processors[FILE] = process
        return process

    def end(self, process):
        self.manager._file_queue.clear()
        del self.manager._processors[FILE]
        return self.parses.take(self.manager, FILE, process)

    def is_overtaken(self, number):
        process = self.begin()
        self.refresh(f"later{number}")
        return not self.end(process)


@pytest.fixture
def loop(lab):
    return Loop()


def test_result_of_the_commit_that_the_bundle_is_at_is_registered(loop):
    assert loop.end(loop.begin())
    assert not loop.manager._file_queue


def test_result_that_a_refresh_overtook_is_thrown_away_and_the_file_is_next(loop):
    other = DagFileInfo(rel_path=Path("other.py"), bundle_name=BUNDLE)
    process = loop.begin()
    loop.refresh("sha2")
    del loop.manager._processors[FILE]
    loop.manager._file_queue[other] = None
    assert not loop.parses.take(loop.manager, FILE, process)
    assert list(loop.manager._file_queue) == [FILE, other]


def test_limited_number_of_runs_does_not_end_before_the_file_is_registered(loop):
    loop.manager._num_run = 1
    assert loop.is_overtaken(1)
    assert not loop.manager.max_runs_reached()


@pytest.mark.parametrize("tree", ["sha2", "unreadable"])
def test_result_is_thrown_away_if_the_bundle_is_not_at_the_commit_that_was_written_down(loop, tree):
    # Stock goes on with the commit before if it could not write down the new one.
    process = loop.begin()
    loop.refresh("sha1", tree=tree)
    assert not loop.end(process)


def test_bundle_without_versions_is_left_to_stock(loop):
    loop.refresh(None)
    process = loop.begin()
    assert loop.end(process)


def test_result_is_thrown_away_if_the_commit_was_written_down_only_after_it_was_begun(loop):
    loop.refresh(None, tree="sha1")
    process = loop.begin()
    loop.refresh("sha1")
    assert not loop.end(process)


def test_process_without_a_result_is_left_to_stock(loop):
    process = loop.begin()
    process.parsing_result = None
    loop.refresh("sha2")
    assert loop.end(process)


def test_dag_that_was_never_managed_is_registered_after_a_few_times(loop):
    assert [loop.is_overtaken(number) for number in range(2 * DISCARDS_IN_A_ROW + 2)] == 2 * [
        *[True] * DISCARDS_IN_A_ROW,
        False,
    ]


def test_times_in_between_begin_the_count_anew(loop):
    assert all(loop.is_overtaken(number) for number in range(DISCARDS_IN_A_ROW))
    assert loop.end(loop.begin())
    assert all(loop.is_overtaken(number) for number in range(DISCARDS_IN_A_ROW, 2 * DISCARDS_IN_A_ROW))


def test_pinned_dag_gets_no_version_of_two_commits_however_often_that_happens(loop, lab, caplog):
    lab.commit("sha1", orders=STABLE)
    lab.pin("orders", 1)
    assert all(loop.is_overtaken(number) for number in range(2 * DISCARDS_IN_A_ROW))
    assert "Raise the bundle's refresh_interval" in caplog.text


def test_processes_that_were_killed_are_forgotten(loop):
    for _ in range(3):
        loop.begin()
        del loop.manager._processors[FILE]
    loop.begin()
    assert len(loop.parses._read_from) == 1


def test_dag_processor_asks_before_it_registers(lab, monkeypatch):
    manager = DagFileProcessorManager(max_runs=1)
    manager._bundle_versions[BUNDLE] = "sha1"
    manager._dag_bundles = [Bundle("sha1")]
    process = SimpleNamespace(id=uuid4(), parsing_result=SimpleNamespace(serialized_dags=[]), had_callbacks=False)
    monkeypatch.setattr("airflow.dag_processing.manager.DagFileProcessorProcess.start", lambda **options: process)
    registered = []
    monkeypatch.setattr(manager, "persist_parsing_result", lambda **result: registered.append(result))
    file = DagFileInfo(rel_path=Path("orders.py"), bundle_name=BUNDLE, bundle_path=lab.root)
    manager._create_process(file)
    manager._bundle_versions[BUNDLE] = "sha2"
    manager.handle_parsing_result(file, process)
    assert registered == []
    assert list(manager._file_queue) == [file]
