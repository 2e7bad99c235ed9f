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
"""Whether hosts can get the code of a version, as far as the dag processor knows."""

from __future__ import annotations

from airflow_providers_pinning.domain.errors import (
    CodeUnavailableError,
)
from airflow_providers_pinning.domain.history.events import Change
from airflow_providers_pinning.domain.versions.circumstances import (
    Circumstances,
)
from airflow_providers_pinning.domain.versions.code_availability.finding import CodeSource, CodeState, code_remedy
from airflow_providers_pinning.domain.versions.identity import VersionIdentity
from airflow_providers_pinning.models import ManagedVersion


def check_code_available(dag_id: str, version: VersionIdentity, managed: ManagedVersion | None) -> None:
    """
    Refuse a version whose code the dag processor could not get.

    :raises CodeUnavailableError: if it reported so
    """
    if managed is not None and managed.code_state == CodeState.MISSING.value:
        raise CodeUnavailableError(
            f"The dag processor could not get the code of Dag {dag_id!r}, {version.label}: {managed.code_message}. "
            f"{code_remedy(managed.code_problem)}",
            dag_id=dag_id,
            version_number=version.version_number,
        )


def with_code_of(version: VersionIdentity, managed: ManagedVersion | None) -> ManagedVersion | None:
    """Return the management row if what it says of the code is about the commit that the version is at now."""
    if managed is None:
        return None
    place = (managed.bundle_name, managed.bundle_version)
    return managed if place == (version.bundle_name, version.bundle_version) else None


def check_fetchable(dag_id: str, version: VersionIdentity, managed: ManagedVersion | None, change: Change) -> None:
    """
    Refuse a version that only hosts with its code can run, unless the caller overrides that.

    Not for a rollback: the version before is better than a bad one, even if some hosts cannot run it.

    :raises CodeUnavailableError: if the remote has no branch and no tag that contains the commit
    """
    if managed is None or change.override_reason or managed.code_problem is not None:
        return
    if managed.code_source == CodeSource.CHECKOUT.value:
        raise CodeUnavailableError(
            f"New hosts cannot fetch the code of Dag {dag_id!r}, {version.label}: {managed.code_message}. Push the "
            "commit again with a tag to keep it, or provide an override_reason to pin it anyway.",
            dag_id=dag_id,
            version_number=version.version_number,
        )


def warn_of_code(version: VersionIdentity, managed: ManagedVersion | None) -> tuple[str, ...]:
    """Report known problems with the code of a version that becomes active anyway."""
    if managed is None:
        return ()
    if managed.code_state == CodeState.MISSING.value:
        return (
            f"The dag processor could not get the code of version {version.version_number}: {managed.code_message}. "
            f"{code_remedy(managed.code_problem)}",
        )
    if managed.code_problem is not None:
        return (
            f"The code of version {version.version_number} could not be checked: {managed.code_message}. "
            f"{code_remedy(managed.code_problem)}",
        )
    if managed.code_source == CodeSource.CHECKOUT.value:
        return (
            f"New hosts cannot fetch the code of version {version.version_number}: {managed.code_message}. Push "
            "the commit again with a tag to keep it.",
        )
    return ()


def check_bundle_configured(dag_id: str, version: VersionIdentity, known: Circumstances) -> None:
    """
    Refuse a version whose bundle is no longer configured: nothing could run it.

    :raises CodeUnavailableError: if it was
    """
    if not known.bundle_is_configured:
        raise CodeUnavailableError(
            f"Dag {dag_id!r}, {version.label}: this bundle is no longer configured. Configure it again, or choose a "
            "version from another bundle.",
            dag_id=dag_id,
            version_number=version.version_number,
        )
