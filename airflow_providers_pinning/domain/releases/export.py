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
"""Export the pins as a document that can be applied again."""

from __future__ import annotations

from typing import Any

from airflow.models.dag import DagModel
from sqlalchemy import select
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.batches import pages
from airflow_providers_pinning.domain.changes.pin_row import READ_AT_ONCE
from airflow_providers_pinning.domain.releases.choice import matching
from airflow_providers_pinning.domain.releases.document import IDENTITY
from airflow_providers_pinning.domain.releases.request import Access, Selection
from airflow_providers_pinning.models import Pin


def export_pins(selection: Selection, access: Access, *, owns: bool = False, session: Session) -> dict[str, Any]:
    """
    Return the pins of Dags, ordered by ID independently of the database.

    :param selection: which Dags (default: all)
    :param access: which Dags the caller may see
    :param owns: make the document own the selected Dags, so that applying it unpins those that it does not list
    :param session: database session
    """
    query = select(DagModel.dag_id).join(Pin, Pin.dag_id == DagModel.dag_id).where(Pin.dag_version_id.is_not(None))
    found = matching(query, selection, session=session)
    if access.readable is not None:
        found &= access.readable.among(found)
    pins = []
    for page in pages(sorted(found), READ_AT_ONCE):
        rows = session.execute(
            select(Pin.dag_id, *(getattr(Pin, name) for name in IDENTITY)).where(
                Pin.dag_id.in_(page), Pin.dag_version_id.is_not(None)
            )
        )
        pins += [{name: value for name, value in row._mapping.items() if value is not None} for row in rows]
    document: dict[str, Any] = {"pins": sorted(pins, key=lambda pin: pin["dag_id"])}
    return {**document, "owns": _owned(selection)} if owns else document


def _owned(selection: Selection) -> dict[str, list[str]]:
    named = {
        "tags": selection.tags,
        "bundles": selection.bundles,
        "dag_ids": selection.dag_id_patterns,
        "owners": selection.owners,
    }
    return {kind: sorted(values) for kind, values in named.items() if values} or {"dag_ids": ["*"]}
