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
"""Warnings about versions of one or many Dags that become active."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from airflow.models.dag import DagModel
from sqlalchemy import select
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.changes.pin_warnings import warn_of_moved_team
from airflow_providers_pinning.domain.dag_model import partitions
from airflow_providers_pinning.domain.versions import likeness

if TYPE_CHECKING:
    from airflow_providers_pinning.domain.changes.activation import Ready


def with_warnings(changing: Mapping[str, Ready], *, session: Session) -> dict[str, Ready]:
    """Return activations with the warnings about their versions."""
    if not changing:
        return {}
    equals = likeness.warn_of_rejected_equals([one.version for one in changing.values()], session=session)
    with_partitions = {
        dag_id: (changing[dag_id].version.version_number, changing[dag_id].checked.readable)
        for dag_id in _partitioned(changing, session=session)
    }
    dropped = partitions.warn_all_of_dropped_partitions(with_partitions, session=session)
    return {
        dag_id: replace(
            one,
            warnings=(
                *one.warnings,
                *warn_of_moved_team(one.version, one.checked.known),
                *equals.get(one.version.dag_version_id, ()),
                *dropped.get(dag_id, ()),
            ),
        )
        for dag_id, one in changing.items()
    }


def _partitioned(changing: Mapping[str, Ready], *, session: Session) -> set[str]:
    """Return the Dags that are partitioned now, or would be."""
    found = {dag_id for dag_id, one in changing.items() if one.checked.readable.timetable.partitioned}
    if len(changing) == 1:
        [dag_id] = changing
        return found | ({dag_id} if session.get_one(DagModel, dag_id).timetable_partitioned else set())
    now = select(DagModel.dag_id).where(DagModel.dag_id.in_(changing), DagModel.timetable_partitioned.is_(True))
    return found | set(session.scalars(now))
