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
The commits of a bundle in order, and which version of a Dag was current at each.

Airflow only keeps the last commit of a Dag version, because a commit that does not change the Dag moves its latest
version. The recorded order of commits, with one row per commit, shows which version a Dag had at an earlier commit.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from functools import cache

from airflow.models.dag_version import DagVersion
from airflow.models.dagcode import DagCode
from airflow.models.serialized_dag import SerializedDagModel
from sqlalchemy import ColumnElement, Select, bindparam, delete, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.errors import UnknownVersionError
from airflow_providers_pinning.domain.versions.broken_files import FileProblem, problems_since
from airflow_providers_pinning.domain.versions.identity import VersionIdentity, find_version, identity_of, require_dag
from airflow_providers_pinning.domain.versions.parsed_commits import was_parsed
from airflow_providers_pinning.models import BrokenFile, BundleVersion
from airflow_providers_pinning.vocabulary import Registration

KEPT = 10_000
"""Number of commits of a bundle to keep. Older ones are deleted as new ones arrive."""


@dataclass(frozen=True)
class CommitStatus:
    """The status of a commit for one Dag."""

    dag_id: str
    bundle_name: str | None
    bundle_version: str
    """The requested commit."""
    registration: Registration
    seen_at: datetime | None
    """When a dag processor first had the commit."""
    version: VersionIdentity | None
    """The version that was current at the commit; if it was overtaken, the first one that includes it."""
    broken_files: tuple[FileProblem, ...] = ()
    """If the status is broken, the Dag's files with an import error."""

    @property
    def moved(self) -> bool:
        """Whether the version now has the code of a later commit."""
        return self.version is not None and self.version.bundle_version != self.bundle_version

    @property
    def remedy(self) -> str | None:
        """The remedy for a commit that will never be registered."""
        if self.registration == Registration.ABSENT:
            return (
                f"A dag processor has parsed all files of bundle {self.bundle_name!r} at this commit, and none "
                "defines the Dag, so waiting does not help. Use a commit that defines it."
            )
        if self.registration != Registration.BROKEN:
            return None
        listed = "; ".join(f"{problem.relative_fileloc!r} ({problem.message})" for problem in self.broken_files)
        return (
            "A dag processor has the commit, but the Dag's file has an import error there, so waiting does not "
            f"help: {listed}. Fix it and use the commit with the fix, or a registered version."
        )


def note_bundle_version(bundle_name: str, bundle_version: str, *, before: str | None = None, session: Session) -> None:
    """
    Record that a bundle is at a commit. A commit that is already recorded keeps its position.

    If the bundle went back to it, later commits are deleted, because what is parsed from now on says nothing about
    them.

    :param bundle_name: name of the bundle
    :param bundle_version: its version, such as a commit
    :param before: its previous commit, as far as this dag processor knows
    :param session: database session; the caller commits
    """
    here = BundleVersion.bundle_name == bundle_name
    places = dict(
        session.execute(
            select(BundleVersion.bundle_version, BundleVersion.id).where(
                here, BundleVersion.bundle_version.in_({bundle_version, before or bundle_version})
            )
        ).all()
    )
    if (place := places.get(bundle_version)) is not None:
        if places.get(before or bundle_version, 0) > place:
            _forget(here & (BundleVersion.id > place), session=session)
        return
    try:
        with session.begin_nested():
            session.add(BundleVersion(bundle_name=bundle_name, bundle_version=bundle_version))
    except IntegrityError:
        # Another dag processor has just recorded it.
        return
    oldest = select(BundleVersion.id).where(here).order_by(BundleVersion.id.desc()).offset(KEPT).limit(1)
    forgotten = session.scalar(oldest)
    if forgotten is not None:
        _forget(here & (BundleVersion.id <= forgotten), session=session)


def newest_commit(bundle_name: str, *, session: Session) -> str | None:
    """Return the last recorded commit of a bundle."""
    return session.scalar(
        select(BundleVersion.bundle_version)
        .where(BundleVersion.bundle_name == bundle_name)
        .order_by(BundleVersion.id.desc())
        .limit(1)
    )


def _forget(commits: ColumnElement[bool], *, session: Session) -> None:
    session.execute(
        delete(BrokenFile)
        .where(BrokenFile.bundle_version_id.in_(select(BundleVersion.id).where(commits)))
        .execution_options(synchronize_session=False)
    )
    session.execute(delete(BundleVersion).where(commits))


def commit_status(dag_id: str, bundle_version: str, *, session: Session) -> CommitStatus:
    """
    Return the status of a commit for a Dag, and its version.

    :param dag_id: the Dag
    :param bundle_version: full hash of the commit
    :param session: database session
    :raises UnknownDagError: if there is no such Dag
    """
    require_dag(dag_id, session=session)
    bundle_name = session.scalar(_newest_bundle(), {"dag_id": dag_id})
    # Read before the versions: whatever is parsed now is already registered.
    seen = session.execute(_seen(), {"bundle_name": bundle_name, "bundle_version": bundle_version}).one_or_none()

    seen_at = seen.seen_at if seen else None

    def status(
        registration: Registration,
        version: VersionIdentity | None = None,
        problems: tuple[FileProblem, ...] = (),
    ) -> CommitStatus:
        return CommitStatus(dag_id, bundle_name, bundle_version, registration, seen_at, version, problems)

    try:
        return status(Registration.REGISTERED, find_version(dag_id, bundle_version=bundle_version, session=session))
    except UnknownVersionError:
        if seen is None:
            return status(Registration.UNSEEN)
    later = session.execute(_first_later(), {"dag_id": dag_id, "bundle_name": bundle_name, "asked": seen.id}).first()
    is_parsed = seen.parsed_at is not None
    # As long as no later commit registered a version, an import error at one of them shows that waiting does not help.
    if problems := problems_since(dag_id, seen.id, only_there=is_parsed or later is not None, session=session):
        return status(Registration.BROKEN, problems=problems)
    if later is None:
        return status(Registration.ABSENT if is_parsed else Registration.WAITING)
    version = identity_of(later.id, session=session)
    is_unchanged = max(later.structure_written_at, later.source_written_at) < later.overtaken_at
    fileloc = version.relative_fileloc if version else None
    was_current = is_unchanged and was_parsed(is_parsed, seen.unparsed, fileloc)
    return status(Registration.REGISTERED if was_current else Registration.OVERTAKEN, version)


def version_at_commit(dag_id: str, bundle_version: str, *, session: Session) -> tuple[VersionIdentity, tuple[str, ...]]:
    """
    Find the version of a Dag that was current at a commit.

    :return: the version, and warnings about it
    :raises UnknownDagError: if there is no such Dag
    :raises UnknownVersionError: if there was none, with the reason and the remedy
    """
    found = commit_status(dag_id, bundle_version, session=session)
    version = found.version
    if found.registration == Registration.REGISTERED and version is not None:
        if not found.moved:
            return version, ()
        return version, (
            f"Commit {bundle_version} registered version {version.version_number} of Dag {dag_id!r}. Later commits "
            f"did not change the Dag's file or structure and moved the version to {version.bundle_version}, whose "
            "code its runs use.",
        )
    raise UnknownVersionError(
        f"Dag {dag_id!r} has no registered version with bundle_version {bundle_version!r}. "
        f"{found.remedy or _remedy(found)}",
        dag_id=dag_id,
        bundle_version=bundle_version,
        registration=found.registration.value,
        version_number=version and version.version_number,
        broken_files=[asdict(problem) for problem in found.broken_files],
    )


def _remedy(found: CommitStatus) -> str:
    if found.registration == Registration.WAITING:
        return "A dag processor has the commit and will parse the Dag file: wait for it (airflow pinning wait)."
    if found.registration == Registration.OVERTAKEN and found.version:
        return (
            f"Commit {found.version.bundle_version} overtook this one before the Dag file was parsed, or changed "
            f"the Dag, so its content at this commit is not registered. Version {found.version.version_number} "
            "includes both: use its number if that is what you want."
        )
    return (
        f"No dag processor has seen this commit of bundle {found.bundle_name!r}: give its full hash, and wait "
        "until it is fetched (airflow pinning wait)."
    )


@cache
def _newest_bundle() -> Select:
    return (
        select(DagVersion.bundle_name)
        .where(DagVersion.dag_id == bindparam("dag_id"))
        .order_by(DagVersion.version_number.desc())
        .limit(1)
    )


@cache
def _seen() -> Select:
    return select(BundleVersion.id, BundleVersion.seen_at, BundleVersion.parsed_at, BundleVersion.unparsed).where(
        BundleVersion.bundle_name == bindparam("bundle_name"),
        BundleVersion.bundle_version == bindparam("bundle_version"),
    )


@cache
def _first_later() -> Select:
    """
    Select the oldest version of a Dag whose last commit is later than the requested one.

    It was current at the requested commit if neither its structure nor its source was written after the next commit.
    """
    overtaken_at = (
        select(func.min(BundleVersion.seen_at))
        .where(BundleVersion.bundle_name == bindparam("bundle_name"), BundleVersion.id > bindparam("asked"))
        .scalar_subquery()
    )
    return (
        select(
            DagVersion.id,
            SerializedDagModel.last_updated.label("structure_written_at"),
            DagCode.last_updated.label("source_written_at"),
            overtaken_at.label("overtaken_at"),
        )
        .join(SerializedDagModel, SerializedDagModel.dag_version_id == DagVersion.id)
        .join(DagCode, DagCode.dag_version_id == DagVersion.id)
        .join(
            BundleVersion,
            (BundleVersion.bundle_name == DagVersion.bundle_name)
            & (BundleVersion.bundle_version == DagVersion.bundle_version),
        )
        .where(
            DagVersion.dag_id == bindparam("dag_id"),
            DagVersion.bundle_name == bindparam("bundle_name"),
            BundleVersion.id > bindparam("asked"),
        )
        .order_by(DagVersion.version_number)
        .limit(1)
    )
