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

from pathlib import Path
from types import SimpleNamespace

import pytest
from airflow.callbacks.callback_requests import DagCallbackRequest
from airflow.dag_processing.manager import DagFileInfo, DagFileProcessorManager
from sqlalchemy.orm import Session

from tests.support.lab import BUNDLE
from tests.support.sources import STABLE
from tests.support.statements import recorded


class Loop:
    """A dag processor, and the callback of a run whose file is gone at HEAD."""

    def __init__(self, checkout):
        self.manager = DagFileProcessorManager(max_runs=1)
        self.manager.prepare_callback_bundle = lambda request: SimpleNamespace(path=checkout, name=BUNDLE)
        self.manager._add_callback_to_queue(
            DagCallbackRequest(
                filepath="orders.py", bundle_name=BUNDLE, bundle_version="sha1", dag_id="orders", run_id="run"
            )
        )
        [self.callback] = self.manager._file_queue
        self.killed = []

    def begin(self, file):
        self.manager._file_queue.pop(file, None)
        process = SimpleNamespace(kill=lambda signal: self.killed.append(file), close=lambda: None)
        self.manager._processors[file] = process

    def refresh(self):
        """Fetch HEAD, where there is another file only."""
        self.manager.handle_removed_files({BUNDLE: {file("other.py")}})


def file(path):
    return DagFileInfo(rel_path=Path(path), bundle_name=BUNDLE)


@pytest.fixture
def loop(lab, tmp_path):
    lab.commit("sha1", orders=STABLE)
    return Loop(tmp_path)


@pytest.mark.usefixtures("loop")
class TestPinnedDagWhoseFileIsGone:
    @pytest.fixture(autouse=True)
    def pinned(self, loop, lab):
        lab.pin("orders", 1)

    def test_keeps_the_callbacks_that_wait(self, loop):
        loop.manager._add_files_to_queue([file("other.py"), file("orders.py")], mode="back")

        loop.refresh()

        assert list(loop.manager._file_queue) == [loop.callback, file("other.py")]
        assert loop.callback in loop.manager._callback_to_execute

    def test_keeps_the_callbacks_that_run(self, loop):
        loop.begin(loop.callback)

        loop.refresh()

        assert loop.killed == []
        assert loop.callback in loop.manager._processors

    def test_is_not_parsed_any_more(self, loop):
        loop.begin(file("orders.py"))

        loop.refresh()

        assert loop.killed == [file("orders.py")]


def test_callbacks_of_a_dag_without_managed_versions_are_forgotten_as_ever(loop):
    loop.refresh()

    assert not loop.manager._file_queue


def test_a_refresh_without_callbacks_asks_the_database_nothing(loop):
    loop.manager._file_queue = type(loop.manager._file_queue)({file("orders.py"): None, file("other.py"): None})

    with recorded(Session) as statements:
        loop.refresh()

    assert [statement for statement in statements if "pinning_" in statement] == []
    assert list(loop.manager._file_queue) == [file("other.py")]
