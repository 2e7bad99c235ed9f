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

import errno
import json
import shutil
from datetime import timedelta

import pendulum
import pytest
from airflow.dag_processing.bundles.base import BundleUsageTrackingManager, BundleVersionLock

from tests.support.bundles import FolderBundle
from tests.support.lab import BUNDLE
from tests.support.sources import dag_file
from tests.unit.domain.versions.code_availability.conftest import check, check_again, facts, only_version

V1 = dag_file("orders")


@pytest.fixture
def folders(tmp_path, storage, monkeypatch):
    """Return a folder of versions that is configured as the bundle."""
    root = tmp_path / "versions"
    bundle = {
        "name": BUNDLE,
        "classpath": "tests.support.bundles.FolderBundle",
        "kwargs": {"source": str(root), "pause": str(tmp_path / "pause")},
    }
    monkeypatch.setenv("AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST", json.dumps([bundle]))
    return root


@pytest.fixture
def add_version(folders, lab):
    """Return a function that makes a version of the bundle, one of the Dag, and a candidate of it."""

    def add(number):
        source = dag_file("orders", f"max_active_runs={number}")
        (folders / f"v{number}").mkdir(parents=True)
        (folders / f"v{number}" / "orders.py").write_text(source)
        lab.commit(f"v{number}", orders=source)
        lab.candidate("orders", number)

    return add


@pytest.fixture
def clean_up(monkeypatch, storage):
    """Return a function that lets Airflow remove stale versions but one, and tells which are left."""
    monkeypatch.setenv("AIRFLOW__DAG_PROCESSOR__STALE_BUNDLE_CLEANUP_MIN_VERSIONS", "1")
    monkeypatch.setenv("AIRFLOW__DAG_PROCESSOR__STALE_BUNDLE_CLEANUP_AGE_THRESHOLD", "3600")

    def remove():
        BundleUsageTrackingManager().remove_stale_bundle_versions()
        return sorted(path.name for path in (storage / BUNDLE / "versions").iterdir())

    return remove


def used(storage, version, hours_ago):
    """Make a checkout look as if it was used some hours ago."""
    moment = pendulum.now("UTC") - timedelta(hours=hours_ago)
    (storage / "_tracking" / BUNDLE / version).write_text(moment.isoformat())


def test_code_of_another_kind_of_bundle_is_available_if_it_can_be_initialized(add_version, session):
    add_version(1)

    check(session)

    assert facts(session) == ("available", "remote", None, None)


def test_code_that_such_a_bundle_does_not_have_is_missing(add_version, folders, session):
    add_version(1)
    shutil.rmtree(folders / "v1")

    check(session)

    assert facts(session) == ("missing", None, None, "bundle_failed")
    assert "there is no version v1" in only_version(session).code_message


def test_a_file_that_is_not_there_is_missing(add_version, folders, session):
    add_version(1)
    (folders / "v1" / "orders.py").rename(folders / "v1" / "other.py")

    check(session)

    assert facts(session) == ("missing", None, None, "file_missing")


def test_six_versions_leave_as_many_checkouts_as_airflow_keeps(add_version, session, storage, clean_up):
    for number in range(1, 7):
        add_version(number)
        check(session)
        used(storage, f"v{number}", hours_ago=10 - number)

    assert clean_up() == ["v6"]


def test_a_check_does_not_make_a_checkout_count_as_used(add_version, session, storage, clean_up):
    for number in (1, 2):
        add_version(number)
        check(session)
        used(storage, f"v{number}", hours_ago=10 - number)

    check_again(session)

    assert clean_up() == ["v2"]


def test_a_checkout_that_was_removed_is_made_again(add_version, session, storage):
    add_version(1)
    check(session)
    shutil.rmtree(storage / BUNDLE / "versions")
    used(storage, "v1", hours_ago=10)

    check_again(session)

    assert facts(session)[0] == "available"
    assert pendulum.parse((storage / "_tracking" / BUNDLE / "v1").read_text()) > pendulum.now("UTC") - timedelta(
        hours=1
    )


def test_a_checkout_is_not_removed_while_it_is_looked_at(add_version, session, storage, clean_up, monkeypatch):
    add_version(1)
    check(session)
    add_version(2)
    used(storage, "v1", hours_ago=10)
    seen = []
    initialize = FolderBundle.initialize

    def look_and_clean(bundle):
        initialize(bundle)
        seen.append(clean_up())

    monkeypatch.setattr(FolderBundle, "initialize", look_and_clean)
    check_again(session)

    assert seen[0][0] == "v1"


def test_what_a_failed_initialization_left_is_not_taken_for_the_whole(add_version, session, storage, monkeypatch):
    add_version(1)

    def fail(bundle):
        bundle.path.mkdir(parents=True)
        raise RuntimeError("the connection broke")

    with monkeypatch.context() as broken:
        broken.setattr(FolderBundle, "_copy", fail)
        check(session)
    assert facts(session)[0] == "missing"

    check_again(session)

    assert facts(session) == ("available", "remote", None, None)


@pytest.mark.parametrize(
    ("error", "problem"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "local_trouble"),
        (PermissionError(errno.EACCES, "Permission denied"), "local_trouble"),
        (ConnectionRefusedError("refused"), "remote_unreachable"),
        (TimeoutError("too late"), "remote_unreachable"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_trouble_that_passes_is_not_taken_for_missing_code(add_version, session, monkeypatch, error, problem):
    add_version(1)

    def fail(bundle):
        raise error

    monkeypatch.setattr(FolderBundle, "_copy", fail)
    check(session)

    assert facts(session) == ("unknown", None, None, problem)


def test_a_checkout_that_cannot_be_tracked_is_not_made(add_version, session, storage, monkeypatch):
    add_version(1)
    monkeypatch.setattr(BundleVersionLock, "_update_version_file", lambda lock: raise_full())

    check(session)

    assert facts(session) == ("unknown", None, None, "local_trouble")
    assert not (storage / BUNDLE / "versions").exists()


def raise_full():
    raise OSError(errno.ENOSPC, "No space left on device")
