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
Write the pinned version's scheduling metadata for a pinned Dag.

Airflow's ``SerializedDAG.bulk_write_to_db`` writes the parsed Dag's schedule, limits, assets and bundle version into
``DagModel``, which is what the scheduler works from. For a pinned Dag, the pinned version's values are written
instead; the parsed ones stay in the rows of their version. Asset references of a kind that the pinned version does
not use are removed, which Airflow does not do if there are none of that kind. If the pinned version's bundle is no
longer configured, the Dag stays stale, which a parse at HEAD would undo.

The Dags are replaced in its first step, ``DagModelOperation.add_dags``, right after it has locked the rows of
``DagModel``. If pins were read before the lock, HEAD could overwrite a pin that commits in between.

Shown by ``tests/unit/enforcement/dag_processor/test_dag_model.py``,
``tests/unit/domain/dag_model/test_asset_references.py`` and ``tests/integration/test_concurrent_writes.py``.
"""

from __future__ import annotations

import logging
from typing import Any

from airflow_providers_pinning.enforcement.call import Call
from airflow_providers_pinning.enforcement.dag_processor.dag_modules import managed

log = logging.getLogger(__name__)


def add_dags(call: Call) -> dict[str, Any]:
    """Lock and read the Dags' rows like Airflow, and replace what is written for pinned Dags."""
    from airflow_providers_pinning.domain.dag_model.head import note_defined
    from airflow_providers_pinning.domain.dag_model.stored_dags import ActiveVersion
    from airflow_providers_pinning.domain.locks import keep_writers_out_of_sqlite
    from airflow_providers_pinning.domain.versions.managed_cache import read_protection

    operation, session = call.instance, call.session
    orm_dags: dict[str, Any]
    if all(isinstance(dag, ActiveVersion) for dag in operation.dags.values()):
        orm_dags = call.proceed()
        return orm_dags
    keep_writers_out_of_sqlite(session=session)
    in_order = len(operation.dags) > 1
    if in_order:
        _lock_in_order(operation.dags, session=session)
    orm_dags = call.proceed()
    protection = read_protection(operation.dags, session=session)
    managed.note(protection.recorded)
    if protection.recorded and not in_order:
        _read_again(operation, orm_dags, session=session)
    if protection.missing_at_head:
        note_defined(protection.missing_at_head, session=session)
    if protection.pinned:
        _exchange_pinned(operation.dags, orm_dags, protection.pinned, session=session)
    return orm_dags


def update_dags(call: Call) -> None:
    """Write the Dags' rows, and correct values that Airflow assumes to be the same for all Dags of a file."""
    dags, orm_dags = call.instance.dags, call.orm_dags
    durations = {dag_id: orm_dag.last_parse_duration for dag_id, orm_dag in orm_dags.items()}
    call.proceed()
    _note_places(dags, orm_dags)
    _begin_schedules(dags, orm_dags, session=call.session)
    _keep_stale(dags, orm_dags, session=call.session)
    _drop_references(dags, orm_dags, session=call.session)
    if call.parse_duration is None:
        _keep_durations(dags, orm_dags, durations)


def bulk_write_to_db(call: Call) -> None:
    """Write what a file defines, and keep what unfinished canary runs need."""
    session = call.session
    dag_ids = [dag.dag_id for dag in call.dags]
    call.proceed()
    _keep_canary_needs(dag_ids, session=session)


def _lock_in_order(dag_ids: Any, *, session: Any) -> None:
    """Lock in the same order as everything else, which Airflow does not do, to avoid deadlocks."""
    from airflow.models.dag import DagModel
    from airflow.utils.sqlalchemy import with_row_locks
    from sqlalchemy import select

    session.execute(
        with_row_locks(
            select(DagModel.dag_id).where(DagModel.dag_id.in_(dag_ids)).order_by(DagModel.dag_id),
            of=DagModel,
            session=session,
        )
    )


def _read_again(operation: Any, orm_dags: dict[str, Any], *, session: Any) -> None:
    """
    Reread rows that a pin change may have written while Airflow waited for their lock.

    A statement that waited sees the current locked row, but joined rows, such as tags, as they were before the wait.
    """
    from sqlalchemy import inspect

    for orm_dag in orm_dags.values():
        if inspect(orm_dag).persistent:
            session.expire(orm_dag)
    orm_dags.update(operation.find_orm_dags(session=session))


def _exchange_pinned(dags: dict[str, Any], orm_dags: dict[str, Any], pinned: Any, *, session: Any) -> None:
    from airflow_providers_pinning.domain.dag_model.stored_dags import pinned_versions

    active = pinned_versions(pinned, session=session)
    for dag_id in pinned:
        if dag_id in active:
            active[dag_id].head = dags[dag_id]
            dags[dag_id] = active[dag_id]
        else:
            log.error(
                "The pinned version of Dag %s is missing, changed or unreadable: its schedule is not updated, and "
                "it gets no new runs. Pin another version or unpin the Dag.",
                dag_id,
            )
            del dags[dag_id], orm_dags[dag_id]


def _note_places(dags: dict[str, Any], orm_dags: dict[str, Any]) -> None:
    """Correct the bundle, for which Airflow knows only one value for all Dags of a file."""
    from airflow_providers_pinning.domain.dag_model.stored_dags import ActiveVersion

    for dag_id, dag in dags.items():
        if isinstance(dag, ActiveVersion):
            orm_dags[dag_id].bundle_name = dag.bundle_name
            orm_dags[dag_id].bundle_version = dag.bundle_version


def _begin_schedules(dags: dict[str, Any], orm_dags: dict[str, Any], *, session: Any) -> None:
    """Skip the runs that a schedule would have created before it took effect."""
    from airflow_providers_pinning.domain.dag_model.first_run import begin_schedule, beginning_of_schedule
    from airflow_providers_pinning.domain.dag_model.stored_dags import ActiveVersion
    from airflow_providers_pinning.domain.versions.managed_cache import kept_protection

    protection = kept_protection(dags, session=session)
    since = dict(protection.schedule_from) if protection else {}
    if not protection:
        # A pin change, which has locked the row and therefore read it.
        active = [dag_id for dag_id, dag in dags.items() if isinstance(dag, ActiveVersion)]
        since = beginning_of_schedule(active, session=session)
    for dag_id, moment in since.items():
        if dag_id in dags:
            begin_schedule(orm_dags[dag_id], dags[dag_id], moment)


def _keep_stale(dags: dict[str, Any], orm_dags: dict[str, Any], *, session: Any) -> None:
    """Keep Dags stale whose pinned version cannot run; Airflow assumes that a parsed Dag can."""
    from airflow_providers_pinning.domain.dag_model.stored_dags import ActiveVersion, without_bundle

    active = [dag for dag in dags.values() if isinstance(dag, ActiveVersion)]
    if active:
        for dag_id in without_bundle(active, session=session):
            orm_dags[dag_id].is_stale = True


def _drop_references(dags: dict[str, Any], orm_dags: dict[str, Any], *, session: Any) -> None:
    """Remove references of another version that Airflow keeps if the written version has none."""
    from airflow_providers_pinning.domain.dag_model.asset_references import drop_references_of_other_versions
    from airflow_providers_pinning.domain.dag_model.stored_dags import ActiveVersion

    active = {dag_id: dag for dag_id, dag in dags.items() if isinstance(dag, ActiveVersion)}
    if active:
        drop_references_of_other_versions(active, orm_dags, session=session)


def _keep_durations(dags: dict[str, Any], orm_dags: dict[str, Any], durations: dict[str, float | None]) -> None:
    """Keep the parse duration of the file when a pin change writes the row without a parse."""
    from airflow_providers_pinning.domain.dag_model.stored_dags import ActiveVersion

    for dag_id, dag in dags.items():
        if isinstance(dag, ActiveVersion):
            orm_dags[dag_id].last_parse_duration = durations[dag_id]


def _keep_canary_needs(dag_ids: list[str], *, session: Any) -> None:
    from airflow_providers_pinning.domain.dag_model.canary_metadata import keep_needs_of_other_versions
    from airflow_providers_pinning.domain.versions.managed_cache import kept_protection

    protection = kept_protection(dag_ids, session=session)
    if protection is None:
        # The caller changes the pin; it may not know of a canary run or ramp in progress.
        keep_needs_of_other_versions(dag_ids, session=session)
        return
    # A canary run uses a managed version other than the pinned one, and so does a ramp.
    with_candidates = {
        dag_id
        for dag_id, managed in protection.managed.items()
        if len(managed) > (1 if dag_id in protection.pinned else 0)
    }
    if with_candidates:
        keep_needs_of_other_versions(with_candidates, session=session)
