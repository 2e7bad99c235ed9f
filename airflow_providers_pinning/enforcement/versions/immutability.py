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

Airflow's ``SerializedDagModel.write_dag`` updates the latest version in place if only code outside the Dag's
structure changed, or if no run uses it yet. A pin or approval of that version would then refer to other code. If the
latest version is managed and anything differs, the patch hides it from Airflow's function, which then writes a new
version. The next differing commit updates that one, so numbers do not inflate.

Two more writes affect managed versions: renamed deadlines are updated in the rows of the version whose deadlines are
reused, and ``DagCode.update_source_code`` selects the row to overwrite by its update time, not by its version.

Shown by ``tests/unit/enforcement/versions/test_immutability.py``.
"""

from __future__ import annotations

import copy
from contextvars import ContextVar
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from airflow_providers_pinning.enforcement.call import Call
from airflow_providers_pinning.enforcement.versions import gate

_reuse_deadlines: ContextVar[bool] = ContextVar("pinning_reuse_deadlines", default=True)

not_written: set[str] = set()
"""Dags that Airflow skipped because it wrote them a moment ago, changed or not; cleared on registration."""


@cache
def _managed_write_metadata() -> Any:
    """Return the type of Airflow's data on the latest version before it writes, for a managed one."""
    from airflow.models.serialized_dag import DagWriteMetadata

    return type("ManagedWriteMetadata", (DagWriteMetadata,), {"__slots__": ()})


def prefetch_dag_write_metadata(call: Call) -> Any:
    """Read the latest versions, and which of them are managed."""
    # The rows of these Dags are locked (see enforcement.dag_processor.dag_model), so nothing can become managed before
    # they are written.
    from airflow_providers_pinning.domain.versions.managed_cache import managed_version_ids

    session = call.session
    metadata = call.proceed()
    for dag_id, managed in managed_version_ids(metadata, session=session).items():
        known = metadata[dag_id]
        if known.dag_version and known.dag_version.id in managed:
            metadata[dag_id] = _managed_write_metadata()(*known)
    return metadata


def write_dag(call: Call) -> bool:
    """Write a Dag; if its latest version is managed and anything differs, as a new version."""
    from airflow._shared.timezones import timezone
    from airflow.models.serialized_dag import DagWriteMetadata

    cls, dag, session = call.instance, call.dag, call.session
    known = call._prefetched or cls._prefetch_dag_write_metadata([dag.dag_id], session=session).get(dag.dag_id)
    place = (call.bundle_name, call.bundle_version, call.version_data)
    is_new = known is None or known.dag_version is None
    if isinstance(known, _managed_write_metadata()) and _differs(cls, dag, place, known, session=session):
        known = DagWriteMetadata(last_updated=known.last_updated, dag_hash=None, dag_version=None)
        token = _reuse_deadlines.set(False)
    else:
        token = _reuse_deadlines.set(True)
    try:
        begun = timezone.utcnow()
        written: bool = call.proceed(_prefetched=known)
        if not written and _is_too_recent(known, call.min_update_interval, begun):
            not_written.add(dag.dag_id)
        if written and is_new:
            gate.pin_first_version(call.dag, call.bundle_name, session=call.session)
        return written
    finally:
        _reuse_deadlines.reset(token)


def _is_too_recent(known: Any, min_update_interval: int | None, now: datetime) -> bool:
    """Return whether Airflow skips a Dag, changed or not, because it wrote it a moment ago."""
    if known is None or known.last_updated is None or min_update_interval is None:
        return False
    return bool(now - timedelta(seconds=min_update_interval) < known.last_updated)


def try_reuse_deadline_uuids(call: Call) -> Any:
    """Reuse deadlines, unless that would rewrite those of a managed version."""
    return call.proceed() if _reuse_deadlines.get() else None


def _differs(cls: Any, dag: Any, place: tuple, known: Any, *, session: Any) -> bool:
    """Return whether the parsed Dag differs from the managed latest version in anything."""
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


def update_source_code(call: Call) -> None:
    """Overwrite the source of the latest version, unless it is managed."""
    from airflow.models.dag_version import DagVersion
    from sqlalchemy import select

    from airflow_providers_pinning.domain.versions.managed_cache import managed_version_ids

    cls, dag_id, session = call.instance, call.dag_id, call.session
    managed = managed_version_ids([dag_id], session=session).get(dag_id)
    if not managed:
        call.proceed()
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
    call.proceed_on(_LatestSource(cls, latest))


class _LatestSource:
    """Airflow's model of sources, finding the latest version instead of the last updated one."""

    def __init__(self, model: Any, latest: Any) -> None:
        self._model = model
        self._latest = latest

    def get_latest_dagcode(self, dag_id: str, *, session: Any) -> Any:
        """Return the source of the latest version."""
        return self._latest

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)
