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
"""
Check code in Airflow's own checkouts.

The only way to check a version of a bundle other than git is to initialize it. This is done as for a task, with the
bundle's lock and a tracking file, so Airflow's cleanup of stale bundle versions removes the checkout.
"""

from __future__ import annotations

import logging
import os
import shutil
import zipfile
from collections.abc import Collection
from pathlib import Path

from airflow.dag_processing.bundles.base import (
    BaseDagBundle,
    BundleVersionLock,
    get_bundle_storage_root_path,
    get_bundle_tracking_file,
    get_bundle_version_path,
)
from airflow.dag_processing.bundles.manager import DagBundlesManager

from airflow_providers_pinning.domain.versions.code_availability.finding import (
    CodeProblem,
    CodeSource,
    Finding,
    Trouble,
)
from airflow_providers_pinning.domain.versions.code_availability.local import is_local, local_trouble

log = logging.getLogger(__name__)

FOLDER = "_pinning"
"""Name of the folder for checks, next to those of the bundles."""


def own_folder() -> Path:
    """Return the folder to which checks may write, next to those of the bundles."""
    return Path(get_bundle_storage_root_path()) / FOLDER


class TrackedCheckout(BundleVersionLock):
    """
    Keep a checkout from being removed while it is checked.

    Unlike a task, a check does not mark it as used, or a checkout that is checked every hour would never be removed.
    """

    def _update_version_file(self) -> None:
        place = get_bundle_version_path(self.bundle_name, self.version)
        if not place.exists() or not get_bundle_tracking_file(self.bundle_name, self.version).exists():
            super()._update_version_file()


def track(bundle: BaseDagBundle) -> None:
    """Make Airflow's cleanup see the bundle's checkouts without a tracking file, whoever made them."""
    try:
        for place in bundle.versions_dir.iterdir() if bundle.versions_dir.is_dir() else ():
            if not get_bundle_tracking_file(bundle.name, place.name).exists():
                TrackedCheckout(bundle.name, place.name)._update_version_file()
    except OSError:
        log.exception("Checkouts of bundle %s could not be registered with Airflow's cleanup", bundle.name)


def look(bundle_name: str, bundle_version: str, filelocs: Collection[str | None]) -> Finding:
    """Initialize a version of a bundle, and check it for Dag files."""
    bundle = DagBundlesManager().get_bundle(bundle_name, bundle_version)
    tracked = TrackedCheckout(bundle_name, bundle_version)
    # Entering it as a context manager would continue without the lock if it cannot be acquired.
    tracked.acquire()
    try:
        was_there = _initialize(bundle, get_bundle_version_path(bundle_name, bundle_version))
        return Finding(
            # A checkout that already existed shows nothing about its origin.
            source=None if was_there else CodeSource.REMOTE,
            files={
                fileloc: _no_file(fileloc, bundle_name, bundle_version)
                for fileloc in filelocs
                if not exists(bundle.path, fileloc or "")
            },
        )
    except Exception as error:
        log.exception("The code of bundle %s at %s is not available", bundle_name, bundle_version)
        if is_local(error):
            return Finding(trouble=local_trouble(bundle_name, error))
        message = f"bundle {bundle_name!r} at {bundle_version}: {error}"
        is_passing = isinstance(error, (ConnectionError, TimeoutError))
        problem = CodeProblem.REMOTE_UNREACHABLE if is_passing else CodeProblem.BUNDLE_FAILED
        return Finding(trouble=Trouble(problem, message))
    finally:
        tracked.release()


def _initialize(bundle: BaseDagBundle, place: Path) -> bool:
    """
    Initialize a bundle as tasks do, and return whether its version already existed.

    A marker file exists until this is done. If it fails, or the process is killed, the next check starts over, instead
    of mistaking a partial checkout for a complete one.
    """
    mark = own_folder() / "unfinished" / bundle.name / str(bundle.version)
    with bundle.lock():
        if mark.exists():
            shutil.rmtree(place, ignore_errors=True)
        was_there = place.exists()
        if not was_there:
            mark.parent.mkdir(parents=True, exist_ok=True)
            mark.touch()
        bundle.initialize()
        mark.unlink(missing_ok=True)
    return was_there


def _no_file(fileloc: str | None, bundle_name: str, bundle_version: str) -> Trouble:
    return Trouble(CodeProblem.FILE_MISSING, f"{fileloc!r} is not in bundle {bundle_name!r} at {bundle_version}")


def exists(root: Path, fileloc: str) -> bool:
    """Return whether a Dag file exists, as a file or inside a zip archive."""
    path = root / fileloc
    return path.exists() or any(_is_zipped(path, archive) for archive in path.parents)


def _is_zipped(path: Path, archive: Path) -> bool:
    if not archive.is_file() or not zipfile.is_zipfile(archive):
        return False
    with zipfile.ZipFile(archive) as zipped:
        return os.path.relpath(path, archive) in zipped.namelist()
