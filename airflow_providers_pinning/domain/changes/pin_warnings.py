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
"""Warnings about a version that becomes active."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.changes.code_checks import warn_of_code
from airflow_providers_pinning.domain.changes.preconditions import named_team
from airflow_providers_pinning.domain.dag_model import partitions
from airflow_providers_pinning.domain.dag_model.stored_dags import ActiveVersion
from airflow_providers_pinning.domain.versions import likeness
from airflow_providers_pinning.domain.versions.circumstances import Circumstances
from airflow_providers_pinning.domain.versions.identity import VersionIdentity
from airflow_providers_pinning.domain.versions.managed import VersionState


def warn_of_moved_team(version: VersionIdentity, known: Circumstances) -> tuple[str, ...]:
    """Warn that the Dag moves to another team; unpinning needs no permission there, because Airflow moves it too."""
    if not known.changes_team:
        return ()
    return (
        f"The Dag moves from {named_team(known.dag_team)} to {named_team(known.team)}, the owner of bundle "
        f"{version.bundle_name!r}, so its runs use the connections, variables and executors of that team.",
    )


def warn_of_latest(
    latest: Mapping[str, tuple[VersionIdentity, Circumstances, ActiveVersion]], *, session: Session
) -> dict[str, tuple[str, ...]]:
    """
    Say what is amiss with versions that unpinning makes active; Airflow would use them without this package.

    Not where they and other Dags say different things of assets, which depends on all that changes at once.

    :param latest: the version, what is known of it and the version deserialized, by Dag
    :param session: database session
    :return: what to tell, by Dag
    """
    if not latest:
        return {}
    numbered = {dag_id: (version.version_number, readable) for dag_id, (version, _, readable) in latest.items()}
    dropped = partitions.warn_all_of_dropped_partitions(numbered, session=session)
    equals = likeness.warn_of_rejected_equals([version for version, _, _ in latest.values()], session=session)
    return {
        dag_id: (
            *dropped.get(dag_id, ()),
            *warn_of_moved_team(version, known),
            *equals.get(version.dag_version_id, ()),
            *_warn_of_rejection(version, known),
            *warn_of_code(version, known.managed),
        )
        for dag_id, (version, known, _) in latest.items()
    }


def _warn_of_rejection(version: VersionIdentity, known: Circumstances) -> tuple[str, ...]:
    row = known.managed
    if row is None or row.state != VersionState.REJECTED.value:
        return ()
    return (f"Version {version.version_number}, which new runs now use, was rejected: {row.state_reason}.",)
