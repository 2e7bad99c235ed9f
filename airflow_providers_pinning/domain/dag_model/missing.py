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
Find pinned Dags that no file at HEAD defines anymore.

In Airflow, such Dags become stale, but pinned ones do not. So the files seen by the dag processor are compared with
pinned Dags that were not parsed recently.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from pathlib import PurePath
from typing import Any

from airflow._shared.timezones import timezone
from airflow.configuration import conf as airflow_conf
from airflow.models.dag import DagModel
from sqlalchemy import Select, bindparam, select, update
from sqlalchemy.orm import Session

from airflow_providers_pinning import conf
from airflow_providers_pinning.domain.dag_model.head import errors_of
from airflow_providers_pinning.domain.versions.identity import VersionIdentity, newest_identities
from airflow_providers_pinning.models import Pin

log = logging.getLogger(__name__)

LOOKED_AT_A_ROUND = 500
"""Maximum number of Dags, not parsed recently, that one round checks."""


@dataclass
class Seen:
    """The files of its bundles that a dag processor has seen."""

    listed: dict[str, frozenset[str]] = field(default_factory=dict)
    """The files of each bundle at its last refresh."""
    parsed: Mapping[tuple[str, str], datetime | None] = field(default_factory=dict)
    """When each file, by bundle and path, was last parsed."""


seen = Seen()
"""The files that the dag processor of this process has seen."""


def note_missing(after: str | None = None, *, session: Session) -> str | None:
    """
    Record which pinned Dags no file at HEAD defines anymore, as far as this dag processor has seen.

    :param after: the Dag after which to continue
    :param session: database session
    :return: the Dag after which the next round continues; ``None`` if it starts over
    """
    interval = timedelta(seconds=conf.maintenance_interval())
    usual = timedelta(seconds=2 * airflow_conf.getfloat("dag_processor", "min_file_process_interval"))
    asked = {"after": after or "", "parsed_before": timezone.utcnow() - max(interval, usual)}
    rows = session.execute(_not_parsed_of_late(), asked).all()
    latest = newest_identities([row.dag_id for row in rows], session=session)
    places = {dag_id: (one.bundle_name, one.relative_fileloc) for dag_id, one in latest.items()}
    suspected = [
        row.dag_id for row in rows if row.dag_id in latest and _is_missing(latest[row.dag_id], row.last_parsed_time)
    ]
    # What a broken file would define is unknown.
    broken = errors_of({places[dag_id] for dag_id in suspected}, session=session)
    if missing := [dag_id for dag_id in suspected if places[dag_id] not in broken]:
        log.warning("No file at HEAD defines these pinned Dags any more: %s", ", ".join(missing))
        session.execute(
            update(Pin)
            .where(Pin.dag_id.in_(missing), Pin.head_missing_at.is_(None))
            .values(head_missing_at=timezone.utcnow())
            .execution_options(synchronize_session=False)
        )
    return rows[-1].dag_id if len(rows) == LOOKED_AT_A_ROUND else None


@cache
def _not_parsed_of_late() -> Select:
    return (
        select(Pin.dag_id, DagModel.last_parsed_time)
        .join(DagModel, DagModel.dag_id == Pin.dag_id)
        .where(
            Pin.dag_version_id.is_not(None),
            Pin.head_missing_at.is_(None),
            Pin.dag_id > bindparam("after"),
            DagModel.last_parsed_time < bindparam("parsed_before"),
        )
        .order_by(Pin.dag_id)
        .limit(LOOKED_AT_A_ROUND)
    )


def _is_missing(latest: VersionIdentity, parsed_at: datetime) -> bool:
    """Return whether the file that last defined a Dag is gone, or has been parsed since without the Dag."""
    bundle_name, fileloc = latest.bundle_name or "", latest.relative_fileloc or ""
    if (listed := seen.listed.get(bundle_name)) is None:
        return False
    if fileloc not in listed:
        return True
    # A file inside a zip archive is parsed with the archive.
    finished = seen.parsed.get((bundle_name, fileloc)) or seen.parsed.get((bundle_name, str(PurePath(fileloc).parent)))
    threshold = timedelta(seconds=airflow_conf.getint("dag_processor", "stale_dag_threshold"))
    return finished is not None and parsed_at + threshold < finished


def note_listed(bundle_name: str, filelocs: Collection[str]) -> None:
    """Remember the files of a bundle that was just refreshed."""
    seen.listed[bundle_name] = frozenset(filelocs)


def note_parsed(last_parsed: Mapping[Any, datetime | None]) -> None:
    """Remember when files were last parsed, from Airflow's own statistics of each."""
    seen.parsed = {(file.bundle_name, str(file.rel_path)): moment for file, moment in last_parsed.items()}
