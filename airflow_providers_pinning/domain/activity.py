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
"""Keep pinned Dags schedulable whatever becomes of their file at HEAD."""

from __future__ import annotations

from typing import Any

from airflow.models.dag import DagModel
from airflow.models.dagbundle import DagBundleModel
from sqlalchemy import literal, or_, select, update
from sqlalchemy.orm import Session

from airflow_providers_pinning.models import Pin


def keep_pinned_active(*conditions: Any, session: Session) -> None:
    """
    Take back, for pinned Dags, that they were marked stale or as having import errors.

    Airflow marks Dags so when their file at HEAD does not parse or is gone, neither of which touches a
    pinned version. Called in the transaction that marked them, so nobody sees the mark. Dags of a bundle
    that is no longer configured stay stale: nothing could run them.

    :param conditions: which rows of ``DagModel`` were marked
    :param session: session of the marking transaction
    """
    pinned = (
        select(literal(1))
        .where(Pin.dag_id == DagModel.dag_id, Pin.dag_version_id.is_not(None))
        .correlate(DagModel)
        .exists()
    )
    configured = (
        select(literal(1))
        .where(DagBundleModel.name == DagModel.bundle_name, DagBundleModel.active.is_(True))
        .correlate(DagModel)
        .exists()
    )
    session.flush()
    session.execute(
        update(DagModel)
        .where(or_(DagModel.is_stale.is_(True), DagModel.has_import_errors.is_(True)), pinned, configured, *conditions)
        .values(is_stale=False, has_import_errors=False)
        .execution_options(synchronize_session="fetch")
    )
