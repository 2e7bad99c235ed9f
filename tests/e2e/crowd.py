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
"""Very many pinned Dags."""

from __future__ import annotations

import uuid6
from airflow.models.dag import DagModel
from airflow.models.dag_version import DagVersion
from airflow.models.serialized_dag import SerializedDagModel
from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from airflow_providers_pinning.models import ManagedVersion, Pin

TEMPLATE = "billing"
"""The Dag whose rows are repeated."""


def gather(count: int, session: Session) -> None:
    """
    Repeat one pinned Dag, with its version, under many names.

    :param count: how many to add, named ``crowd_00001`` and so on
    :param session: database session
    """
    pin = session.get_one(Pin, TEMPLATE)
    of_version = pin.dag_version_id
    names = [f"crowd_{number:05}" for number in range(1, count + 1)]
    versions = [uuid6.uuid7() for _ in names]
    tables = (
        (DagModel, DagModel.dag_id == TEMPLATE, lambda version: {}),
        (DagVersion, DagVersion.id == of_version, lambda version: {"id": version}),
        (
            SerializedDagModel,
            SerializedDagModel.dag_version_id == of_version,
            lambda version: {"id": uuid6.uuid7(), "dag_version_id": version},
        ),
        (
            ManagedVersion,
            ManagedVersion.dag_version_id == of_version,
            lambda version: {"dag_version_id": version},
        ),
        (Pin, Pin.dag_id == TEMPLATE, lambda version: {"dag_version_id": version}),
    )
    for model, condition, own in tables:
        row = dict(session.execute(select(model.__table__).where(condition)).mappings().one())
        rows = [{**row, "dag_id": name, **own(version)} for name, version in zip(names, versions, strict=True)]
        session.execute(insert(model.__table__), rows)
    session.commit()
