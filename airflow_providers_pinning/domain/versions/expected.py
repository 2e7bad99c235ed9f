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
"""Check that a version is what the caller saw, and that it has not changed since it came under management."""

from __future__ import annotations

from airflow_providers_pinning.domain.errors import VersionDriftedError
from airflow_providers_pinning.domain.text import repair_command
from airflow_providers_pinning.domain.versions.drift import has_drifted
from airflow_providers_pinning.domain.versions.identity import VersionIdentity
from airflow_providers_pinning.models import ManagedVersion


def check_same(
    dag_id: str, version: VersionIdentity, *, dag_hash: str | None = None, bundle_version: str | None = None
) -> None:
    """
    Compare a version with the one that the caller saw. A commit may rewrite an unmanaged version.

    The hash covers the structure of the Dag. Versions with the same hash may have different code, which only the bundle
    version distinguishes.

    :param dag_hash: hash that the caller expects, if any
    :param bundle_version: bundle version, such as a commit, that the caller expects, if any
    :raises VersionDriftedError: if they differ
    """
    for what, expected, found in (
        ("has hash", dag_hash, version.dag_hash),
        ("has code", bundle_version, version.bundle_version),
    ):
        if expected not in (None, found):
            raise VersionDriftedError(
                f"Dag {dag_id!r}, {version.label}, {what} {found}, not the expected {expected}: it has changed "
                "since it was approved. Evaluate it again.",
                dag_id=dag_id,
                version_number=version.version_number,
                dag_hash=version.dag_hash,
                bundle_version=version.bundle_version,
            )


def check_unchanged(dag_id: str, version: VersionIdentity, managed: ManagedVersion | None) -> None:
    """
    Compare a version with its snapshot.

    :raises VersionDriftedError: if it changed since it came under management
    """
    if managed is None:
        return
    if is_drifted(version, managed):
        raise VersionDriftedError(
            f"Dag {dag_id!r}, {version.label}, is no longer what it was when it came under management (then "
            f"{managed.bundle_version} with hash {managed.dag_hash}, now {version.bundle_version} with hash "
            f"{version.dag_hash}): a process that does not enforce pins rewrote it. Restore its content: "
            f"{repair_command(dag_id, version.version_number)}. Or pin it as it is now, with an override_reason "
            "and the current hash and commit as expected_dag_hash and expected_bundle_version. Or choose another "
            "version.",
            dag_id=dag_id,
            version_number=version.version_number,
            dag_hash=version.dag_hash,
            bundle_version=version.bundle_version,
        )


def is_drifted(version: VersionIdentity, managed: ManagedVersion | None) -> bool:
    """Return whether a managed version has changed since it came under management."""
    return managed is not None and has_drifted(managed, version)
