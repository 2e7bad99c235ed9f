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
Decide whether two versions of a Dag have related differences.

They do not if the Dag itself and its files are the same, and all other files of the bundle too, except for other Dags'
own files and those matching ``[pinning] ignored_paths``. Unknown files count as related. This is an equivalence
relation, so each version gets a key: versions with the same key have no related differences.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from itertools import pairwise
from typing import Any
from uuid import UUID

from airflow._shared.timezones import timezone
from airflow.models.dag_version import DagVersion
from airflow.models.serialized_dag import SerializedDagModel
from sqlalchemy import Row, Select, and_, bindparam, select
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.versions.managed import VersionState
from airflow_providers_pinning.models import CommitFiles, ManagedVersion, VersionFiles

KNOWN_WITHIN = timedelta(minutes=5)
"""Time for the dag processor to process a version. After that, an unprocessed version counts as related."""

Key = tuple[str, ...]


@dataclass(frozen=True)
class VersionKey:
    """Key of everything in a version that is related to its Dag."""

    dag_version_id: UUID
    dag_id: str
    version_number: int
    dag_hash: str
    key: Key | None
    """Equal for versions without related differences; ``None`` if unknown."""
    is_pending: bool
    """Whether it is unknown now but will be known soon."""
    trouble: str | None
    """Why it is unknown."""
    state_reason: str | None
    """Reason of the version's rejection, if it was rejected."""


def is_related(before: VersionKey, after: VersionKey) -> bool | None:
    """
    Return whether two versions have related differences.

    :return: ``None`` if that is unknown now but will be known soon
    """
    if before.dag_version_id == after.dag_version_id:
        return False
    if before.dag_hash != after.dag_hash:
        return True
    if before.key is not None and after.key is not None:
        return before.key != after.key
    return None if before.is_pending or after.is_pending else True


def keys_since(numbers: Mapping[str, int], *, session: Session) -> dict[str, list[VersionKey]]:
    """
    Read the keys of Dags' versions, starting at the given versions, in order.

    :param numbers: number of the first version, by Dag
    :param session: database session
    """
    keys: dict[str, list[VersionKey]] = defaultdict(list)
    if not numbers:
        return keys
    asked = {"dag_ids": list(numbers), "oldest": min(numbers.values())}
    now = timezone.utcnow()
    for row in session.execute(_keys_since(), asked):
        if row.version_number >= numbers[row.dag_id]:
            keys[row.dag_id].append(_key(row, now))
    return keys


def keys_of(dag_version_ids: Collection[UUID], *, session: Session) -> dict[UUID, VersionKey]:
    """Read the keys of versions, by ID."""
    if not dag_version_ids:
        return {}
    now = timezone.utcnow()
    rows = session.execute(_keys_of(), {"dag_version_ids": list(dag_version_ids)})
    return {row.id: _key(row, now) for row in rows}


def count_related(keys: Collection[VersionKey]) -> int:
    """Count the versions, in order, with related differences from the one before. The first one does not count."""
    ordered = list(keys)
    return sum(is_related(before, after) is not False for before, after in pairwise(ordered))


def related_behind(pins: Mapping[str, int], *, session: Session) -> dict[str, int]:
    """
    Count the newer versions of Dags with related changes.

    :param pins: number of the pinned version, by Dag
    :param session: database session
    """
    keys = keys_since(pins, session=session)
    return {dag_id: count_related(keys.get(dag_id, ())) for dag_id in pins}


@dataclass(frozen=True)
class HeldRejection:
    """A rejection that also applies to a later version without related differences."""

    version_number: int
    reason: str


def held_rejections(dag_id: str, keys: Collection[VersionKey], *, session: Session) -> dict[UUID, HeldRejection]:
    """
    Return the rejection that applies to each version, by version ID.

    :param dag_id: the Dag
    :param keys: the versions
    :param session: database session
    """
    if all(key.key is None for key in keys):
        return {}
    now = timezone.utcnow()
    return _held(keys, [_key(row, now) for row in session.execute(_rejected(), {"dag_ids": [dag_id]})])


def _held(keys: Collection[VersionKey], rejected: Collection[VersionKey]) -> dict[UUID, HeldRejection]:
    found = {}
    for key in keys:
        for one in rejected:
            if key.key is not None and one.key == key.key and one.version_number < key.version_number:
                # The last rejection of a version wins.
                found[key.dag_version_id] = HeldRejection(one.version_number, one.state_reason or "no reason given")
    return found


def held_rejections_of(versions: Mapping[str, UUID], *, session: Session) -> dict[str, HeldRejection]:
    """
    Return the rejection that applies to one version of each Dag, by Dag ID.

    Dags without rejected versions need no further statement.

    :param versions: IDs of the versions, by Dag
    :param session: database session
    """
    if not versions:
        return {}
    now = timezone.utcnow()
    rejected: dict[str, list[VersionKey]] = defaultdict(list)
    for row in session.execute(_rejected(), {"dag_ids": list(versions)}):
        key = _key(row, now)
        if key.key is not None and key.dag_version_id != versions[key.dag_id]:
            rejected[key.dag_id].append(key)
    keys = keys_of([versions[dag_id] for dag_id in rejected], session=session)
    found = {}
    for key in keys.values():
        if held := _held([key], rejected[key.dag_id]).get(key.dag_version_id):
            found[key.dag_id] = held
    return found


def _key(row: Row[Any], now: datetime) -> VersionKey:
    is_looked_at = row.looked_at_version == row.bundle_version and row.digest is not None
    is_settled = row.shared_digest is not None and (row.settles_at is None or row.settles_at <= now)
    key = None
    if row.bundle_version is not None and is_looked_at and is_settled:
        key = (row.bundle_name, row.dag_hash, row.digest, row.shared_digest, row.basis)
    waits = row.bundle_version is not None and (row.trouble is None or row.looked_at_version != row.bundle_version)
    return VersionKey(
        dag_version_id=row.id,
        dag_id=row.dag_id,
        version_number=row.version_number,
        dag_hash=row.dag_hash,
        key=key,
        is_pending=key is None and waits and row.last_updated > now - KNOWN_WITHIN,
        trouble=None if key else row.trouble,
        state_reason=row.state_reason,
    )


@cache
def _keys() -> Select:
    return (
        select(
            DagVersion.id,
            DagVersion.dag_id,
            DagVersion.version_number,
            DagVersion.bundle_name,
            DagVersion.bundle_version,
            DagVersion.last_updated,
            SerializedDagModel.dag_hash,
            VersionFiles.bundle_version.label("looked_at_version"),
            VersionFiles.digest,
            VersionFiles.trouble,
            CommitFiles.shared_digest,
            CommitFiles.basis,
            CommitFiles.settles_at,
            ManagedVersion.state_reason,
        )
        .join(SerializedDagModel, SerializedDagModel.dag_version_id == DagVersion.id)
        .outerjoin(VersionFiles, VersionFiles.dag_version_id == DagVersion.id)
        .outerjoin(
            CommitFiles,
            and_(
                CommitFiles.bundle_name == DagVersion.bundle_name,
                CommitFiles.bundle_version == DagVersion.bundle_version,
            ),
        )
        .outerjoin(ManagedVersion, ManagedVersion.dag_version_id == DagVersion.id)
    )


@cache
def _keys_since() -> Select:
    of_dags = DagVersion.dag_id.in_(bindparam("dag_ids", expanding=True))
    return (
        _keys()
        .where(of_dags, DagVersion.version_number >= bindparam("oldest"))
        .order_by(DagVersion.dag_id, DagVersion.version_number)
    )


@cache
def _keys_of() -> Select:
    return _keys().where(DagVersion.id.in_(bindparam("dag_version_ids", expanding=True)))


@cache
def _rejected() -> Select:
    is_rejected = ManagedVersion.state == VersionState.REJECTED.value
    of_dags = DagVersion.dag_id.in_(bindparam("dag_ids", expanding=True))
    return _keys().where(of_dags, is_rejected).order_by(DagVersion.version_number)
