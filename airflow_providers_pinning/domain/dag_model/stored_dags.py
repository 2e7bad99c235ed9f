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
Read stored versions of Dags in the form that the dag processor produces when it parses a file.

Airflow keeps the serialized Dags of all versions. To write scheduling metadata from one of them, it has to be in that
form.
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Collection, Mapping
from datetime import datetime
from functools import cache, cached_property
from typing import Any

from airflow.models.dag_version import DagVersion
from airflow.models.dagbundle import DagBundleModel
from airflow.models.serialized_dag import SerializedDagModel
from airflow.serialization.definitions.dag import SerializedDAG
from airflow.serialization.enums import DagAttributeTypes, Encoding
from airflow.serialization.serialized_objects import DagSerialization, LazyDeserializedDAG
from sqlalchemy import Select, bindparam, select
from sqlalchemy.orm import Session, contains_eager

from airflow_providers_pinning.domain.errors import VersionUnreadableError
from airflow_providers_pinning.domain.resolution.active import is_active
from airflow_providers_pinning.domain.versions.identity import VersionIdentity
from airflow_providers_pinning.models import Pin

log = logging.getLogger(__name__)


class ActiveVersion(LazyDeserializedDAG):
    """A stored Dag in the form of a parsed one, and where its code is."""

    bundle_name: str | None
    bundle_version: str | None
    version_data: dict[str, Any] | None = None
    """Data of the bundle besides its version, such as a manifest."""
    registered_at: datetime | None = None
    """When the version was registered."""
    pinned: bool = True
    """Whether it is pinned. Without a pin, the active version is the last one that HEAD defined."""
    head: LazyDeserializedDAG | None = None
    """The definition at HEAD, if its file was just parsed."""
    run_info: tuple[Any, int] | None = None
    """Its latest run and number of active runs, if they were read together with those of other Dags."""
    bundle_is_configured: bool | None = None
    """Whether its bundle is still configured; ``None`` if that was not checked."""

    @cached_property
    def timetable(self) -> Any:  # type: ignore[override]
        """The timetable, cached because Airflow would decode it at each of a dozen uses."""
        return self._real_dag.timetable

    def check_readable(self) -> None:
        """
        Deserialize the Dag completely, as writing its metadata does anyway.

        :raises VersionUnreadableError: if it cannot be, for instance because a plugin's timetable is gone
        """
        try:
            self._real_dag  # noqa: B018 - kept for what Airflow reads of it next
        except Exception as error:
            raise VersionUnreadableError(
                f"The active version of Dag {self.dag_id!r} cannot be deserialized: {error}. Install the plugins "
                "that it was parsed with, or pin another version.",
                dag_id=self.dag_id,
            ) from error


def active_serialized_dag(dag_id: str, *, session: Session) -> SerializedDagModel | None:
    """Read the serialized Dag of the active version, or ``None`` if the pin cannot be honored."""
    return session.scalar(
        select(SerializedDagModel)
        .join(SerializedDagModel.dag_version)
        .where(SerializedDagModel.dag_id == dag_id, is_active(DagVersion, SerializedDagModel, dag_ids=[dag_id]))
        .order_by(DagVersion.version_number.desc())
        .limit(1)
        .options(contains_eager(SerializedDagModel.dag_version))
    )


def pinned_versions(dag_ids: Collection[str], *, session: Session) -> dict[str, ActiveVersion]:
    """Read the pinned versions of these Dags. Those that are gone, changed or unreadable are left out."""
    rows = session.execute(
        select(SerializedDagModel, DagBundleModel.active)
        .join(SerializedDagModel.dag_version)
        .join(Pin, Pin.dag_version_id == DagVersion.id)
        .outerjoin(DagBundleModel, DagBundleModel.name == Pin.bundle_name)
        .where(Pin.dag_id.in_(dag_ids), is_active(DagVersion, SerializedDagModel))
        .options(contains_eager(SerializedDagModel.dag_version))
    )
    pinned = {}
    for serialized, bundle_is_active in rows:
        try:
            parsed = as_parsed(serialized)
            parsed.bundle_is_configured = bundle_is_active is not False
            parsed.check_readable()
            pinned[serialized.dag_id] = parsed
        except VersionUnreadableError as error:
            log.error("%s", error)
    return pinned


def as_parsed(serialized: SerializedDagModel) -> ActiveVersion:
    """
    Bring a stored Dag into the form of a freshly parsed one.

    A stored Dag differs from a parsed one in two ways that ``bulk_write_to_db`` does not expect: its
    deadlines are references to rows instead of definitions, and it may have been written by an older
    Airflow in an older serialization version.

    :raises VersionUnreadableError: if its serialization version is unknown to this Airflow
    """
    data = _copied(serialized.data or {})
    format_version = data.get("__version")
    if format_version not in (1, 2, 3):
        raise VersionUnreadableError(
            f"The stored Dag {serialized.dag_id!r} has serialization version {format_version!r}, which this Airflow "
            "cannot read. Pin a version that this Airflow has parsed.",
            dag_id=serialized.dag_id,
        )
    if format_version == 1:
        DagSerialization.conversion_v1_to_v2(data)
    if data["__version"] == 2:
        DagSerialization.conversion_v2_to_v3(data)
    if data["dag"].get("deadline"):
        data["dag"]["deadline"] = deadline_definitions(serialized)
    version = serialized.dag_version
    return ActiveVersion(
        data=data,
        bundle_name=version.bundle_name,
        bundle_version=version.bundle_version,
        version_data=version.version_data,
        registered_at=version.last_updated,
    )


def _copied(value: Any) -> Any:
    """Copy a JSON value. ``copy.deepcopy`` is slower, because it memorizes each part in case it occurs again."""
    if isinstance(value, dict):
        return {key: _copied(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_copied(item) for item in value]
    return value


def deadline_definitions(serialized: SerializedDagModel) -> list[dict[str, Any]]:
    """Return the deadlines of a stored Dag in the form of a parsed one."""
    return [
        {
            Encoding.TYPE.value: DagAttributeTypes.DEADLINE_ALERT.value,
            Encoding.VAR.value: {
                "name": alert.name,
                "reference": alert.reference,
                "interval": alert.interval,
                "callback": alert.callback_def,
            },
        }
        for alert in serialized.deadline_alerts
    ]


def without_bundle(dags: Collection[ActiveVersion], *, session: Session) -> set[str]:
    """Return the IDs of Dags whose bundle is no longer configured, so that nothing could run them."""
    unknown = {dag.bundle_name for dag in dags if dag.bundle_is_configured is None}
    removed: set[str | None] = set()
    if unknown:
        removed.update(
            session.scalars(
                select(DagBundleModel.name).where(DagBundleModel.name.in_(unknown), DagBundleModel.active.is_(False))
            )
        )
    return {dag.dag_id for dag in dags if dag.bundle_is_configured is False or dag.bundle_name in removed}


def read_dag(version: VersionIdentity, *, dag_id: str, session: Session) -> SerializedDAG:
    """
    Deserialize a version completely.

    :raises VersionUnreadableError: if it cannot be, for instance because a plugin's timetable is gone
    """
    try:
        return DagSerialization.from_dict(copy.deepcopy(_stored(version, session=session).data or {}))
    except Exception as error:
        raise _unreadable(version, dag_id, error) from error


def active_dag(dag_id: str, *, session: Session) -> SerializedDAG | None:
    """Deserialize the active version; ``None`` if the pin cannot be honored or the version cannot be read."""
    serialized = active_serialized_dag(dag_id, session=session)
    try:
        return DagSerialization.from_dict(copy.deepcopy(serialized.data or {})) if serialized else None
    except Exception:
        log.exception("The active version of Dag %s cannot be deserialized", dag_id)
        return None


def read_version(version: VersionIdentity, *, dag_id: str, session: Session) -> ActiveVersion:
    """
    Read a version that will become active, for :func:`write_dag_model`.

    :raises VersionUnreadableError: if it cannot be deserialized
    """
    found = read_versions({dag_id: version}, session=session)[dag_id]
    if isinstance(found, VersionUnreadableError):
        raise found
    return found


def read_versions(
    versions: Mapping[str, VersionIdentity], *, session: Session
) -> dict[str, ActiveVersion | VersionUnreadableError]:
    """
    Read the versions of several Dags that will become active, for writing them into ``DagModel``.

    :param versions: the versions, by Dag
    :param session: database session
    :return: for each Dag, the version or the error that prevents deserializing it
    """
    if not versions:
        return {}
    ids = [one.dag_version_id for one in versions.values()]
    rows = session.scalars(_all_stored_select(), {"dag_version_ids": ids})
    stored = {row.dag_version_id: row for row in rows}
    found: dict[str, ActiveVersion | VersionUnreadableError] = {}
    for dag_id, version in versions.items():
        try:
            parsed = as_parsed(_present(stored.get(version.dag_version_id)))
            parsed.check_readable()
            found[dag_id] = parsed
        except Exception as error:
            refusal = _unreadable(version, dag_id, error)
            refusal.__cause__ = error
            found[dag_id] = refusal
    return found


def _stored(version: VersionIdentity, *, session: Session) -> SerializedDagModel:
    return _present(session.scalar(_all_stored_select(), {"dag_version_ids": [version.dag_version_id]}))


def _present(serialized: SerializedDagModel | None) -> SerializedDagModel:
    if serialized is None:
        raise LookupError("its serialized Dag was deleted")
    return serialized


@cache
def _all_stored_select() -> Select:
    # Built once: every change of a pin asks.
    return (
        select(SerializedDagModel)
        .join(SerializedDagModel.dag_version)
        .where(SerializedDagModel.dag_version_id.in_(bindparam("dag_version_ids", expanding=True)))
        .options(contains_eager(SerializedDagModel.dag_version))
    )


def _unreadable(version: VersionIdentity, dag_id: str, error: Exception) -> VersionUnreadableError:
    return VersionUnreadableError(
        f"Dag {dag_id!r}, {version.label}, cannot be deserialized: {error}. "
        "Install the plugins that it was parsed with, or choose another version.",
        dag_id=dag_id,
        version_number=version.version_number,
    )
