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
"""Restore a managed version that a process without the enforcement rewrote."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from airflow._shared.timezones import timezone
from airflow.models.dag_version import DagVersion
from airflow.models.dagcode import DagCode
from airflow.models.dagrun import DagRun
from airflow.models.deadline_alert import DeadlineAlert
from airflow.models.serialized_dag import SerializedDagModel
from airflow.utils.state import State
from sqlalchemy import func, null, select, update
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.changes import conditions
from airflow_providers_pinning.domain.changes.pin_row import lock_pin
from airflow_providers_pinning.domain.changes.repeated import answer_if_repeated
from airflow_providers_pinning.domain.dag_model.sync import request_parse, sync_dag_model
from airflow_providers_pinning.domain.errors import ContentNotKeptError, NotManagedError, VersionInUseError
from airflow_providers_pinning.domain.history import events
from airflow_providers_pinning.domain.history.events import Change
from airflow_providers_pinning.domain.monitoring.release_state import ReleaseState, release_state
from airflow_providers_pinning.domain.text import pin_as_it_is_command
from airflow_providers_pinning.domain.versions.expected import is_drifted
from airflow_providers_pinning.domain.versions.identity import (
    VersionIdentity,
    find_version,
    identity_of,
    latest_identity,
)
from airflow_providers_pinning.domain.versions.managed import managed_version
from airflow_providers_pinning.models import ManagedVersion, VersionContent
from airflow_providers_pinning.vocabulary import EventKind

NAMED_RUNS = 10
"""How many of the blocking runs to name."""


def repair_version(dag_id: str, version_number: int, change: Change, *, session: Session) -> ReleaseState:
    """
    Write a managed version again as it was when it came under management.

    Its file is then parsed again, so that what it was rewritten to is registered as a version of its own.
    A version that is as it was is left alone.

    :param dag_id: the Dag
    :param version_number: number of the version
    :param change: who asks, why, and under which conditions; hash and commit are those that the version has now
    :param session: database session; the caller commits
    :raises UnknownVersionError: if there is no such version
    :raises NotManagedError: if it is not managed, so that nothing is known of what it was
    :raises ContentNotKeptError: if what it consisted of is not kept
    :raises VersionInUseError: if unfinished runs use it as it is now
    :raises RevisionConflictError: if the pin is at another revision than the caller expected
    :raises VersionDriftedError: if the version is another than the caller saw
    """
    request = {"action": "repair", "dag_id": dag_id, "version_number": version_number}
    pin = lock_pin(dag_id, session=session)
    if repeated := answer_if_repeated(change, request, session=session):
        return repeated
    version = find_version(dag_id, version_number=version_number, session=session)
    conditions.check_revision(dag_id, pin, change, session=session)
    conditions.check_expected(dag_id, version, change)
    managed = managed_version(version.dag_version_id, session=session)
    if managed is None:
        raise NotManagedError(
            f"Dag {dag_id!r}, {version.label}, is not managed, so its previous content is unknown. Pin it, or make "
            "it a candidate, as it is now.",
            dag_id=dag_id,
            version_number=version_number,
        )
    latest = latest_identity(dag_id, session=session)
    if is_drifted(version, managed):
        _check_unused(dag_id, version, session=session)
        _write(managed, _content(dag_id, version, managed, session=session), session=session)
        # Runs that were created meanwhile had what it was rewritten to.
        managed.evaluated_since = timezone.utcnow()
        was, kind = version.as_dict(), EventKind.REPAIRED
    elif change.idempotency_key:
        was, kind = None, EventKind.CONFIRMED
    else:
        return release_state(dag_id, session=session)
    events.record(
        kind,
        dag_id=dag_id,
        revision=pin.revision,
        change=change,
        request=request,
        from_version=version,
        to_version=identity_of(version.dag_version_id, session=session),
        evidence={"was": was} if was else None,
        session=session,
    )
    sync_dag_model(dag_id, session=session)
    if latest:
        request_parse(latest, session=session)
    return release_state(dag_id, session=session)


def _check_unused(dag_id: str, version: VersionIdentity, *, session: Session) -> None:
    """Refuse if runs that were created since the version was rewritten are under way."""
    rewritten_at = session.execute(
        select(DagVersion.last_updated, SerializedDagModel.last_updated)
        .join(SerializedDagModel, SerializedDagModel.dag_version_id == DagVersion.id)
        .where(DagVersion.id == version.dag_version_id)
    ).one()
    run_ids = session.scalars(
        select(DagRun.run_id)
        .where(
            DagRun.dag_id == dag_id,
            DagRun.created_dag_version_id == version.dag_version_id,
            DagRun.state.in_(State.unfinished_dr_states),
            func.coalesce(DagRun.created_at, DagRun.run_after) >= min(rewritten_at),
        )
        .order_by(DagRun.id)
        .limit(NAMED_RUNS)
    ).all()
    if run_ids:
        raise VersionInUseError(
            f"Runs of Dag {dag_id!r} use version {version.version_number} as it is now: {', '.join(run_ids)}. Wait "
            "until they finish, or mark them as failed.",
            dag_id=dag_id,
            version_number=version.version_number,
            run_ids=list(run_ids),
        )


def _content(dag_id: str, version: VersionIdentity, managed: ManagedVersion, *, session: Session) -> VersionContent:
    content = session.get(VersionContent, version.dag_version_id)
    if content is None or content.dag_hash != managed.dag_hash:
        why = "its content was rewritten before it could be stored"
    elif not _has_its_deadlines(content, session=session):
        why = "the deadlines that it refers to were deleted by the rewrite"
    else:
        return content
    as_it_is = pin_as_it_is_command(
        dag_id, version.version_number, dag_hash=version.dag_hash, bundle_version=version.bundle_version
    )
    raise ContentNotKeptError(
        f"Dag {dag_id!r}, {version.label}, cannot be repaired: {why}. Pin another version, or pin it as it is now, "
        f"with an override_reason and its current hash and commit: {as_it_is}",
        dag_id=dag_id,
        version_number=version.version_number,
        dag_hash=version.dag_hash,
        bundle_version=version.bundle_version,
    )


def _has_its_deadlines(content: VersionContent, *, session: Session) -> bool:
    """Return whether the rows of its deadlines are there, which the serialized Dag only refers to."""
    data: Mapping[str, Any] = (
        json.loads(zlib.decompress(content.data_compressed)) if content.data_compressed else content.data or {}
    )
    references = [UUID(str(reference)) for reference in data.get("dag", {}).get("deadline") or ()]
    if not references:
        return True
    found = session.scalar(select(func.count()).where(DeadlineAlert.id.in_(references)))
    return found == len(references)


def _write(managed: ManagedVersion, content: VersionContent, *, session: Session) -> None:
    """Write the version's rows as they were recorded."""
    version_id = managed.dag_version_id
    session.execute(
        update(DagVersion)
        .where(DagVersion.id == version_id)
        .values(bundle_name=managed.bundle_name, bundle_version=managed.bundle_version, version_data=None)
    )
    session.execute(
        update(SerializedDagModel)
        .where(SerializedDagModel.dag_version_id == version_id)
        .values(
            {
                SerializedDagModel._data: content.data if content.data is not None else null(),
                SerializedDagModel._data_compressed: content.data_compressed,
                SerializedDagModel.dag_hash: content.dag_hash,
            }
        )
    )
    session.execute(
        update(DagCode)
        .where(DagCode.dag_version_id == version_id)
        .values(
            fileloc=content.fileloc,
            source_code=content.source_code,
            source_code_hash=content.source_code_hash,
        )
    )
    # Airflow keeps the parsed data on the object, which refreshing its columns does not drop.
    for loaded in list(session.identity_map.values()):
        if isinstance(loaded, SerializedDagModel) and loaded.dag_version_id == version_id:
            session.expunge(loaded)
