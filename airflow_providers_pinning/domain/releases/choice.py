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
"""Choose the Dags of a release, and the version of each to pin."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any
from uuid import UUID

from airflow.models.dag import DagModel, DagTag
from airflow.models.dag_version import DagVersion
from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.batches import pages
from airflow_providers_pinning.domain.errors import (
    AmbiguousBundleError,
    PinningError,
    UnknownDagError,
    UnknownVersionError,
)
from airflow_providers_pinning.domain.files.relation import VersionKey, is_related, keys_of
from airflow_providers_pinning.domain.releases.plan import PlannedDag
from airflow_providers_pinning.domain.releases.request import Access, ReleaseRequest, Selection
from airflow_providers_pinning.domain.versions.bundle_versions import version_at_commit
from airflow_providers_pinning.domain.versions.identity import VersionIdentity, identities_of, newest_identities
from airflow_providers_pinning.models import BundleVersion, Pin
from airflow_providers_pinning.vocabulary import Registration, ReleaseAction, ReleaseOutcome, ReleaseScope

IDS_AT_ONCE = 5000
"""Maximum number of Dags or versions in one statement."""


@dataclass
class Chosen:
    """The versions that a release pins, by Dag, and the Dags that it cannot or does not change."""

    versions: dict[str, VersionIdentity] = field(default_factory=dict)
    others: dict[str, PlannedDag] = field(default_factory=dict)
    warnings: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Warnings about versions, by Dag."""


def bundle_of(request: ReleaseRequest, *, session: Session) -> str | None:
    """
    Return the bundle of a commit.

    :raises UnknownVersionError: if no bundle has it
    :raises AmbiguousBundleError: if several have
    """
    if request.bundle_version is None or request.bundle_name:
        return request.bundle_name
    at_commit = DagVersion.bundle_version == request.bundle_version
    names = set(session.scalars(select(DagVersion.bundle_name).distinct().where(at_commit)))
    seen = select(BundleVersion.bundle_name).where(BundleVersion.bundle_version == request.bundle_version)
    names |= set(session.scalars(seen))
    found = sorted(name for name in names if name)
    if not found:
        raise UnknownVersionError(
            f"No bundle has seen the commit {request.bundle_version!r}. Give its full hash, or wait until the dag "
            "processor has fetched it.",
            bundle_version=request.bundle_version,
        )
    if len(found) > 1:
        raise AmbiguousBundleError(
            f"Several bundles have the commit {request.bundle_version!r}: {', '.join(found)}. Select one with "
            "bundle_name (CLI: --bundle).",
            bundle_names=found,
        )
    return found[0]


def dag_ids_of(request: ReleaseRequest, bundle_name: str | None, access: Access, *, session: Session) -> set[str]:
    """
    Return the ids of all Dags that a release may be about, those among them that it leaves as they are.

    Conditions only find Dags that the caller may see, so that they reveal no others.
    """
    selection = request.selection
    if request.versions:
        return set(request.versions)
    if selection.dag_ids is not None:
        return set(selection.dag_ids)
    query = select(DagModel.dag_id).where(DagModel.is_stale.is_(False))
    if bundle_name is not None and request.bundle_version is not None:
        query = select(DagModel.dag_id).where(DagModel.bundle_name == bundle_name)
    if request.action is not ReleaseAction.PIN or (request.scope is not ReleaseScope.ALL and not request.latest):
        query = query.join(Pin, and_(Pin.dag_id == DagModel.dag_id, Pin.dag_version_id.is_not(None)))
    found = matching(query, selection, session=session)
    return set(access.readable.among(found)) if selection.has_conditions and access.readable is not None else found


def matching(query: Any, selection: Selection, *, session: Session) -> set[str]:
    """Return the ids of the Dags of a query, of rows of ``DagModel``, for which the conditions hold."""
    if selection.bundles:
        query = query.where(DagModel.bundle_name.in_(selection.bundles))
    if selection.tags:
        tagged = select(DagTag.dag_id).where(DagTag.name.in_(selection.tags))
        query = query.where(DagModel.dag_id.in_(tagged))
    if selection.owners:
        owners = dict(session.execute(query.with_only_columns(DagModel.dag_id, DagModel.owners)).all())
        wanted = set(selection.owners)
        found: Iterable[str] = [
            dag_id for dag_id, named in owners.items() if wanted & {owner.strip() for owner in (named or "").split(",")}
        ]
    else:
        found = session.scalars(query)
    patterns = selection.dag_id_patterns
    return {dag_id for dag_id in found if not patterns or any(fnmatchcase(dag_id, pattern) for pattern in patterns)}


def choose_dags(request: ReleaseRequest, pins: Mapping[str, Pin], dag_ids: Collection[str]) -> tuple[Chosen, list[str]]:
    """
    Sort out the Dags that a release leaves, or that are not there.

    :param request: what is asked for
    :param pins: the pins, by Dag; of a Dag that is not there none
    :param dag_ids: the Dags
    :return: with them, those for which a version is to be found
    """
    chosen = Chosen()
    wanted = []
    of_commit = request.bundle_version is not None and request.selection.dag_ids is None
    only_pinned = of_commit and request.scope is not ReleaseScope.ALL
    for dag_id in sorted(dag_ids):
        if dag_id in request.selection.exclude:
            chosen.others[dag_id] = PlannedDag(
                dag_id, ReleaseOutcome.LEFT, reason="excluded", message="It was excluded from the release."
            )
        elif dag_id not in pins:
            chosen.others[dag_id] = PlannedDag.blocked(
                dag_id, UnknownDagError(f"Dag {dag_id!r} not found. Check the ID, or wait for it to be parsed.")
            )
        elif only_pinned and pins[dag_id].dag_version_id is None:
            # It was unpinned after the Dags were chosen, before it was locked.
            chosen.others[dag_id] = PlannedDag(
                dag_id, ReleaseOutcome.LEFT, reason="not_pinned", message="It is not pinned."
            )
        else:
            wanted.append(dag_id)
    return chosen, wanted


def choose_by_number(numbers: Mapping[str, int], dag_ids: list[str], chosen: Chosen, *, session: Session) -> None:
    """Find the versions with the given numbers, by Dag; a Dag that has none blocks."""
    for page in pages(dag_ids, IDS_AT_ONCE):
        rows = session.execute(
            select(DagVersion.id, DagVersion.dag_id, DagVersion.version_number).where(
                DagVersion.dag_id.in_(page), DagVersion.version_number.in_({numbers[dag_id] for dag_id in page})
            )
        )
        ids = {row.dag_id: row.id for row in rows if row.version_number == numbers[row.dag_id]}
        found = {one.dag_version_id: one for one in identities_of(ids.values(), session=session)}
        for dag_id in page:
            version = found.get(ids.get(dag_id))  # type: ignore[arg-type]
            if version is not None:
                chosen.versions[dag_id] = version
                continue
            chosen.others[dag_id] = PlannedDag.blocked(
                dag_id,
                UnknownVersionError(
                    f"Dag {dag_id!r} has no version {numbers[dag_id]}. List its versions and choose one of them."
                ),
            )


def choose_present(pins: Mapping[str, Pin], dag_ids: list[str], chosen: Chosen, *, session: Session) -> None:
    """Take what each Dag runs now: its pinned version, else its latest one."""
    for page in pages(dag_ids, IDS_AT_ONCE):
        pinned = {dag_id: key for dag_id in page if (key := pins[dag_id].dag_version_id) is not None}
        present = {one.dag_version_id: one for one in identities_of(list(pinned.values()), session=session)}
        latest = newest_identities([dag_id for dag_id in page if dag_id not in pinned], session=session)
        for dag_id in page:
            version = present.get(pinned[dag_id]) if dag_id in pinned else latest.get(dag_id)
            if version is not None:
                chosen.versions[dag_id] = version
                continue
            chosen.others[dag_id] = PlannedDag.blocked(
                dag_id, UnknownVersionError(f"Dag {dag_id!r} has no registered version.")
            )


def choose_at_commit(
    request: ReleaseRequest,
    bundle_name: str | None,
    pins: Mapping[str, Pin],
    dag_ids: list[str],
    chosen: Chosen,
    *,
    session: Session,
) -> None:
    """Find the version that each Dag has at the commit."""
    commit = request.bundle_version or ""
    for page in pages(dag_ids, IDS_AT_ONCE):
        chosen.versions |= newest_identities(
            page,
            DagVersion.bundle_name == bundle_name,
            DagVersion.bundle_version == commit,
            session=session,
        )
    for dag_id in dag_ids:
        if dag_id not in chosen.versions:
            _as_registered(dag_id, commit, chosen, is_named=request.selection.dag_ids is not None, session=session)
    if request.scope is ReleaseScope.CHANGED and request.selection.dag_ids is None:
        _leave_unrelated(pins, chosen, session=session)


def _as_registered(dag_id: str, commit: str, chosen: Chosen, *, is_named: bool, session: Session) -> None:
    """Use the version that was current at a commit that no version has anymore, if that is known."""
    try:
        chosen.versions[dag_id], chosen.warnings[dag_id] = version_at_commit(dag_id, commit, session=session)
    except PinningError as error:
        if not is_named and error.data.get("registration") == Registration.ABSENT.value:
            chosen.others[dag_id] = PlannedDag(
                dag_id, ReleaseOutcome.LEFT, reason="absent", message="The commit does not define the Dag."
            )
        else:
            chosen.others[dag_id] = PlannedDag.blocked(dag_id, error)


def _leave_unrelated(pins: Mapping[str, Pin], chosen: Chosen, *, session: Session) -> None:
    """Leave Dags without related changes in the commit as they are. Unknown changes count as related."""
    compared = {
        dag_id: (active, version)
        for dag_id, version in chosen.versions.items()
        if (active := pins[dag_id].dag_version_id) is not None
    }
    ids = {key for active, version in compared.values() for key in (active, version.dag_version_id)}
    keys: dict[UUID, VersionKey] = {}
    for page in pages(ids, IDS_AT_ONCE):
        keys |= keys_of(page, session=session)
    for dag_id, (active, version) in compared.items():
        before, after = keys.get(active), keys.get(version.dag_version_id)
        if before is None or after is None or is_related(before, after) is not False:
            continue
        chosen.others[dag_id] = PlannedDag(
            dag_id,
            ReleaseOutcome.UNCHANGED,
            reason="unrelated",
            message=f"{version.label} changes nothing related to the Dag.",
        )
        del chosen.versions[dag_id]
