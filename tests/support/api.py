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
"""Clients of Airflow's API server in this process."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import FastAPI
from fastapi.testclient import TestClient

PINNING = "/pinning/api/v1"


def client(
    app: FastAPI, role: str | None = "op", *, username: str | None = None, teams: Sequence[str] = ()
) -> TestClient:
    """
    Return a client that is logged in with a role of the SimpleAuthManager.

    :param app: the API server
    :param role: ``viewer``, ``user``, ``op`` or ``admin``; ``None`` for somebody who is not logged in
    :param username: name of the user; the role's name if not given
    :param teams: the teams that the user is in
    """
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser

    headers = {}
    if role:
        user = SimpleAuthManagerUser(username=username or role, role=role, teams=list(teams))
        headers["Authorization"] = f"Bearer {app.state.auth_manager.generate_jwt(user)}"
    return TestClient(app, headers=headers, raise_server_exceptions=False)
