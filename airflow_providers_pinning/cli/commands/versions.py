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
"""Versions of a Dag: list, evaluate, reject, restore and repair."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from typing import Protocol

from airflow.utils.session import create_session
from sqlalchemy.orm import Session

from airflow_providers_pinning.cli.change import Effect, make_change
from airflow_providers_pinning.cli.command import CommandError, changes, shows
from airflow_providers_pinning.cli.json_form import plain
from airflow_providers_pinning.cli.lists import show_list
from airflow_providers_pinning.cli.output import show
from airflow_providers_pinning.cli.waiting import look_until
from airflow_providers_pinning.cli.wording import Row, properties
from airflow_providers_pinning.domain.changes import review
from airflow_providers_pinning.domain.changes.version_repair import repair_version
from airflow_providers_pinning.domain.history.events import Change
from airflow_providers_pinning.domain.monitoring.release_state import ReleaseState
from airflow_providers_pinning.domain.monitoring.version_list import VersionSummary, list_versions
from airflow_providers_pinning.domain.versions.bundle_versions import CommitStatus, commit_status
from airflow_providers_pinning.domain.versions.identity import (
    VersionIdentity,
    find_version,
    latest_identity,
)
from airflow_providers_pinning.schemas.versions import RegistrationResponse
from airflow_providers_pinning.vocabulary import ExitCode, Registration


@shows
def pinning_versions(args: Namespace) -> None:
    """List the registered versions."""
    with create_session(scoped=False) as session:
        listed, total = list_versions(args.dag_id, limit=args.limit, offset=args.offset, session=session)
    show_list(args, [plain(version) for version in listed], [_version_row(version) for version in listed], total)


@shows
def pinning_wait(args: Namespace) -> None:
    """Wait for a commit to be registered, and exit with the code of the result."""
    seen = look_until(
        lambda found: found.registration not in (Registration.UNSEEN, Registration.WAITING),
        lambda session: commit_status(args.dag_id, args.bundle_version, session=session),
        timeout=args.timeout,
    )
    version = seen.version
    if seen.registration == Registration.BROKEN:
        raise CommandError(ExitCode.BROKEN, f"broken: {seen.remedy}")
    if seen.registration == Registration.ABSENT:
        raise CommandError(ExitCode.NOT_FOUND, f"absent: {seen.remedy}")
    if seen.registration == Registration.OVERTAKEN and version and not args.overtaken_ok:
        raise CommandError(
            ExitCode.REFUSED,
            f"overtaken: commit {version.bundle_version} was parsed instead of {args.bundle_version}, or changed "
            f"the Dag after it. Version {version.version_number} includes both: use --overtaken-ok to accept it.",
        )
    if version is None:
        raise CommandError(
            ExitCode.PROGRESSING,
            f"{seen.registration.value}: after {args.timeout:g} seconds "
            + (
                "the dag processor has the commit, but has not parsed the Dag file since."
                if seen.registration == Registration.WAITING
                else f"no dag processor has seen this commit of bundle {seen.bundle_name!r}. Use its full hash."
            ),
        )
    told = RegistrationResponse.model_validate(seen, from_attributes=True).model_dump(mode="json")
    show(args.output, told, properties(_registration_row(seen, version)))


@changes
def pinning_candidate(args: Namespace) -> None:
    """Mark a version as a candidate."""

    def also(effect: Effect) -> str:
        number = effect.about and effect.about.version_number
        if effect.after.warnings:
            return f"Version {number} becomes a candidate."
        return f"Version {number} will no longer change, whatever is committed."

    make_change(
        args,
        lambda change, session: review.add_candidate(args.dag_id, args.version_number, change, session=session),
        about=_named(args),
        also=also,
    )


@changes
def pinning_reject(args: Namespace) -> None:
    """Reject a version so that it cannot be pinned."""
    _judge(args, review.reject, "cannot be pinned until it is restored")


@changes
def pinning_restore(args: Namespace) -> None:
    """Allow a rejected version to be pinned again."""
    _judge(args, review.restore, "can be pinned again")


@changes
def pinning_repair(args: Namespace) -> None:
    """Restore the recorded content of a version."""
    _judge(args, repair_version, "gets its recorded content back")


class _Judgement(Protocol):
    """A change about one version of a Dag."""

    def __call__(self, dag_id: str, version_number: int, change: Change, *, session: Session) -> ReleaseState: ...


def _judge(args: Namespace, judge: _Judgement, outcome: str) -> None:
    """
    Make a change about the version that the command names.

    :param outcome: what becomes of the version, to follow its number
    """
    make_change(
        args,
        lambda change, session: judge(args.dag_id, args.version_number, change, session=session),
        about=_named(args),
        also=lambda effect: f"Version {args.version_number} {outcome}.",
    )


def _named(args: Namespace) -> Callable[[Session], VersionIdentity | None]:
    """Return a function that finds the version that the command names, or the latest one."""
    if args.version_number is None:
        return lambda session: latest_identity(args.dag_id, session=session)
    return lambda session: find_version(args.dag_id, version_number=args.version_number, session=session)


def _version_row(version: VersionSummary) -> Row:
    identity = version.identity
    return {
        "version": identity.version_number,
        "bundle": identity.bundle_name,
        "bundle_version": identity.bundle_version,
        "active": version.is_active,
        "latest": version.is_latest,
        "state": version.state,
        "code": _code(version),
        "runs": [f"{count} {state}" for state, count in sorted(version.run_counts.items())],
        "created_at": version.created_at,
        "state_reason": version.state_reason,
        "equals_rejected": version.equals_rejected,
        "related": _RELATED[version.related_to_active],
        "commit": _commit(version),
    }


def _registration_row(seen: CommitStatus, version: VersionIdentity) -> Row:
    return {
        "dag_id": seen.dag_id,
        "bundle": seen.bundle_name,
        "commit": seen.bundle_version,
        "registration": seen.registration.value,
        "seen_at": seen.seen_at,
        "version": version.version_number,
        "code": version.bundle_version,
        "dag_hash": version.dag_hash,
    }


_RELATED = {True: "yes", False: "no", None: "unknown"}
"""Whether a version differs from the active one in anything related to the Dag."""


def _commit(version: VersionSummary) -> str | None:
    """Return the first line of the commit message, and the author."""
    return version.commit.summary if version.commit else None


def _code(version: VersionSummary) -> str | None:
    """Return whether the code is available, and from where, or why not."""
    where = version.code_problem or version.code_ref or version.code_source
    return f"{version.code_state} ({where})" if where else version.code_state
