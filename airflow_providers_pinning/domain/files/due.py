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
"""Select the versions whose files have to be recorded."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta

from airflow._shared.timezones import timezone
from airflow.models.dag_version import DagVersion
from sqlalchemy import ColumnElement, Select, and_, or_, select
from sqlalchemy.orm import Session, aliased

from airflow_providers_pinning.models import CommitFiles, DagModules, ManagedVersion, Pin, VersionFiles

VERSIONS_A_ROUND = 500
"""Maximum number of versions in one round."""
RETRY_AFTER = timedelta(hours=1)
"""Retry delay for a version whose files could not be read."""


def is_due(bundle_names: Collection[str], *, session: Session) -> bool:
    """Return whether any version or commit of these bundles has to be processed."""
    if not bundle_names:
        return False
    unsettled = select(CommitFiles.bundle_name).where(
        CommitFiles.bundle_name.in_(bundle_names), CommitFiles.settles_at.is_not(None)
    )
    return session.execute(due(bundle_names).limit(1)).first() is not None or (
        session.execute(unsettled.limit(1)).first() is not None
    )


def due(bundle_names: Collection[str]) -> Select:
    """
    Select versions to process, of Dags that are or were pinned, or that have managed versions.

    These are all managed versions, those newer than the pinned one, and the latest.
    """
    newer = aliased(DagVersion)
    managed = (
        select(ManagedVersion.dag_version_id)
        .where(ManagedVersion.dag_version_id == DagVersion.id)
        .correlate(DagVersion)
    )
    later = select(newer.id).where(newer.dag_id == DagVersion.dag_id, newer.version_number > DagVersion.version_number)
    return (
        select(
            DagVersion.id,
            DagVersion.dag_id,
            DagVersion.bundle_name,
            DagVersion.bundle_version,
            DagModules.modules,
        )
        .outerjoin(Pin, Pin.dag_id == DagVersion.dag_id)
        .outerjoin(VersionFiles, VersionFiles.dag_version_id == DagVersion.id)
        .outerjoin(DagModules, DagModules.dag_id == DagVersion.dag_id)
        .where(
            DagVersion.dag_id.in_(_known_dags()),
            DagVersion.bundle_name.in_(bundle_names),
            DagVersion.bundle_version.is_not(None),
            or_(managed.exists(), DagVersion.version_number > Pin.version_number, ~later.exists()),
            _is_to_be_looked_at(~later.exists()),
        )
        .order_by(DagVersion.bundle_name, DagVersion.bundle_version, DagVersion.dag_id)
        .limit(VERSIONS_A_ROUND)
    )


def _known_dags() -> Select:
    return select(Pin.dag_id).union(select(ManagedVersion.dag_id)).subquery().select()


def _is_to_be_looked_at(is_latest: ColumnElement[bool]) -> ColumnElement[bool]:
    retry = timezone.utcnow() - RETRY_AFTER
    return or_(
        VersionFiles.dag_version_id.is_(None),
        VersionFiles.bundle_version != DagVersion.bundle_version,
        VersionFiles.bundle_name != DagVersion.bundle_name,
        and_(VersionFiles.is_final.is_(False), VersionFiles.looked_at < retry),
        and_(is_latest, DagModules.recorded_at > VersionFiles.looked_at),
    )
