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
"""How canary runs are kept apart from live ones."""

from __future__ import annotations

from functools import cache
from typing import Any

from sqlalchemy import Select, bindparam, select
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.canaries.routed_runs import CANARY
from airflow_providers_pinning.domain.canaries.run_ids import may_be_canary
from airflow_providers_pinning.models import RoutedRun

WITHHOLD = "withhold"
"""What a canary run would do to the live world does not happen, and is kept as evidence."""

ASSETS = "assets"
"""Field of what becomes of the asset events of a canary run."""

ALERTS = "alerts"
"""Field of what becomes of its deadlines, Dag callbacks, and the callbacks and e-mails that Airflow itself sends."""


def default_isolation() -> dict[str, Any]:
    """Return how a canary run is kept apart from live ones, by field, as ``RoutedRun.isolation`` stores it."""
    return {ASSETS: WITHHOLD, ALERTS: WITHHOLD}


def isolation_of(dag_id: str, run_id: str, *, session: Session) -> dict[str, Any] | None:
    """
    Return how a canary run is kept apart from live ones; ``None`` if the run is none.

    The database is asked only for ids that a canary run may have.
    """
    if not may_be_canary(run_id):
        return None
    row = session.execute(_isolation(), {"dag_id": dag_id, "run_id": run_id}).one_or_none()
    # Runs that were created before a field existed are kept apart in the safe way.
    return None if row is None else {**default_isolation(), **(row.isolation or {})}


def is_canary(dag_id: str, run_id: str, *, session: Session) -> bool:
    """Tell whether a run is a canary run."""
    return isolation_of(dag_id, run_id, session=session) is not None


def withholds(field: str, dag_id: str, run_id: str, *, session: Session) -> bool:
    """Tell whether a run is a canary run whose effects of one field are kept from the live world."""
    isolation = isolation_of(dag_id, run_id, session=session)
    return isolation is not None and isolation[field] == WITHHOLD


@cache
def _isolation() -> Select:
    return select(RoutedRun.isolation).where(
        RoutedRun.dag_id == bindparam("dag_id"), RoutedRun.run_id == bindparam("run_id"), RoutedRun.kind == CANARY
    )
