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
A managed version is never rewritten.

Stock ``SerializedDagModel.write_dag`` changes the latest version in place when only code outside the
Dag's structure changed, or when no run refers to it yet. A pin or an approval of that version would
then mean other code. If the latest version is managed and anything differs, the stock function is told
that there is no latest version, so it writes a new one. The next differing commit changes that one, so
numbers do not inflate.

Two more writes reach a managed version: renamed deadlines are updated in the rows of the version whose
deadlines are reused, and ``DagCode.update_source_code`` picks the row to overwrite by its time of
update, not by its version.

Shown by ``tests/unit/enforcement/test_version_immutability.py``.
"""

from __future__ import annotations

import copy
from contextvars import ContextVar
from types import ModuleType
from typing import Any

from airflow_providers_pinning.enforcement.contract import wrap

_reuse_deadlines: ContextVar[bool] = ContextVar("pinning_reuse_deadlines", default=True)


def install_on_serialized_dag(module: ModuleType) -> None:
    """Patch ``airflow.models.serialized_dag``."""
    from airflow.utils.session import NEW_SESSION, provide_session

    class ManagedWriteMetadata(module.DagWriteMetadata):  # type: ignore[name-defined,misc]
        """What Airflow knows of the latest version before it writes, for one that is managed."""

        __slots__ = ()

    def prefetch(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        # The rows of these Dags are locked by now (see enforcement.scheduling_metadata), so nothing can
        # come under management before they are written.
        from airflow_providers_pinning.domain.versions.managed_cache import managed_versions

        metadata = wrapped(*args, **kwargs)
        session = kwargs["session"] if "session" in kwargs else args[1]
        for dag_id, managed in managed_versions(metadata, session=session).items():
            known = metadata[dag_id]
            if known.dag_version and known.dag_version.id in managed:
                metadata[dag_id] = ManagedWriteMetadata(*known)
        return metadata

    @provide_session
    def write(
        wrapped: Any,
        cls: Any,
        dag: Any,
        bundle_name: str,
        bundle_version: str | None = None,
        version_data: dict | None = None,
        min_update_interval: int | None = None,
        *,
        session: Any = NEW_SESSION,
        _prefetched: Any = None,
    ) -> bool:
        known = _prefetched or cls._prefetch_dag_write_metadata([dag.dag_id], session=session).get(dag.dag_id)
        place = (bundle_name, bundle_version, version_data)
        if isinstance(known, ManagedWriteMetadata) and _differs(cls, dag, place, known, session=session):
            known = module.DagWriteMetadata(last_updated=known.last_updated, dag_hash=None, dag_version=None)
            token = _reuse_deadlines.set(False)
        else:
            token = _reuse_deadlines.set(True)
        try:
            return wrapped(dag, *place, min_update_interval, session=session, _prefetched=known)
        finally:
            _reuse_deadlines.reset(token)

    def write_dag(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        return write(wrapped, instance, *args, **kwargs)

    def try_reuse_deadline_uuids(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        return wrapped(*args, **kwargs) if _reuse_deadlines.get() else None

    wrap(module, "SerializedDagModel._prefetch_dag_write_metadata", prefetch)
    wrap(module, "SerializedDagModel._try_reuse_deadline_uuids", try_reuse_deadline_uuids)
    wrap(module, "SerializedDagModel.write_dag", write_dag)


def _differs(cls: Any, dag: Any, place: tuple, known: Any, *, session: Any) -> bool:
    """Tell whether the parsed Dag is anything else than the managed latest version."""
    latest = known.dag_version
    if place != (latest.bundle_name, latest.bundle_version, latest.version_data):
        return True
    data = dag.data
    if parsed_deadlines := data.get("dag", {}).get("deadline"):
        from sqlalchemy import select

        stored = session.scalar(select(cls).where(cls.dag_version_id == latest.id))
        references = ((stored and stored.data) or {}).get("dag", {}).get("deadline")
        reused = references and cls._try_reuse_deadline_uuids(references, parsed_deadlines, session)
        if not reused or reused[1]:
            return True
        data = copy.deepcopy(data)
        data["dag"]["deadline"] = references
    return cls.hash(data) != known.dag_hash


def install_on_dag_code(module: ModuleType) -> None:
    """Patch ``airflow.models.dagcode``."""
    from airflow.utils.session import NEW_SESSION, provide_session

    @provide_session
    def update(wrapped: Any, cls: Any, dag_id: str, fileloc: str, *, session: Any = NEW_SESSION) -> None:
        from airflow.models.dag_version import DagVersion
        from sqlalchemy import select

        from airflow_providers_pinning.domain.versions.managed_cache import managed_versions

        managed = managed_versions([dag_id], session=session).get(dag_id)
        if not managed:
            wrapped(dag_id, fileloc, session=session)
            return
        latest = session.scalar(
            select(cls)
            .join(DagVersion, cls.dag_version_id == DagVersion.id)
            .where(cls.dag_id == dag_id)
            .order_by(DagVersion.version_number.desc())
            .limit(1)
        )
        if latest is None or latest.dag_version_id in managed:
            return
        source_code = cls.get_code_from_file(fileloc)
        if (source_code_hash := cls.dag_source_hash(source_code)) != latest.source_code_hash:
            latest.source_code = source_code
            latest.source_code_hash = source_code_hash

    def update_source_code(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> None:
        update(wrapped, instance, *args, **kwargs)

    wrap(module, "DagCode.update_source_code", update_source_code)
