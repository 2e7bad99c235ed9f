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
import zipfile
from collections.abc import Collection, Iterable
from datetime import timedelta
from itertools import groupby
from pathlib import Path

from airflow._shared.timezones import timezone
from airflow.dag_processing.bundles.manager import DagBundlesManager
from sqlalchemy import Select, and_, or_, select
from sqlalchemy.orm import Session

from airflow_providers_pinning import conf
from airflow_providers_pinning.models import ManagedVersion

log = logging.getLogger(__name__)

RETRY_MISSING = timedelta(seconds=60)
"""How soon code that could not be had is looked for again: its remote may have been down."""

CHECKS_A_ROUND = 100


def _due(bundle_names: Collection[str]) -> Select:
    now = timezone.utcnow()
    return (
        select(ManagedVersion)
        .where(
            ManagedVersion.bundle_name.in_(bundle_names),
            ManagedVersion.bundle_version.is_not(None),
            or_(
                ManagedVersion.code_checked_at.is_(None),
                ManagedVersion.code_checked_at < now - timedelta(seconds=conf.code_check_interval()),
                and_(ManagedVersion.code_state == "missing", ManagedVersion.code_checked_at < now - RETRY_MISSING),
            ),
        )
        .order_by(
            ManagedVersion.code_checked_at.is_not(None),
            ManagedVersion.code_checked_at,
            ManagedVersion.bundle_name,
            ManagedVersion.bundle_version,
        )
        .limit(CHECKS_A_ROUND)
    )


def is_check_due(bundle_names: Collection[str], *, session: Session) -> bool:
    """Tell whether a managed version of these bundles is to be checked."""
    return session.scalar(_due(bundle_names).limit(1)) is not None


def check_code(bundle_names: Collection[str], *, session: Session) -> int:
    """
    Fetch the code of every managed version that is due, and note the outcome of each.

    :param bundle_names: the bundles that this host has
    :param session: database session; committed after each bundle version
    :return: the number of versions that were checked
    """
    due = sorted(session.scalars(_due(bundle_names)), key=_place)
    for (bundle_name, bundle_version), group in groupby(due, key=_place):
        checked = list(group)
        missing = _missing_files(bundle_name, bundle_version, {v.relative_fileloc for v in checked})
        for version in checked:
            problem = missing.get(version.relative_fileloc)
            version.code_state = "missing" if problem else "available"
            version.code_message = problem
            version.code_checked_at = timezone.utcnow()
        session.commit()
    return len(due)


def _place(version: ManagedVersion) -> tuple[str, str]:
    return version.bundle_name or "", version.bundle_version or ""


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
