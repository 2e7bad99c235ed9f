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
"""Write what :mod:`~airflow_providers_pinning.domain.changes.activation` checked: activate versions."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.changes.activation import Ready
from airflow_providers_pinning.domain.changes.hold import remove_hold
from airflow_providers_pinning.domain.changes.pin_row import choose, newest_run, retain_active
from airflow_providers_pinning.domain.dag_model.many import write_dag_models
from airflow_providers_pinning.domain.history import events
from airflow_providers_pinning.domain.history.events import Change
from airflow_providers_pinning.domain.versions import managed
from airflow_providers_pinning.domain.versions.expected import is_drifted
from airflow_providers_pinning.domain.versions.identity import VersionIdentity
from airflow_providers_pinning.domain.versions.managed import Managing, VersionState
from airflow_providers_pinning.models import ManagedVersion
from airflow_providers_pinning.vocabulary import EventKind


def write(
    kind: EventKind,
    ready: Sequence[Ready],
    change: Change,
    requests: Mapping[str, Mapping[str, Any]],
    rows: dict[UUID, ManagedVersion],
    *,
    release_id: str | None = None,
    session: Session,
) -> dict[str, tuple[str, ...]]:
    """
    Make checked versions the active ones. The caller holds the locks of the Dags.

    :param kind: what the change is
    :param ready: what becomes active; none of it is active already
    :param change: who asks, and why
    :param requests: what was asked for, by Dag
    :param rows: the management rows of the versions
    :param release_id: the release that the change is a part of
    :param session: database session
    :return: what to tell the caller, by Dag
    """
    managed.manage_all(list(_keep_and_activate(ready, rows)), rows, reason=change.reason, session=session)
    last_run = newest_run(session=session)
    appended, told = [], {}
    for one in ready:
        accepted = _accept_as_it_is(one.version, rows[one.version.dag_version_id], session=session)
        warnings = told[one.dag_id] = (*one.warnings, *accepted)
        choose(one.pin, one.version, change, last_run=last_run, is_rollback=kind == EventKind.ROLLED_BACK)
        if kind == EventKind.PINNED:
            remove_hold(one.pin, change, session=session)
        appended.append(
            events.event_of(
                kind,
                dag_id=one.dag_id,
                revision=one.pin.revision,
                change=change,
                request=requests[one.dag_id],
                from_version=one.from_version,
                to_version=one.version,
                evidence={**(one.evidence or {}), **({"warnings": list(warnings)} if warnings else {})},
                release_id=release_id,
            )
        )
    events.append(appended, session=session)
    write_dag_models([one.checked.readable for one in ready], session=session)
    managed.release_superseded([one.dag_id for one in ready], session=session)
    return told


def _keep_and_activate(ready: Collection[Ready], rows: Mapping[UUID, ManagedVersion]) -> list[Managing]:
    """Keep the version that stops being active, so it can be rolled back to, and manage the new one."""
    wanted = []
    for one in ready:
        before = one.from_version
        if one.pin.dag_version_id is not None:
            retain_active(one.pin, rows)
        elif before and before != one.version and before.bundle_version and before.dag_version_id not in rows:
            # What was live until now is what a rollback returns to: no later commit may overwrite it.
            wanted.append(Managing(one.dag_id, before, VersionState.RETAINED))
        wanted.append(Managing(one.dag_id, one.version, VersionState.ACTIVE))
    return wanted


def _accept_as_it_is(version: VersionIdentity, row: ManagedVersion, *, session: Session) -> tuple[str, ...]:
    if not is_drifted(version, row):
        return ()
    managed.accept_as_it_is(row, version, session=session)
    return (
        f"Version {version.version_number} was rewritten since it came under management; its current content is "
        "pinned.",
    )
