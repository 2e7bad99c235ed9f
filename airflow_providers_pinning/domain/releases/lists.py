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
"""List past releases, or one with its Dags."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.batches import DAGS_IN_A_STATEMENT, pages
from airflow_providers_pinning.domain.errors import UnknownReleaseError
from airflow_providers_pinning.domain.releases.access import without_hidden
from airflow_providers_pinning.domain.releases.choice import IDS_AT_ONCE
from airflow_providers_pinning.domain.releases.plan import ReleaseReport, counted, report_of, status_of
from airflow_providers_pinning.domain.releases.request import Access
from airflow_providers_pinning.domain.sight import Sight
from airflow_providers_pinning.models import Release, ReleaseDag
from airflow_providers_pinning.vocabulary import ReleaseStatus


@dataclass(frozen=True)
class ReleaseFilter:
    """Which releases to list."""

    dag_id: str | None = None
    """Only releases with this Dag."""
    bundle_version: str | None = None
    """Only releases of this commit."""


@dataclass(frozen=True)
class ListedRelease:
    """A release as lists show it, without its Dags."""

    id: str
    action: str
    status: ReleaseStatus
    bundle_name: str | None
    bundle_version: str | None
    actor: str
    reason: str
    changed: int
    created_at: datetime
    effective_from: datetime | None
    rolls_back: str | None
    rolled_back_by: str | None

    @classmethod
    def of(cls, row: Release, counts: Mapping[str, int]) -> ListedRelease:
        """Return what lists show of a release of whose Dags so many have each outcome."""
        kept = {one.name: getattr(row, one.name) for one in fields(cls) if one.name != "status"}
        return cls(**kept, status=status_of(row.rolled_back_by, row.effective_from, counts))


def list_releases(
    which: ReleaseFilter, access: Access, *, limit: int, offset: int, session: Session
) -> tuple[Sequence[ListedRelease], int]:
    """
    List the releases with at least one Dag that the caller may see, newest first, and count them all.

    :param which: which of them
    :param access: the permissions of the caller
    :param limit: maximum number of releases
    :param offset: number of releases to skip
    :param session: database session
    """
    query: Select = select(Release.id)
    if which.bundle_version is not None:
        query = query.where(Release.bundle_version == which.bundle_version)
    if which.dag_id is not None:
        of_dag = select(ReleaseDag.release_id).where(ReleaseDag.dag_id == which.dag_id)
        query = query.where(Release.id.in_(of_dag))
    ids = session.scalars(query.order_by(Release.created_at.desc(), Release.id.desc())).all()
    if access.readable is not None and ids:
        seen = _about_seen_dags(query, access.readable, session=session)
        ids = [release_id for release_id in ids if release_id in seen]
    shown = ids[offset : offset + limit]
    found = {one.id: one for one in session.scalars(select(Release).where(Release.id.in_(shown)))} if shown else {}
    counts = _counts_of([one.id for one in found.values() if one.effective_from], session=session)
    return [ListedRelease.of(found[release_id], counts.get(release_id, {})) for release_id in shown], len(ids)


def _counts_of(release_ids: Sequence[str], *, session: Session) -> dict[str, dict[str, int]]:
    """Count what became of the Dags of releases that take, or took, effect at a given time."""
    if not release_ids:
        return {}
    rows = session.execute(
        select(ReleaseDag.release_id, ReleaseDag.outcome, func.count())
        .where(ReleaseDag.release_id.in_(release_ids))
        .group_by(ReleaseDag.release_id, ReleaseDag.outcome)
    )
    found: dict[str, dict[str, int]] = {}
    for release_id, outcome, count in rows:
        found.setdefault(release_id, {})[outcome] = count
    return found


def _about_seen_dags(releases: Select, sight: Sight, *, session: Session) -> set[str]:
    """Return the IDs of the releases with a Dag that the caller may see."""
    about = select(ReleaseDag.release_id).where(ReleaseDag.release_id.in_(releases)).distinct()
    dag_ids = set(session.scalars(about.with_only_columns(ReleaseDag.dag_id)))
    seen = sight.among(dag_ids)
    if seen == dag_ids:
        return set(session.scalars(about))
    return {
        release_id
        for page in pages(sorted(seen), DAGS_IN_A_STATEMENT)
        for release_id in session.scalars(about.where(ReleaseDag.dag_id.in_(page)))
    }


@dataclass(frozen=True)
class ReadRelease:
    """The visible part of a release, with all of its Dags or a page of them."""

    report: ReleaseReport
    counts: Mapping[str, int]
    """Number of Dags on all pages, by outcome."""
    hidden: int
    """Number of its Dags that the caller may not see."""
    status: ReleaseStatus


def read_release(
    release_id: str, access: Access, *, limit: int | None = None, offset: int = 0, session: Session
) -> ReadRelease:
    """
    Read a release with the Dags that the caller may see, ordered by ID.

    :param release_id: the release
    :param access: the permissions of the caller
    :param limit: how many Dags at most; ``None`` means all
    :param offset: how many Dags to leave out before
    :param session: database session
    :raises UnknownReleaseError: if there is none, or none of its Dags is the caller's to see
    """
    release = session.get(Release, release_id)
    of_release = ReleaseDag.release_id == release_id
    outcomes = session.execute(select(ReleaseDag.dag_id, ReleaseDag.outcome).where(of_release)).all()
    seen = access.readable.among({dag_id for dag_id, _ in outcomes}) if access.readable else None
    shown = {dag_id: outcome for dag_id, outcome in outcomes if seen is None or dag_id in seen}
    if release is None or (outcomes and not shown):
        raise UnknownReleaseError(
            f"There is no release {release_id!r}. List the releases to find its ID.", release_id=release_id
        )
    ids = sorted(shown)[offset : None if limit is None else offset + limit]
    rows = [
        row
        for page in pages(ids, IDS_AT_ONCE)
        for row in session.scalars(select(ReleaseDag).where(of_release, ReleaseDag.dag_id.in_(page)))
    ]
    report, _ = without_hidden(report_of(release, rows), access, session=session)
    status = status_of(release.rolled_back_by, release.effective_from, counted(outcome for _, outcome in outcomes))
    return ReadRelease(report, counted(shown.values()), len(outcomes) - len(shown), status)
