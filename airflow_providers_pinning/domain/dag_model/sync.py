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
The active scheduling metadata of a Dag.

Airflow keeps the serialized Dags of all versions apart from ``DagModel``, the one row a Dag that the
scheduler works from: schedule, next run, limits, tags, asset references, bundle version. This module
writes that row from the active version instead of the latest one, through Airflow's own
``SerializedDAG.bulk_write_to_db``.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from airflow.models.dag import DagModel
from airflow.models.dagbag import DagPriorityParsingRequest
from airflow.models.dagbundle import DagBundleModel
from airflow.serialization.definitions.dag import SerializedDAG
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.dag_model.head import Head, HeadStatus
from airflow_providers_pinning.domain.dag_model.stored_dags import ActiveVersion, active_serialized_dag, as_parsed
from airflow_providers_pinning.domain.versions.identity import VersionIdentity
from airflow_providers_pinning.models import Pin


def sync_dag_model(dag_id: str, *, session: Session) -> bool:
    """
    Write the active version's schedule, limits, assets, tags and bundle version into ``DagModel``.

    The caller holds the lock on the ``DagModel`` row.

    :return: False if nothing was written, because no version can be honored
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
    """Write a version's metadata into ``DagModel``; the caller holds the row's lock and knows that it is active."""
    bulk_write([active], session=session)


def bulk_write(active: Sequence[ActiveVersion], *, session: Session) -> None:
    """Do what :func:`write_dag_model` does for several Dags."""
    first = active[0]
    # Each Dag's own bundle is written by the patch of ``update_dags``.
    SerializedDAG.bulk_write_to_db(first.bundle_name or "", first.bundle_version, active, session=session)
    session.flush()


def wait_for_head(dag_id: str, latest: VersionIdentity, head: Head, *, session: Session) -> tuple[str, ...]:
    """
    Keep a Dag without runs until its file is parsed, if HEAD does not define it as far as is known.

    The file may be gone or broken there. Airflow marks such Dags stale when it fetches the commit, which it has
    done while they were pinned, so nothing would mark them now.

    :param dag_id: the Dag
    :param latest: its latest version
    :param head: what is known of it at HEAD
    :param session: session of the transaction that unpins it
    :return: what to tell the caller
    """
    version = session.scalar(select(DagBundleModel.version).where(DagBundleModel.name == latest.bundle_name))
    if head.status == HeadStatus.DEFINED and (version is None or version == latest.bundle_version):
        return ()
    session.get_one(DagModel, dag_id).is_stale = True
    session.flush()
    if head.status != HeadStatus.DEFINED:
        return (f"Dag {dag_id!r} gets no runs from now on: {head.message}",)
    return (
        f"Bundle {latest.bundle_name!r} is at {version}, which did not register Dag {dag_id!r} (yet): its file may be "
        "gone or broken there. The Dag gets no runs until the dag processor has parsed the file, which is asked for.",
    )


def request_parse(version: VersionIdentity, *, session: Session) -> None:
    """Ask the dag processor to parse the version's file with priority."""
    if not version.bundle_name or not version.relative_fileloc:
        return
    with contextlib.suppress(IntegrityError), session.begin_nested():
        # The request's primary key is a hash of the file: asking twice is refused by the database.
        session.add(
            DagPriorityParsingRequest(bundle_name=version.bundle_name, relative_fileloc=version.relative_fileloc)
        )
