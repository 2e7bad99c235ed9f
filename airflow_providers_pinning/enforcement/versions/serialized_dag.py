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
All patches of ``airflow.models.serialized_dag``.

Nearly every reader uses one of two statements to select the "latest" serialized Dag, and would see the newest commit
of a pinned Dag. The pin is added inside the statement; they must remain plain selects, because backfills execute them
directly.

A deserialized Dag does not know its version, but the creation of a run needs it. So the version is stored on it.

For managed versions, which are not rewritten, see :mod:`airflow_providers_pinning.enforcement.versions.immutability`.

Shown by ``tests/unit/enforcement/versions/test_selection.py``.
"""

from __future__ import annotations

from typing import Any

from airflow_providers_pinning.enforcement.call import Call

STAMP = "_pinning_stamp"


def latest_item_select_object(call: Call) -> Any:
    """Select the serialized Dag of the active version of one Dag."""
    from airflow.models.dag_version import DagVersion
    from airflow.settings import engine
    from sqlalchemy import select

    from airflow_providers_pinning.domain.resolution.active import active_condition, latest_statement
    from airflow_providers_pinning.domain.resolution.by_commit import passing_gate

    instance, dag_id = call.instance, call.dag_id
    if engine is None or engine.dialect.name != "mysql":
        latest = latest_statement(
            lambda dag: call.proceed(dag_id=dag), ("serialized", instance), dag_id, serialized=instance
        )
        return passing_gate(latest, dag_id, engine.dialect.name if engine is not None else "")
    condition = active_condition(dag_id, serialized=instance)
    if condition is None:
        return call.proceed()
    # MySQL sorts IDs rather than whole rows, as in Airflow, so the pin goes into the subquery.
    return select(instance).where(
        instance.id
        == select(instance.id)
        .join(DagVersion, instance.dag_version_id == DagVersion.id)
        .where(instance.dag_id == dag_id, condition)
        .order_by(DagVersion.version_number.desc())
        .limit(1)
        .scalar_subquery()
    )


def latest_by_version_select(call: Call) -> Any:
    """Select the serialized Dags of the active versions of many Dags."""
    from airflow.models.dag_version import DagVersion
    from sqlalchemy import func, select

    from airflow_providers_pinning.domain.resolution.active import is_active
    from airflow_providers_pinning.domain.resolution.asset_listeners import dags_left_out

    instance, dag_ids = call.instance, call.dag_ids
    if dag_ids is not None and not dag_ids:
        # In most loops, the scheduler requests no Dag at all.
        return call.proceed()
    active = (
        select(DagVersion.dag_id, func.max(DagVersion.version_number).label("version_number"))
        .join(instance, instance.dag_version_id == DagVersion.id)
        .where(is_active(DagVersion, instance, dag_ids=dag_ids))
        .group_by(DagVersion.dag_id)
    )
    if dag_ids is not None:
        active = active.where(DagVersion.dag_id.in_(dag_ids))
    if passed_over := dags_left_out():
        active = active.where(DagVersion.dag_id.not_in(passed_over))
    chosen = active.subquery()
    return (
        select(instance)
        .join(DagVersion, instance.dag_version_id == DagVersion.id)
        .join(
            chosen,
            (DagVersion.dag_id == chosen.c.dag_id) & (DagVersion.version_number == chosen.c.version_number),
        )
    )


def stamp_of(dag: Any) -> tuple[Any, str] | None:
    """Return the version ID and hash that a Dag was deserialized from, if it came from the database."""
    return getattr(dag, STAMP, None)


def stamped_dag(call: Call) -> Any:
    """Deserialize a Dag, and store its version on it."""
    serialized, dag = call.instance, call.proceed()
    setattr(dag, STAMP, (serialized.dag_version_id, serialized.dag_hash))
    return dag
