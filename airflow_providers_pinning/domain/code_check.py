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
Check that the code of managed versions can be had from their bundles.

The dag processor does so in a process of its own, because fetching a commit may take long and must not delay
parsing; see ``enforcement/code_check.py``.
"""

from __future__ import annotations

import logging
import time
import zipfile
from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import timedelta
from pathlib import Path
from uuid import UUID

from airflow._shared.timezones import timezone
from airflow.dag_processing.bundles.manager import DagBundlesManager
from sqlalchemy import ColumnElement, Select, and_, case, func, or_, select, update
from sqlalchemy.orm import Session

from airflow_providers_pinning import conf
from airflow_providers_pinning.models import ManagedVersion

log = logging.getLogger(__name__)

RETRY_MISSING = timedelta(seconds=60)
"""How soon code that could not be had is looked for again: its remote may have been down."""

CHECKS_A_ROUND = 100
"""How many bundle versions are checked in one round at most."""

SECONDS_A_ROUND = 60.0
"""When a round takes no further bundle version: the next one looks anew for what is most urgent."""

ROWS_A_TRANSACTION = 1000
"""How many managed versions are written at a time, so that a change of one of them does not wait for long."""


def _is_due(bundle_names: Collection[str]) -> tuple[ColumnElement[bool], ...]:
    """Build the conditions of what was never checked, what is missing and what was checked long ago, if it is due."""
    now = timezone.utcnow()
    here = and_(ManagedVersion.bundle_name.in_(bundle_names), ManagedVersion.bundle_version.is_not(None))
    # Each names every column of the index up to the time, so that it finds few of very many versions.
    states = ManagedVersion.code_state.in_(("unknown", "available", "missing"))
    found = ManagedVersion.code_state.in_(("unknown", "available"))
    checked = ManagedVersion.code_checked_at
    return (
        and_(here, states, checked.is_(None)),
        and_(here, ManagedVersion.code_state == "missing", checked < now - RETRY_MISSING),
        and_(here, found, checked < now - timedelta(seconds=conf.code_check_interval())),
    )


def is_check_due(bundle_names: Collection[str], *, session: Session) -> bool:
    """Tell whether a managed version of these bundles is to be checked."""
    never, missing, long_ago = (
        select(ManagedVersion.dag_version_id).where(condition).limit(1).exists() for condition in _is_due(bundle_names)
    )
    return bool(session.scalar(select(or_(never, missing, long_ago))))


def _due(bundle_names: Collection[str]) -> Select:
    """
    Select the bundle versions of a round, in turns: one never checked, one that was missing, one checked long ago.

    However many there are of one kind, none of the others waits for them.
    """
    never, missing, long_ago = _is_due(bundle_names)
    kind = func.min(case((never, 0), (missing, 1), else_=2)).label("kind")
    places = (
        select(
            ManagedVersion.bundle_name,
            ManagedVersion.bundle_version,
            kind,
            func.min(ManagedVersion.code_checked_at).label("checked_at"),
        )
        .where(or_(never, missing, long_ago))
        .group_by(ManagedVersion.bundle_name, ManagedVersion.bundle_version)
        .subquery()
    )
    turn = func.row_number().over(
        partition_by=places.c.kind, order_by=(places.c.checked_at, places.c.bundle_name, places.c.bundle_version)
    )
    return select(places.c.bundle_name, places.c.bundle_version).order_by(turn, places.c.kind).limit(CHECKS_A_ROUND)


def check_code(bundle_names: Collection[str], *, session: Session) -> int:
    """
    Fetch the code of the bundle versions that are due, and note the outcome for each managed version of theirs.

    :param bundle_names: the bundles that this host has
    :param session: database session; committed after each bundle version
    :return: the number of managed versions that were checked
    """
    began = time.monotonic()
    checked = 0
    for bundle_name, bundle_version in session.execute(_due(bundle_names)).all():
        if time.monotonic() - began >= SECONDS_A_ROUND:
            break
        checked += _check(bundle_name, bundle_version, session=session)
    return checked


def _check(bundle_name: str, bundle_version: str, *, session: Session) -> int:
    files: dict[str | None, list[UUID]] = defaultdict(list)
    for version in session.execute(
        select(ManagedVersion.dag_version_id, ManagedVersion.relative_fileloc)
        .where(ManagedVersion.bundle_name == bundle_name, ManagedVersion.bundle_version == bundle_version)
        .order_by(ManagedVersion.dag_version_id)
    ):
        files[version.relative_fileloc].append(version.dag_version_id)
    # Fetching may take long, and nothing is to be held meanwhile.
    session.commit()
    missing = _missing_files(bundle_name, bundle_version, files)
    outcomes: dict[str | None, list[UUID]] = defaultdict(list)
    for fileloc, version_ids in files.items():
        outcomes[missing.get(fileloc)] += version_ids
    for problem, version_ids in outcomes.items():
        _note(problem, version_ids, session=session)
    return sum(map(len, files.values()))


def _note(problem: str | None, version_ids: list[UUID], *, session: Session) -> None:
    for start in range(0, len(version_ids), ROWS_A_TRANSACTION):
        session.execute(
            update(ManagedVersion)
            .where(ManagedVersion.dag_version_id.in_(version_ids[start : start + ROWS_A_TRANSACTION]))
            .values(
                code_state="missing" if problem else "available",
                code_message=problem,
                code_checked_at=timezone.utcnow(),
            )
        )
        session.commit()


def _missing_files(
    bundle_name: str | None, bundle_version: str | None, filelocs: Iterable[str | None]
) -> dict[str | None, str]:
    """Return, for each Dag file that cannot be had, why."""
    try:
        bundle = DagBundlesManager().get_bundle(bundle_name or "", bundle_version)
        bundle.initialize()
    except Exception as error:
        log.exception("The code of bundle %s at %s cannot be had", bundle_name, bundle_version)
        message = f"bundle {bundle_name!r} at {bundle_version}: {error}"
        return dict.fromkeys(filelocs, message)
    return {
        fileloc: f"{fileloc!r} is not in bundle {bundle_name!r} at {bundle_version}"
        for fileloc in filelocs
        if not _exists(bundle.path, fileloc or "")
    }


def _exists(root: Path, fileloc: str) -> bool:
    """Tell whether a Dag file exists, as a file or inside a zip archive."""
    path = root / fileloc
    return path.exists() or any(_is_zipped(path, archive) for archive in path.parents)


def _is_zipped(path: Path, archive: Path) -> bool:
    if not archive.is_file() or not zipfile.is_zipfile(archive):
        return False
    with zipfile.ZipFile(archive) as zipped:
        return path.relative_to(archive).as_posix() in zipped.namelist()
