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
"""The non-blocking hook for triggers."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import aiohttp
from airflow.providers.http.hooks.http import HttpAsyncHook, SessionConfig
from airflow.sdk.log import amask_secret

from airflow_providers_pinning.client import endpoints, tls
from airflow_providers_pinning.client.address import ApiAddress
from airflow_providers_pinning.client.endpoints import ApiRequest
from airflow_providers_pinning.client.errors import error_from_answer
from airflow_providers_pinning.client.soak import SoakCriteria
from airflow_providers_pinning.client.tokens import TOKEN_PATH, token_of_answer, tokens
from airflow_providers_pinning.hooks.pinning import PinningHook


class PinningAsyncHook(HttpAsyncHook):
    """
    Read from the REST API without blocking. It makes no changes and no retries: triggers poll again. Connection and
    token are cached. If a token is refused, the connection is read again, to pick up a changed password, and the hook
    logs in once more.

    :param pinning_conn_id: the :doc:`connection </connection>` of type ``pinning``
    """

    conn_name_attr = PinningHook.conn_name_attr
    default_conn_name = PinningHook.default_conn_name
    conn_type = PinningHook.conn_type
    hook_name = PinningHook.hook_name

    def __init__(self, pinning_conn_id: str = default_conn_name) -> None:
        super().__init__(method="GET", http_conn_id=pinning_conn_id, retry_limit=1)
        self._address: ApiAddress | None = None

    async def address(self) -> ApiAddress:
        """Return the API server of the connection."""
        if self._address is None:
            self._address = await asyncio.to_thread(self._read_connection)
        return self._address

    def _read_connection(self) -> ApiAddress:
        """
        Read the connection in a separate thread.

        Its secrets are masked in the supervisor too, by a call that waits for the event loop. A non-blocking
        alternative only exists since Airflow 3.3.2.
        """
        connection = self.get_connection(self.http_conn_id)
        return ApiAddress.of(connection, connection.extra_dejson)

    async def config(self) -> SessionConfig:
        """Return the transport settings; extras are not sent as headers."""
        if self._config is None:
            address = await self.address()
            self._config = SessionConfig(
                base_url=address.base_url,
                headers={"Accept": "application/json"},
                extra_options={
                    "ssl": await asyncio.to_thread(tls.client_context, address),
                    "timeout": aiohttp.ClientTimeout(total=address.timeout),
                    "allow_redirects": False,
                },
            )
        return self._config

    async def call(self, request: ApiRequest) -> dict[str, Any]:
        """
        Send a GET request, again if the token is refused, and return the parsed response.

        :raises PinningApiError: the subclass identifies the error
        """
        address = await self.address()
        asked = f"GET {address.base_url}{request.path}"
        try:
            token = tokens.get(address) or await self._log_in()
            status, body = await self._fetch("GET", request.path, token, params=request.params)
            if status == 401 and address.renewable:
                tokens.drop(address, token)
                self._address = self._config = None
                status, body = await self._fetch("GET", request.path, await self._log_in(), params=request.params)
        except (aiohttp.ClientError, TimeoutError, asyncio.TimeoutError, OSError) as error:
            raise tls.failure(error, address, asked) from error
        if not 200 <= status < 300 or isinstance(body, str):
            raise error_from_answer(status, body, asked)
        answer: dict[str, Any] = body
        return answer

    async def _log_in(self) -> str:
        address = await self.address()
        if known := tokens.get(address):
            return known
        method, content = ("GET", None) if address.login is None else ("POST", self._credentials(address))
        token = token_of_answer(*await self._fetch(method, TOKEN_PATH, None, json=content), address)
        await amask_secret(token)
        tokens.put(address, token)
        return token

    @staticmethod
    def _credentials(address: ApiAddress) -> dict[str, Any]:
        return {"username": address.login, "password": address.password or ""}

    async def _fetch(self, method: str, path: str, token: str | None, **sent: Any) -> tuple[int, Any]:
        # Not with the session of HttpAsyncHook: before release 6.3 it discards the body of refusals.
        config = await self.config()
        headers = {**(config.headers or {}), **({"Authorization": f"Bearer {token}"} if token else {})}
        async with (
            aiohttp.ClientSession() as session,
            session.request(
                method, f"{config.base_url}{path}", headers=headers, **sent, **(config.extra_options or {})
            ) as answer,
        ):
            text = await answer.text()
        try:
            return answer.status, json.loads(text)
        except ValueError:
            return answer.status, text

    async def get_release_state(self, dag_id: str) -> dict[str, Any]:
        """Return the version that new runs of a Dag use, and why."""
        return await self.call(endpoints.release_state(dag_id))

    async def list_versions(self, dag_id: str, *, limit: int = 50, offset: int = 0) -> dict[str, Any]:
        """Return ``versions``, newest first, and ``total_entries``."""
        return await self.call(endpoints.versions(dag_id, limit, offset))

    async def get_registration(self, dag_id: str, bundle_version: str) -> dict[str, Any]:
        """Return the ``registration`` of a commit for a Dag, and the ``version``."""
        return await self.call(endpoints.registration(dag_id, bundle_version))

    async def compare(
        self,
        dag_id: str,
        *,
        from_version: int | None = None,
        to_version: int | None = None,
        expected_dag_hash: str | None = None,
        expected_bundle_version: str | None = None,
    ) -> dict[str, Any]:
        """
        Return the differences between two versions, by default the active and the latest one.

        ``expected_dag_hash`` and ``expected_bundle_version`` are the hash and the commit that ``to_version`` must
        have.
        """
        return await self.call(
            endpoints.compare(
                dag_id,
                from_version=from_version,
                to_version=to_version,
                expected_dag_hash=expected_dag_hash,
                expected_bundle_version=expected_bundle_version,
            )
        )

    async def get_soak(self, dag_id: str, version_number: int, criteria: SoakCriteria) -> dict[str, Any]:
        """Return the verdict on a version, with its evidence."""
        return await self.call(endpoints.soak(dag_id, version_number, criteria))

    async def get_dag_run(self, dag_id: str, run_id: str) -> dict[str, Any]:
        """Return a run as described by Airflow's own API."""
        return await self.call(endpoints.dag_run(dag_id, run_id))
