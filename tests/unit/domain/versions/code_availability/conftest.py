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
"""Repositories that are served as bundles, and what the check says of them."""

from __future__ import annotations

import os
import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from airflow._shared.timezones import timezone
from airflow.dag_processing.bundles import base
from airflow.dag_processing.bundles.manager import DagBundlesManager
from sqlalchemy import update

from airflow_providers_pinning.domain.versions import code_availability
from airflow_providers_pinning.models import ManagedVersion
from tests.support.lab import BUNDLE
from tests.support.repository import Repository


@pytest.fixture
def repository(tmp_path):
    return Repository(tmp_path / "repository")


@pytest.fixture
def storage(monkeypatch, tmp_path):
    """Return the folder of all bundles."""
    root = tmp_path / "bundles"
    monkeypatch.setenv("AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_STORAGE_PATH", str(root))
    monkeypatch.setattr(base, "STALE_BUNDLE_TRACKING_FOLDER", root / "_tracking")
    return root


@pytest.fixture
def serve(monkeypatch, storage):
    """Return a function that configures a repository as the bundle."""

    def configure(repository, **options):
        for name, value in repository.configuration(BUNDLE, **options).items():
            monkeypatch.setenv(name, value)

    return configure


@pytest.fixture
def git_calls(monkeypatch, tmp_path):
    """Put a git before the real one that writes down what it is asked, and does something else if told so."""
    folder, calls = tmp_path / "bin", tmp_path / "git_calls"
    folder.mkdir()
    real = shutil.which("git")

    def write(**instead):
        cases = "".join(f"*' {command} '*) {script};;\n" for command, script in instead.items())
        script = f'#!/bin/sh\necho "$*" >> {calls}\ncase " $* " in\n{cases}esac\nexec {real} "$@"\n'
        (folder / "git").write_text(script)
        (folder / "git").chmod(0o755)

    def read(command):
        return [
            call for call in (calls.read_text() if calls.exists() else "").splitlines() if f" {command} " in f" {call} "
        ]

    write()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    read.write = write
    return read


def live_bundle():
    """Initialize the bundle as the dag processor does, and return it."""
    bundle = DagBundlesManager().get_bundle(BUNDLE)
    bundle.initialize()
    return bundle


def check(session, *bundle_names):
    checked = code_availability.check_code(bundle_names or [BUNDLE], session=session)
    session.expire_all()
    return checked


def check_again(session):
    """Check what was checked already, as if it were some hours later."""
    session.execute(update(ManagedVersion).values(code_checked_at=timezone.utcnow() - timedelta(hours=3)))
    session.commit()
    return check(session)


def all_versions(session):
    session.expire_all()
    return session.query(ManagedVersion).all()


def only_version(session):
    [version] = all_versions(session)
    return version


def outcome(session):
    version = only_version(session)
    return version.code_state, version.code_message


def facts(session):
    """Return what is known of the code, besides the message."""
    version = only_version(session)
    return version.code_state, version.code_source, version.code_ref, version.code_problem


def left_in(storage):
    """Return what the checks left behind in their folder."""
    return sorted(path.name for path in Path(storage, "_pinning").glob("git-*"))
