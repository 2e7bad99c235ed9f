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
"""Check pins in SQL, one or all of them: version, code, bundle and scheduling metadata."""

from __future__ import annotations

from datetime import timedelta

from airflow._shared.timezones.timezone import utcnow
from airflow.models.dag import DagModel
from airflow.models.dag_version import DagVersion
from airflow.models.dagbundle import DagBundleModel
from airflow.models.serialized_dag import SerializedDagModel
from sqlalchemy import ColumnElement, Select, and_, func, or_

from airflow_providers_pinning.domain.dag_model.asset_conflicts import uses_displaced_asset
from airflow_providers_pinning.domain.versions.code_availability.finding import CodeSource, CodeState
from airflow_providers_pinning.domain.versions.drift import has_drifted_condition
from airflow_providers_pinning.models import ManagedVersion, Pin
from airflow_providers_pinning.vocabulary import BreakerState

CHECKS_IN_VAIN = 3
"""Number of consecutive failed checks that make a pin unhealthy, because a remote may be down for some minutes."""

OVERDUE_AFTER = timedelta(minutes=5)
"""How long a pending change may remain after its time. A scheduler puts it into effect within seconds."""


def _version_gone() -> ColumnElement[bool]:
    return or_(DagVersion.id.is_(None), SerializedDagModel.id.is_(None))


def _version_drifted() -> ColumnElement[bool]:
    return and_(~_version_gone(), has_drifted_condition(Pin, DagVersion, SerializedDagModel.dag_hash))


def _code_troubled() -> ColumnElement[bool]:
    """Build the condition that :func:`~.health.code_problems` finds a problem."""
    return or_(
        func.coalesce(ManagedVersion.code_state, "unknown") == CodeState.MISSING.value,
        func.coalesce(ManagedVersion.code_attempts, 0) >= CHECKS_IN_VAIN,
        and_(
            func.coalesce(ManagedVersion.code_source, "") == CodeSource.CHECKOUT.value,
            ManagedVersion.code_problem.is_(None),
        ),
    )


def _bundle_removed() -> ColumnElement[bool]:
    return func.coalesce(DagBundleModel.active, True).is_(False)


def _metadata_differs() -> ColumnElement[bool]:
    return or_(
        DagModel.dag_id.is_(None),
        Pin.bundle_version.is_distinct_from(DagModel.bundle_version),
        Pin.bundle_name.is_distinct_from(DagModel.bundle_name),
        Pin.relative_fileloc.is_distinct_from(DagModel.relative_fileloc),
        DagModel.has_import_errors.is_(True),
        and_(DagModel.is_stale.is_(True), ~_bundle_removed()),
    )


def with_live_rows(query: Select) -> Select:
    """Join a select on pins with the current rows to check the pins against."""
    return (
        query.outerjoin(DagVersion, DagVersion.id == Pin.dag_version_id)
        .outerjoin(SerializedDagModel, SerializedDagModel.dag_version_id == Pin.dag_version_id)
        .outerjoin(ManagedVersion, ManagedVersion.dag_version_id == Pin.dag_version_id)
        .outerjoin(DagModel, DagModel.dag_id == Pin.dag_id)
        .outerjoin(DagBundleModel, DagBundleModel.name == Pin.bundle_name)
        .where(Pin.dag_version_id.is_not(None))
    )


def is_unhealthy() -> ColumnElement[bool]:
    """Build the condition that a pin, joined by :func:`with_live_rows`, has a problem."""
    return or_(
        _version_gone(),
        _version_drifted(),
        _bundle_removed(),
        _code_troubled(),
        _metadata_differs(),
        uses_displaced_asset(),
        Pin.activation_failure.is_not(None),
        func.coalesce(Pin.breaker, "").in_((BreakerState.OPEN.value, BreakerState.WAITING.value)),
        and_(Pin.pending_from.is_not(None), Pin.pending_from <= utcnow() - OVERDUE_AFTER),
    )


def is_out_of_sync() -> ColumnElement[bool]:
    """Build the condition that a pin can be honored, but Airflow's row of the Dag describes another version."""
    return and_(
        ~_version_gone(), ~_version_drifted(), ~_bundle_removed(), DagModel.dag_id.is_not(None), _metadata_differs()
    )


HEALTH_COLUMNS = (
    _version_gone().label("version_gone"),
    _version_drifted().label("version_drifted"),
    _bundle_removed().label("bundle_removed"),
    ManagedVersion.code_state.label("code_state"),
    ManagedVersion.code_source.label("code_source"),
    ManagedVersion.code_problem.label("code_problem"),
    ManagedVersion.code_attempts.label("code_attempts"),
    ManagedVersion.code_message.label("code_message"),
    _metadata_differs().label("metadata_differs"),
    uses_displaced_asset().label("asset_displaced"),
)
"""The columns of a row joined by :func:`with_live_rows` that :func:`~.health.judge` reads."""
