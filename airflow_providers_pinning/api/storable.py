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
"""Refuse what no database can store, wherever in a request it is."""

from __future__ import annotations

from typing import Any

from airflow.api_fastapi.core_api.security import GetUserDep
from fastapi import Request
from fastapi.exceptions import RequestValidationError

from airflow_providers_pinning.domain.json_limits import why_not_storable
from airflow_providers_pinning.vocabulary import MAX_ID

_OF_THE_AUDIT_LOG = frozenset({"dag_id", "task_id", "run_id", "dag_run_id"})
"""Names in a body that the audit log would record in place of the Dag in the address."""


async def refuse_unstorable(request: Request, user: GetUserDep) -> None:
    """
    Refuse what no database can store before it gets to one.

    The types of the parameters would refuse it too late: Airflow's authorization and audit log run before, and give
    the database the address and the body as they are.

    :raises RequestValidationError: if there is such a value
    """
    given = [
        *(("path", name, value) for name, value in request.path_params.items()),
        *(("query", name, value) for name, value in request.query_params.multi_items()),
        *(("body", name, value) for name, value in (await _body_of(request)).items()),
        ("user", "", user.get_name()),
    ]
    found = [
        {"type": "not_storable", "loc": (place, name) if name else (place,), "msg": problem, "input": value}
        for place, name, value in given
        if (problem := why_not_storable(name) or why_not_storable(value) or _misplaced(place, name, value))
    ]
    if found:
        raise RequestValidationError(found)


async def _body_of(request: Request) -> dict[str, Any]:
    """Return the body as Airflow's audit log reads it: whatever the route takes, and only if it is an object."""
    if "application/json" not in request.headers.get("content-type", "") or not await request.body():
        return {}
    try:
        body = await request.json()
    except (ValueError, RecursionError) as error:
        raise RequestValidationError(
            [{"type": "json_invalid", "loc": ("body",), "msg": "JSON decode error", "input": {}}]
        ) from error
    return body if isinstance(body, dict) else {}


def _misplaced(place: str, name: str, value: Any) -> str | None:
    if place == "path" and len(value) > MAX_ID:
        return f"At most {MAX_ID} characters"
    if place == "body" and name in _OF_THE_AUDIT_LOG:
        return "Extra inputs are not permitted"
    return None
