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
"""Conditions for finding pinned Dags, except those on enforcement and runs."""

from __future__ import annotations

from collections.abc import Collection

from airflow.models.dag import DagModel, DagTag
from sqlalchemy import ColumnElement, and_, func, literal, or_, select
from sqlalchemy.orm import Session, aliased

from airflow_providers_pinning.domain.clocks import database_clock
from airflow_providers_pinning.domain.versions.managed import VersionState
from airflow_providers_pinning.models import ManagedVersion, Pin


def is_held(*, session: Session) -> ColumnElement[bool]:
    """Build the condition that a Dag is on hold now. An expired hold does not count."""
    return and_(
        func.coalesce(Pin.hold_reason, "") != "",
        or_(Pin.hold_until.is_(None), Pin.hold_until > database_clock(session=session)),
    )


def has_waiting_candidate() -> ColumnElement[bool]:
    """Build the condition that a candidate newer than the active version awaits a decision."""
    candidate = aliased(ManagedVersion)
    return (
        select(candidate.dag_version_id)
        .where(
            candidate.dag_id == Pin.dag_id,
            candidate.state == VersionState.CANDIDATE.value,
            candidate.version_number > Pin.version_number,
        )
        .correlate(Pin)
        .exists()
    )


def has_tag(names: Collection[str]) -> ColumnElement[bool]:
    """Build the condition that the Dag currently has one of the tags in Airflow."""
    return Pin.dag_id.in_(select(DagTag.dag_id).where(DagTag.name.in_(names)))


def has_owner(names: Collection[str]) -> ColumnElement[bool]:
    """Build the condition that the Dag has one of the owners, which Airflow joins by commas."""
    owners = literal(",") + func.replace(DagModel.owners, ", ", ",") + ","
    return Pin.dag_id.in_(
        select(DagModel.dag_id).where(or_(*(owners.contains(f",{name},", autoescape=True) for name in names)))
    )
