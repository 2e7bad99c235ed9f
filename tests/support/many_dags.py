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
"""Thousands of Dags in two versions each, copied row by row from two that were registered."""

from __future__ import annotations

import copy
import json
from typing import Any

from airflow.models.dag import DagModel
from airflow.models.dag_version import DagVersion
from airflow.models.dagcode import DagCode
from airflow.models.serialized_dag import SerializedDagModel
from sqlalchemy import insert, select
from uuid6 import uuid7

from tests.support.lab import Lab
from tests.support.sources import CHANGED, STABLE

COPIED_AT_ONCE = 500


def register_many(lab: Lab, count: int, *, template: str = "template") -> list[str]:
    """
    Register Dags in two versions, at the commits ``sha1`` and ``sha2``. The first is a candidate, so that it is kept.

    :param lab: where
    :param count: how many
    :param template: id of the Dag that they are copied from
    :return: the ids of the copies, in order
    """
    for sha, source in (("sha1", STABLE), ("sha2", CHANGED)):
        lab.commit(sha, **{template: source.replace('"orders"', f'"{template}"')})
        if sha == "sha1":
            lab.candidate(template, 1)
    ids = [f"dag_{number:05}" for number in range(count)]
    for start in range(0, count, COPIED_AT_ONCE):
        _copy(lab, template, ids[start : start + COPIED_AT_ONCE])
    lab.session.commit()
    lab.session.expire_all()
    return ids


def _copy(lab: Lab, template: str, ids: list[str]) -> None:
    session = lab.session
    [dag] = _rows(session, DagModel, DagModel.dag_id == template)
    session.execute(insert(DagModel.__table__), [{**dag, "dag_id": dag_id} for dag_id in ids])
    for version in _rows(session, DagVersion, DagVersion.dag_id == template):
        new = {dag_id: uuid7() for dag_id in ids}
        session.execute(
            insert(DagVersion.__table__), [{**version, "id": new[dag_id], "dag_id": dag_id} for dag_id in ids]
        )
        for model in (SerializedDagModel, DagCode):
            [row] = _rows(session, model, model.dag_version_id == version["id"])
            session.execute(
                insert(model.__table__),
                [_of(row, template, dag_id, new[dag_id]) for dag_id in ids],
            )


def _rows(session: Any, model: Any, condition: Any) -> list[dict[str, Any]]:
    return [dict(row._mapping) for row in session.execute(select(model.__table__).where(condition))]


def _of(row: dict[str, Any], template: str, dag_id: str, version_id: Any) -> dict[str, Any]:
    copied = {**copy.copy(row), "id": uuid7(), "dag_id": dag_id, "dag_version_id": version_id}
    if copied.get("data") is not None:
        data = copied["data"]
        text = json.dumps(data) if not isinstance(data, str) else data
        copied["data"] = json.loads(text.replace(f'"{template}"', f'"{dag_id}"'))
    return copied
