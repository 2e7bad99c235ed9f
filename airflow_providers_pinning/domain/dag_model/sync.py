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
Write the active scheduling metadata of a Dag.

Airflow keeps the serialized Dags of all versions apart from ``DagModel``, the one row per Dag that the scheduler
uses: schedule, next run, limits, tags, asset references, bundle version. This module writes that row from the active
version instead of the latest one, through Airflow's own ``SerializedDAG.bulk_write_to_db``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from airflow.models.dag import DagModel
from airflow.models.dagbag import DagPriorityParsingRequest
from airflow.models.dagbundle import DagBundleModel
from airflow.serialization.definitions.dag import SerializedDAG
from sqlalchemy import select, tuple_, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.dag_model.head import Head, HeadStatus
from airflow_providers_pinning.domain.dag_model.stored_dags import ActiveVersion, active_serialized_dag, as_parsed
from airflow_providers_pinning.domain.versions.identity import VersionIdentity
from airflow_providers_pinning.models import Pin


def sync_dag_model(dag_id: str, *, session: Session) -> bool:
    """
    Write the active version's schedule, limits, assets, tags and bundle version into ``DagModel``.

    The caller has locked the ``DagModel`` row.

    :return: False if nothing was written, because the pin cannot be honored
    :raises VersionUnreadableError: if the active version cannot be deserialized
    """
    serialized = active_serialized_dag(dag_id, session=session)
    if serialized is None:
        return False
    active = as_parsed(serialized)
    active.check_readable()
    pin = session.get(Pin, dag_id)
    active.pinned = pin is not None and pin.dag_version_id is not None
    write_dag_model(active, session=session)
    return True


def write_dag_model(active: ActiveVersion, *, session: Session) -> None:
    """Write the metadata of the active version into ``DagModel``. The caller has locked the row."""
    bulk_write([active], session=session)


def bulk_write(active: Sequence[ActiveVersion], *, session: Session) -> None:
    """Do what :func:`write_dag_model` does for several Dags."""
    first = active[0]
    # The patch of ``update_dags`` writes each Dag's own bundle.
    SerializedDAG.bulk_write_to_db(first.bundle_name or "", first.bundle_version, active, session=session)
    session.flush()


def wait_for_heads(
    latest: Mapping[str, tuple[VersionIdentity, Head]], *, session: Session
) -> dict[str, tuple[str, ...]]:
    """
    Mark Dags as stale that HEAD does not define as far as is known, so they get no runs until their files are parsed.

    Their files may be gone or broken there. Airflow marks such Dags as stale when it fetches the commit. That happened
    while they were pinned, so nothing would mark them now.

    :param latest: the latest version and its state at HEAD, by Dag
    :param session: session of the transaction that unpins them
    :return: warnings for the caller, by Dag
    """
    if not latest:
        return {}
    names = {version.bundle_name for version, _ in latest.values()}
    query = select(DagBundleModel.name, DagBundleModel.version).where(DagBundleModel.name.in_(names))
    bundles = {row.name: row.version for row in session.execute(query)}
    told: dict[str, tuple[str, ...]] = {}
    for dag_id, (version, head) in latest.items():
        present = bundles.get(version.bundle_name or "")
        if head.status != HeadStatus.DEFINED:
            told[dag_id] = (f"Dag {dag_id!r} gets no more runs: {head.message}",)
        elif present is not None and present != version.bundle_version:
            told[dag_id] = (
                f"Bundle {version.bundle_name!r} is at {present}, which has not registered Dag {dag_id!r} (yet): "
                "its file may be missing or broken there. The Dag gets no runs until the dag processor has parsed "
                "the file, which has been requested.",
            )
    if told:
        session.execute(update(DagModel).where(DagModel.dag_id.in_(told)).values(is_stale=True))
    return told


def request_parse(version: VersionIdentity, *, session: Session) -> None:
    """Ask the dag processor to parse the version's file with priority."""
    request_parses([version], session=session)


def request_parses(versions: Iterable[VersionIdentity], *, session: Session) -> None:
    """Ask the dag processor to parse the files of versions with priority."""
    files = {(one.bundle_name, one.relative_fileloc) for one in versions if one.bundle_name and one.relative_fileloc}
    if len(files) > 1:
        present = (DagPriorityParsingRequest.bundle_name, DagPriorityParsingRequest.relative_fileloc)
        named = select(*present).where(tuple_(*present).in_(list(files)))
        files -= {(row.bundle_name, row.relative_fileloc) for row in session.execute(named)}
        if _request_files(files, session=session):
            return
    for file in sorted(files):
        _request_files([file], session=session)


def _request_files(files: Collection[tuple[str, str]], *, session: Session) -> bool:
    """Request that files are parsed. If one of them was already requested, request none."""
    requests = [DagPriorityParsingRequest(bundle_name=name, relative_fileloc=path) for name, path in files]
    try:
        with session.begin_nested():
            session.add_all(requests)
    except IntegrityError:
        # A request's primary key is a hash of the file.
        return False
    return True
