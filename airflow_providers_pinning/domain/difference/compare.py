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
"""Compare two versions of a Dag."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.dag_model.asset_conflicts import conflicts_of
from airflow_providers_pinning.domain.difference.assets import AssetChange, assets_of, compare_assets
from airflow_providers_pinning.domain.difference.dag_files import SourceChange, compare_sources
from airflow_providers_pinning.domain.difference.files import FilesComparison, compare_commits, compare_files
from airflow_providers_pinning.domain.difference.schedule import ScheduleChange, compare_schedules
from airflow_providers_pinning.domain.difference.stored import StoredVersion, read_stored
from airflow_providers_pinning.domain.difference.tasks import TaskChanges, compare_tasks, groups_of, params_of, tasks_of
from airflow_providers_pinning.domain.difference.values import FieldChange, field_changes
from airflow_providers_pinning.domain.errors import UnknownVersionError
from airflow_providers_pinning.domain.files.commits import CommitsBetween
from airflow_providers_pinning.domain.versions.expected import check_same
from airflow_providers_pinning.domain.versions.identity import (
    VersionIdentity,
    find_version,
    latest_identity,
    pinned_identity,
    require_dag,
)
from airflow_providers_pinning.models import Pin

LIMITS = ("max_active_runs", "max_active_tasks", "max_consecutive_failed_dag_runs", "dagrun_timeout")
_NOT_OTHER = frozenset(
    {
        *LIMITS,
        # Where, and under which name, it was parsed.
        *("dag_id", "fileloc", "_processor_dags_folder"),
        # Compared separately, or derived from fields that are.
        *("tasks", "task_group", "params", "timetable", "timezone", "start_date", "end_date", "catchup"),
        *("dag_dependencies", "default_args"),
    }
)


@dataclass(frozen=True)
class VersionDifference:
    """All differences between two versions of a Dag."""

    dag_id: str
    from_version: VersionIdentity
    to_version: VersionIdentity
    identical: bool
    """Whether new runs would certainly be the same: nothing below differs, and the code is of the same commit."""
    tasks: TaskChanges
    schedule: ScheduleChange
    params: tuple[FieldChange, ...]
    limits: tuple[FieldChange, ...]
    assets: tuple[AssetChange, ...]
    other: tuple[FieldChange, ...]
    source: SourceChange
    files: FilesComparison
    commits: CommitsBetween
    warnings: tuple[str, ...] = ()
    """Side effects of making the other version active, by asset and Dag."""


def choose_versions(
    dag_id: str,
    *,
    from_version: int | None = None,
    to_version: int | None = None,
    expected_dag_hash: str | None = None,
    expected_bundle_version: str | None = None,
    session: Session,
) -> tuple[VersionIdentity, VersionIdentity]:
    """
    Find the versions to compare.

    :param dag_id: the Dag
    :param from_version: number of the one version; the active one if not given
    :param to_version: number of the other one; the latest if not given
    :param expected_dag_hash: required hash of the other version, if any
    :param expected_bundle_version: required commit of the other version, if any
    :param session: database session
    :raises UnknownDagError: if there is no such Dag
    :raises UnknownVersionError: if there is no such version
    :raises VersionDriftedError: if the other version has another hash or commit
    """
    require_dag(dag_id, session=session)
    latest = latest_identity(dag_id, session=session)
    if from_version is None and (pinned := pinned_identity(session.get(Pin, dag_id))):
        from_version = pinned.version_number
    before, after = (
        find_version(dag_id, version_number=number, session=session) if number is not None else latest
        for number in (from_version, to_version)
    )
    if before is None or after is None:
        raise UnknownVersionError(f"Dag {dag_id!r} has no registered version. Wait until it is parsed.", dag_id=dag_id)
    check_same(dag_id, after, dag_hash=expected_dag_hash, bundle_version=expected_bundle_version)
    return before, after


def compare_versions(
    dag_id: str,
    *,
    from_version: int | None = None,
    to_version: int | None = None,
    now: datetime | None = None,
    session: Session,
) -> VersionDifference:
    """
    Compare two versions of a Dag.

    :param dag_id: the Dag
    :param from_version: number of the one version; the active one if not given
    :param to_version: number of the other one; the latest if not given
    :param now: the current time
    :param session: database session
    :raises UnknownDagError: if there is no such Dag
    :raises UnknownVersionError: if there is no such version
    """
    before, after = choose_versions(dag_id, from_version=from_version, to_version=to_version, session=session)
    return compare(dag_id, before, after, now=now, session=session)


def compare(
    dag_id: str,
    before: VersionIdentity,
    after: VersionIdentity,
    *,
    with_code: bool = True,
    now: datetime | None = None,
    session: Session,
) -> VersionDifference:
    """
    Compare two versions that :func:`choose_versions` found.

    :param with_code: whether to include what only the source code shows: the code, and operator-specific arguments
    """
    old = read_stored(dag_id, before, session=session)
    new = read_stored(dag_id, after, session=session) if before != after else old
    old_tasks, new_tasks = tasks_of(old), tasks_of(new)
    tasks = compare_tasks(old_tasks, new_tasks, with_code=with_code)
    now = now or datetime.now(timezone.utc)
    schedule = compare_schedules(dag_id, old, new, with_code=with_code, now=now, session=session)
    params = field_changes(params_of(old.dag.get("params")), params_of(new.dag.get("params")))
    limits = field_changes(_limits(old), _limits(new))
    assets = compare_assets(assets_of(old, old_tasks), assets_of(new, new_tasks))
    other = _compare_other(old, new, with_code=with_code)
    files = compare_files(before, after, with_code=with_code, session=session)
    source = compare_sources(before, after, with_code=with_code, with_modules=files.note is None, session=session)
    return VersionDifference(
        dag_id=dag_id,
        from_version=before,
        to_version=after,
        identical=source.same_code and not (tasks or schedule.changed or params or limits or assets or other),
        tasks=tasks,
        schedule=schedule,
        params=params,
        limits=limits,
        assets=assets,
        other=other,
        source=source.change,
        files=files,
        commits=compare_commits(before, after, session=session),
        warnings=conflicts_of(after, dag_id=dag_id, session=session),
    )


def _limits(version: StoredVersion) -> dict[str, Any]:
    return {name: version.dag.get(name) for name in LIMITS}


def _compare_other(old: StoredVersion, new: StoredVersion, *, with_code: bool) -> tuple[FieldChange, ...]:
    before, after = _other(old), _other(new)
    hidden = () if with_code else {name for name in {*before, *after} if _only_in_code(name)}
    return field_changes(before, after, hidden=hidden)


def _only_in_code(name: str) -> bool:
    return name == "deadline" or name.startswith("default_args.") or name.endswith(".expand_input")


def _other(version: StoredVersion) -> dict[str, Any]:
    """Return the remaining fields (no tasks, schedule, params, limits or assets), one level deep."""
    found = {name.removeprefix("_"): value for name, value in version.dag.items() if name not in _NOT_OTHER}
    found["tags"] = sorted(found.get("tags") or [])
    found |= {f"default_args.{name}": value for name, value in (version.dag.get("default_args") or {}).items()}
    for group, properties in groups_of(version).items():
        found |= {f"task_groups.{group}.{name}": value for name, value in properties.items()}
    return found
