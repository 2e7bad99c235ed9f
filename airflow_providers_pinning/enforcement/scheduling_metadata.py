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
"""
Seam A: the scheduling metadata of a pinned Dag are the pinned version's.

Stock ``SerializedDAG.bulk_write_to_db`` writes the parsed Dag's schedule, limits, assets and bundle
version into ``DagModel``, which is what the scheduler works from. For a pinned Dag the pinned version's
are written instead; the parsed ones stay in the versions' own rows. ``DagModel`` rows are locked before
pins are read: in the other order, a pin that commits in between would be overwritten with HEAD.

Shown by ``tests/unit/enforcement/test_dag_metadata.py``.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from types import ModuleType
from typing import Any

from airflow_providers_pinning.enforcement.contract import wrap

log = logging.getLogger(__name__)


def install(module: ModuleType) -> None:
    """Patch ``airflow.serialization.definitions.dag``."""
    from airflow.utils.session import NEW_SESSION, provide_session

    @provide_session
    def write_active(
        wrapped: Any,
        bundle_name: str,
        bundle_version: str | None,
        dags: Any,
        parse_duration: float | None = None,
        *,
        session: Any = NEW_SESSION,
    ) -> None:
        from airflow_providers_pinning.domain.candidate_assets import keep_assets_of_unfinished_canaries

        by_place, pinned = _by_active_place(bundle_name, bundle_version, dags, session=session)
        for (name, version), group in by_place.items():
            wrapped(name, version, group, parse_duration, session=session)
        if pinned:
            keep_assets_of_unfinished_canaries(pinned, session=session)

    def bulk_write_to_db(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        return write_active(wrapped, *args, **kwargs)

    wrap(module, "SerializedDAG.bulk_write_to_db", bulk_write_to_db)


def _by_active_place(
    bundle_name: str, bundle_version: str | None, dags: Any, *, session: Any
) -> tuple[dict[tuple[str | None, str | None], list[Any]], set[str]]:
    """Group the Dags to write by bundle and version, each pinned one replaced by its pinned version; say which."""
    from airflow.models.dag import DagModel
    from airflow.models.dag_version import DagVersion
    from airflow.utils.sqlalchemy import with_row_locks
    from sqlalchemy import select

    from airflow_providers_pinning.domain.scheduling import active_serialized_dag, as_parsed
    from airflow_providers_pinning.models import Pin

    dag_ids = sorted(dag.dag_id for dag in dags)
    session.execute(
        with_row_locks(
            select(DagModel.dag_id).where(DagModel.dag_id.in_(dag_ids)).order_by(DagModel.dag_id),
            of=DagModel,
            session=session,
        )
    )
    pinned = set(session.scalars(select(Pin.dag_id).where(Pin.dag_id.in_(dag_ids), Pin.dag_version_id.is_not(None))))
    by_place: dict[tuple[str | None, str | None], list[Any]] = defaultdict(list)
    for dag in dags:
        if dag.dag_id not in pinned:
            by_place[bundle_name, bundle_version].append(dag)
        elif serialized := active_serialized_dag(dag.dag_id, session=session):
            version = session.get(DagVersion, serialized.dag_version_id)
            by_place[version.bundle_name, version.bundle_version].append(as_parsed(serialized))
        else:
            log.error(
                "The pinned version of Dag %s is gone or changed: its schedule is left as it is, and it gets "
                "no new runs. Pin another version or unpin it.",
                dag.dag_id,
            )
    return by_place, pinned
