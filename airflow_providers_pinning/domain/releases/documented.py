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
"""Find the versions in a document of pins."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from uuid import UUID

from airflow.models.dag_version import DagVersion
from sqlalchemy import select
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.batches import pages
from airflow_providers_pinning.domain.errors import PinningError, VersionDriftedError
from airflow_providers_pinning.domain.releases.choice import IDS_AT_ONCE, Chosen, choose_by_number
from airflow_providers_pinning.domain.releases.document import DocumentedPin
from airflow_providers_pinning.domain.releases.plan import PlannedDag
from airflow_providers_pinning.domain.versions.bundle_versions import version_at_commit
from airflow_providers_pinning.domain.versions.identity import VersionIdentity, identities_of


def choose_documented(pins: Mapping[str, DocumentedPin], *, session: Session) -> Chosen:
    """
    Find the version of each Dag in a document. A version that does not match the document blocks the release.

    :param pins: the versions in the document, by Dag
    :param session: database session
    """
    chosen = Chosen()
    numbers = {dag_id: pin.version_number for dag_id, pin in sorted(pins.items()) if pin.version_number is not None}
    choose_by_number(numbers, list(numbers), chosen, session=session)
    for dag_id in numbers:
        version = chosen.versions.get(dag_id)
        if version is not None and (differences := pins[dag_id].differences(version)):
            del chosen.versions[dag_id]
            chosen.others[dag_id] = PlannedDag.blocked(dag_id, _drifted(dag_id, version, differences))
    _at_commits({dag_id: pins[dag_id] for dag_id in sorted(pins) if dag_id not in numbers}, chosen, session=session)
    return chosen


def _at_commits(pins: Mapping[str, DocumentedPin], chosen: Chosen, *, session: Session) -> None:
    """Find the newest version of each Dag at its commit."""
    for page in pages(pins, IDS_AT_ONCE):
        rows = session.execute(
            select(DagVersion.id, DagVersion.dag_id, DagVersion.bundle_version).where(
                DagVersion.dag_id.in_(page),
                DagVersion.bundle_version.in_({pins[dag_id].bundle_version for dag_id in page}),
            )
        )
        owners: dict[UUID, str] = {
            row.id: row.dag_id for row in rows if row.bundle_version == pins[row.dag_id].bundle_version
        }
        found = defaultdict(list)
        for version in identities_of(list(owners), session=session):
            found[owners[version.dag_version_id]].append(version)
        for dag_id in page:
            _take(dag_id, pins[dag_id], found[dag_id], chosen, session=session)


def _take(dag_id: str, pin: DocumentedPin, found: list[VersionIdentity], chosen: Chosen, *, session: Session) -> None:
    by_number = sorted(found, key=lambda version: version.version_number, reverse=True)
    fitting = [version for version in by_number if not pin.differences(version)]
    try:
        if fitting:
            chosen.versions[dag_id] = fitting[0]
        elif by_number:
            raise _drifted(dag_id, by_number[0], pin.differences(by_number[0]))
        else:
            # No version has the commit anymore, because the version that was current at it has moved to a later commit.
            version, chosen.warnings[dag_id] = version_at_commit(dag_id, pin.bundle_version or "", session=session)
            as_moved = DocumentedPin(bundle_name=pin.bundle_name, dag_hash=pin.dag_hash)
            if differences := as_moved.differences(version):
                raise _drifted(dag_id, version, differences)
            chosen.versions[dag_id] = version
    except PinningError as error:
        chosen.others[dag_id] = PlannedDag.blocked(dag_id, error)


def _drifted(dag_id: str, version: VersionIdentity, differences: list[str]) -> VersionDriftedError:
    return VersionDriftedError(
        f"Dag {dag_id!r}, {version.label}, is not what the document says: {'; '.join(differences)}. Look at the "
        "version, and correct the document.",
        dag_id=dag_id,
    )
