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
"""What differs between two versions of a Dag."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from airflow.api_fastapi.common.db.common import SessionDep
from airflow.api_fastapi.common.router import AirflowRouter
from airflow.api_fastapi.core_api.security import GetUserDep
from fastapi import Query

from airflow_providers_pinning.api.errors import responses
from airflow_providers_pinning.api.hidden_names import without_names
from airflow_providers_pinning.api.security import may_read
from airflow_providers_pinning.api.sight import sight_of
from airflow_providers_pinning.api.user_permissions import may_read_code
from airflow_providers_pinning.domain.difference.compare import VersionDifference, choose_versions, compare
from airflow_providers_pinning.domain.difference.dag_files import dags_in_files
from airflow_providers_pinning.domain.difference.files import files_of_versions
from airflow_providers_pinning.schemas.compare import ComparisonResponse
from airflow_providers_pinning.schemas.storable import DagId, Text
from airflow_providers_pinning.vocabulary import MAX_INTEGER

router = AirflowRouter(tags=["Version"])

VersionNumber = Annotated[int | None, Query(ge=1, le=MAX_INTEGER)]


@router.get(
    "/dags/{dag_id}/compare",
    responses=responses(404, 409),
    dependencies=[may_read],
    response_model=ComparisonResponse,
)
def compare_versions(
    dag_id: DagId,
    user: GetUserDep,
    session: SessionDep,
    from_version: VersionNumber = None,
    to_version: VersionNumber = None,
    expected_dag_hash: Annotated[
        Text | None, Query(description="Refuse if `to_version` is not the version with this hash.")
    ] = None,
    expected_bundle_version: Annotated[
        Text | None, Query(description="Refuse if `to_version` is not at this commit.")
    ] = None,
) -> VersionDifference:
    """Compare two versions, by default the active one with the latest."""
    before, after = choose_versions(
        dag_id,
        from_version=from_version,
        to_version=to_version,
        expected_dag_hash=expected_dag_hash,
        expected_bundle_version=expected_bundle_version,
        session=session,
    )
    further = files_of_versions((before, after), session=session)
    together = dags_in_files(dag_id, (before, after), further=further, session=session)
    with_code = may_read_code(dag_id, together, user=user, session=session)
    found = compare(dag_id, before, after, with_code=with_code, session=session)
    if not found.warnings:
        return found
    shown = without_names(found.warnings, [dag_id], sight_of(user, session=session), session=session)
    return replace(found, warnings=tuple(map(shown, found.warnings)))
