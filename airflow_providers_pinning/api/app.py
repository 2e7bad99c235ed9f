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
"""The FastAPI app that Airflow's API server mounts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from airflow.api_fastapi.core_api.security import GetUserDep
from fastapi import Depends, FastAPI
from fastapi.staticfiles import StaticFiles

from airflow_providers_pinning import __version__
from airflow_providers_pinning.api import errors
from airflow_providers_pinning.api.routes import (
    canary,
    compare,
    criteria,
    documents,
    events,
    evidence,
    health,
    holds,
    pending,
    permissions,
    pin_lists,
    pins,
    policies,
    ramps,
    releases,
    runs,
    versions,
)
from airflow_providers_pinning.api.storable import refuse_unstorable

API_PREFIX = "/api/v1"


def create_app(static: Path | None = None) -> FastAPI:
    """
    Build the app. Its description is served to users who are logged in, not to everybody.

    :param static: folder of the built user interface; like Airflow's own it is served to everybody, as it
        holds no data
    """
    app = FastAPI(
        title="Dag version pinning",
        description="Control which version of a Dag new runs use, while newer versions keep being parsed.",
        version=__version__,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        dependencies=[Depends(refuse_unstorable)],
    )
    for routes in (
        pins,
        pin_lists,
        documents,
        ramps,
        releases,
        pending,
        holds,
        events,
        versions,
        runs,
        permissions,
        compare,
        canary,
        criteria,
        policies,
        evidence,
        health,
    ):
        app.include_router(routes.router, prefix=API_PREFIX)

    @app.get(f"{API_PREFIX}/openapi.json", include_in_schema=False)
    def get_openapi(user: GetUserDep) -> dict[str, Any]:
        return app.openapi()

    if static is not None:
        app.mount("/static", StaticFiles(directory=static), name="static")
    errors.install(app)
    return app
