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
"""Calls of a REST API as one user."""

from __future__ import annotations

from typing import Any

import httpx


class RestError(RuntimeError):
    """
    A call that was refused.

    :param response: the answer
    """

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self.status = response.status_code
        request = response.request
        super().__init__(f"{request.method} {request.url.path} answered {self.status}: {response.text[:2000]}")

    @property
    def detail(self) -> Any:
        """The ``detail`` of the answer, ``None`` if it has none."""
        try:
            return self.response.json().get("detail")
        except (ValueError, AttributeError):
            return None

    @property
    def reason(self) -> str | None:
        """The machine-readable reason, which refusals of the pinning API have."""
        return self.detail.get("reason") if isinstance(self.detail, dict) else None


class RestClient:
    """
    A client that logs in when it has to.

    :param server: address of the API server
    :param prefix: path that every call's path is appended to
    :param username: user of the simple auth manager
    :param password: the user's password
    """

    def __init__(self, server: str, prefix: str, username: str, password: str) -> None:
        self._login = {"username": username, "password": password}
        self._prefix = prefix
        # trust_env: a proxy of the environment cannot reach this machine's loopback address.
        self._http = httpx.Client(base_url=server, timeout=90.0, trust_env=False)
        self._token: str | None = None

    def request(self, method: str, path: str, *, json: Any = None, **params: Any) -> httpx.Response:
        """Send a request and return the answer, whatever its status is; parameters that are ``None`` are left out."""
        if self._token is None:
            self._token = self._new_token()
        response = self._send(method, path, json, params)
        if response.status_code == httpx.codes.UNAUTHORIZED:
            self._token = self._new_token()
            response = self._send(method, path, json, params)
        return response

    def call(self, method: str, path: str, *, json: Any = None, **params: Any) -> Any:
        """
        Send a request and return the decoded answer, ``None`` if it is empty.

        :raises RestError: if the status is not one of success
        """
        response = self.request(method, path, json=json, **params)
        if not response.is_success:
            raise RestError(response)
        return response.json() if response.content else None

    def get(self, path: str, **params: Any) -> Any:
        """Read; raises as :meth:`call` does."""
        return self.call("GET", path, **params)

    def post(self, path: str, json: Any = None, **params: Any) -> Any:
        """Create or do; raises as :meth:`call` does."""
        return self.call("POST", path, json=json or {}, **params)

    def put(self, path: str, json: Any, **params: Any) -> Any:
        """Set; raises as :meth:`call` does."""
        return self.call("PUT", path, json=json, **params)

    def patch(self, path: str, json: Any, **params: Any) -> Any:
        """Change; raises as :meth:`call` does."""
        return self.call("PATCH", path, json=json, **params)

    def delete(self, path: str, **params: Any) -> Any:
        """Delete; raises as :meth:`call` does."""
        return self.call("DELETE", path, **params)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _send(self, method: str, path: str, json: Any, params: dict[str, Any]) -> httpx.Response:
        return self._http.request(
            method,
            self._prefix + path,
            json=json,
            params={name: value for name, value in params.items() if value is not None},
            headers={"Authorization": f"Bearer {self._token}"},
        )

    def _new_token(self) -> str:
        response = self._http.post("/auth/token", json=self._login)
        if not response.is_success:
            raise RestError(response)
        return response.json()["access_token"]
