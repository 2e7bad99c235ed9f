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

import pytest

from airflow_providers_pinning.enforcement.dag_processor import subprocess_job
from airflow_providers_pinning.enforcement.dag_processor.subprocess_job import SubprocessJob
from tests.support.patience import PATIENCE


@pytest.fixture
def modules(tmp_path, monkeypatch):
    """Let processes find a module that sleeps until a file is there, and one that tells what it was given."""
    (tmp_path / "sleeping.py").write_text(
        "import os, sys, time\nwhile not os.path.exists(sys.argv[1]):\n    time.sleep(0.02)\n"
    )
    (tmp_path / "telling.py").write_text(
        "import os, sys\n"
        "open(sys.argv[1], 'w').write(' '.join([*sys.argv[2:], os.environ['_AIRFLOW_PROCESS_CONTEXT']]))\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return tmp_path


def test_a_chore_runs_until_it_ends(modules):
    sleeping = SubprocessJob("sleeping", "Sleep")
    assert not sleeping.is_running()

    process = sleeping.start(str(modules / "morning"))

    assert sleeping.is_running()
    (modules / "morning").touch()
    assert process.wait(PATIENCE) == 0
    assert not sleeping.is_running()


def test_a_chore_gets_its_arguments_and_the_rights_of_a_server(modules):
    told = modules / "told"

    assert SubprocessJob("telling", "Tell").start(str(told), "one", "two").wait(PATIENCE) == 0

    assert told.read_text() == "one two server"


def test_a_chore_that_takes_too_long_is_ended(modules, monkeypatch, caplog):
    monkeypatch.setattr(subprocess_job, "TIMEOUT", 0.1)
    sleeping = SubprocessJob("sleeping", "Sleep")
    process = sleeping.start(str(modules / "never"))
    time.sleep(0.2)

    assert not sleeping.is_running()

    assert process.poll() is not None
    assert "Sleep did not finish within" in caplog.text
