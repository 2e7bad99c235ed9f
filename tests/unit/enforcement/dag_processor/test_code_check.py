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
import os
import shutil
import subprocess
import sys
import time

import pytest
from airflow.dag_processing.bundles.manager import DagBundlesManager

from airflow_providers_pinning.models import ManagedVersion
from tests.support.lab import BUNDLE
from tests.support.patience import PATIENCE
from tests.support.python import ROOT
from tests.support.repository import Repository
from tests.support.sources import dag_file

V1 = dag_file("orders")


@pytest.fixture
def start(monkeypatch, tmp_path):
    """Return a function that starts the check as the dag processor does, in a group of its own."""
    monkeypatch.setenv("AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_STORAGE_PATH", str(tmp_path / "bundles"))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    started = []

    def run():
        process = subprocess.Popen(
            [sys.executable, "-m", "airflow_providers_pinning.enforcement.dag_processor.code_check", BUNDLE],
            env={**os.environ, "_AIRFLOW_PROCESS_CONTEXT": "server"},
            stdin=subprocess.DEVNULL,
        )
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.wait()


def wait_for(path):
    deadline = time.monotonic() + PATIENCE
    while not path.exists():
        assert time.monotonic() < deadline, f"{path} was not made"
        time.sleep(0.05)


def found(session):
    session.expire_all()
    [version] = session.query(ManagedVersion).all()
    return version


def test_a_check_that_is_killed_while_it_fetches_leaves_nothing_said(lab, session, start, tmp_path, monkeypatch):
    repository = Repository(tmp_path / "repository")
    for name, value in repository.configuration(BUNDLE).items():
        monkeypatch.setenv(name, value)
    lab.commit(repository.commit(orders=V1), orders=V1)
    lab.candidate("orders", 1)
    fetching = tmp_path / "fetching"
    (tmp_path / "bin").mkdir()
    git = tmp_path / "bin" / "git"
    git.write_text(
        '#!/bin/sh\ncase " $* " in *" fetch "*) '
        f"echo $$ > {fetching}.new; mv {fetching}.new {fetching}; sleep 60;; esac\n"
        f'exec {shutil.which("git")} "$@"\n'
    )
    git.chmod(0o755)
    with monkeypatch.context() as slow:
        slow.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
        killed = start()
    wait_for(fetching)
    killed.kill()
    killed.wait()
    os.killpg(int(fetching.read_text()), 9)
    assert (found(session).code_state, found(session).code_checked_at) == ("unknown", None)

    assert start().wait(PATIENCE) == 0

    assert (found(session).code_state, found(session).code_source) == ("available", "remote")
    bundle = DagBundlesManager().get_bundle(BUNDLE)
    bundle.initialize()
    assert (bundle.path / "orders.py").read_text() == V1


def test_a_check_that_is_killed_in_the_middle_of_an_initialization_leaves_no_half_checkout(
    lab, session, start, tmp_path, monkeypatch
):
    source, pause = tmp_path / "versions" / "v1", tmp_path / "pause"
    source.mkdir(parents=True)
    (source / "aaa.py").write_text("")
    (source / "orders.py").write_text(V1)
    pause.write_text("")
    kwargs = {"source": str(source.parent), "pause": str(pause)}
    bundle = {"name": BUNDLE, "classpath": "tests.support.bundles.FolderBundle", "kwargs": kwargs}
    monkeypatch.setenv("AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST", json.dumps([bundle]))
    lab.commit("v1", orders=V1)
    lab.candidate("orders", 1)
    killed = start()
    wait_for(tmp_path / "bundles" / BUNDLE / "versions" / "v1" / "aaa.py")
    killed.kill()
    killed.wait()
    pause.unlink()
    assert found(session).code_state == "unknown"

    assert start().wait(PATIENCE) == 0

    assert (found(session).code_state, found(session).code_problem) == ("available", None)
    assert (tmp_path / "bundles" / BUNDLE / "versions" / "v1" / "orders.py").exists()


def test_two_checks_at_once_do_not_disturb_each_other(lab, session, start, tmp_path, monkeypatch):
    repository = Repository(tmp_path / "repository")
    for name, value in repository.configuration(BUNDLE).items():
        monkeypatch.setenv(name, value)
    lab.commit(repository.commit(orders=V1), orders=V1)
    lab.candidate("orders", 1)

    both = start(), start()

    assert [process.wait(PATIENCE) for process in both] == [0, 0]
    assert found(session).code_state == "available"
