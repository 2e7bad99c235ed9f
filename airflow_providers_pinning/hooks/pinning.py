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
"""Hook for the REST API of the provider, in this Airflow or another one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import requests
import tenacity
from airflow.providers.http.hooks.http import HttpHook

from airflow_providers_pinning.client import tls
from airflow_providers_pinning.client.address import ApiAddress
from airflow_providers_pinning.client.changes import PinningChanges
from airflow_providers_pinning.client.endpoints import ApiRequest
from airflow_providers_pinning.client.errors import error_from_answer
from airflow_providers_pinning.client.reads import PinningReads
from airflow_providers_pinning.client.task_source import source_headers
from airflow_providers_pinning.client.tokens import TokenAuth, json_or_text
from airflow_providers_pinning.exceptions import PinningApiError, TransientError

BROKEN = (
    requests.exceptions.ConnectionError,
    requests.exceptions.Timeout,
    requests.exceptions.ChunkedEncodingError,
)
"""Network errors: no HTTP response arrived."""


class PinningHook(PinningReads, PinningChanges, HttpHook):
    """
    Read and change which version new runs of a Dag use.

    Every method returns the parsed response as JSON values, or raises a subclass of
    :class:`~airflow_providers_pinning.exceptions.PinningApiError` for any error. Network errors and the statuses 429,
        502, 503 and 504 are retried. This is safe because every change has an idempotency key: a change whose
        response was lost is not made twice. Conflicts are never retried.

    :param pinning_conn_id: the :doc:`connection </connection>` of type ``pinning``
    :param source: the requesting task, recorded in the history: up to ten keys with strings, integers or ``None``
    :param attempts: maximum number of attempts per request
    :param backoff: seconds before the second attempt; doubled with each further one, and at least what the server
        requests
    """

    conn_name_attr = "pinning_conn_id"
    default_conn_name = "pinning_default"
    conn_type = "pinning"
    hook_name = "Dag version pinning"

    def __init__(
        self,
        pinning_conn_id: str = default_conn_name,
        *,
        source: Mapping[str, Any] | None = None,
        attempts: int = 5,
        backoff: float = 1.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(http_conn_id=pinning_conn_id, auth_type=TokenAuth, **kwargs)
        self.pinning_conn_id = pinning_conn_id
        self.source = source
        self.attempts = attempts
        self.backoff = backoff
        self._address: ApiAddress | None = None

    @property
    def address(self) -> ApiAddress:
        """The API server of the connection."""
        if self._address is None:
            connection = self.get_connection(self.pinning_conn_id)
            self._address = ApiAddress.of(connection, connection.extra_dejson)
            self.base_url = self._address.base_url
        return self._address

    def get_conn(
        self, headers: dict[Any, Any] | None = None, extra_options: dict[str, Any] | None = None
    ) -> requests.Session:
        """
        Return a session that is logged in.

        It replaces the session of ``HttpHook``, which would send unknown extras as headers, send the password with
        each request instead of a token, and discard the body of refusals.
        """
        address = self.address
        tls.require_files(address)
        session = requests.Session()
        session.auth = TokenAuth(address)
        session.verify, session.cert = address.verify, address.cert
        session.headers.update({"Accept": "application/json", **source_headers(self.source), **(headers or {})})
        if adapter := self.adapter or self.keep_alive_adapter:
            session.mount("http://", adapter)
            session.mount("https://", adapter)
        # A redirect could turn a change into a GET, and responses are checked here.
        self.merged_extra = {
            "timeout": address.timeout,
            "allow_redirects": False,
            "check_response": False,
            **(extra_options or {}),
        }
        return session

    def call(self, request: ApiRequest) -> dict[str, Any]:
        """
        Send a request, retry if that is safe and useful, and return the parsed response.

        :raises PinningApiError: the subclass identifies the error
        """
        retrying = tenacity.Retrying(
            stop=tenacity.stop_after_attempt(self.attempts if request.repeatable else 1),
            wait=self._pause,
            retry=tenacity.retry_if_exception_type(TransientError),
            before_sleep=lambda state: self.log.warning(
                "Retrying: %s", state.outcome.exception() if state.outcome else None
            ),
            reraise=True,
        )
        return retrying(self._send, request)

    def _pause(self, state: tenacity.RetryCallState) -> float:
        own = tenacity.wait_exponential(multiplier=self.backoff, max=30) + tenacity.wait_random(0, self.backoff)
        error = state.outcome.exception() if state.outcome else None
        wanted = error.retry_after if isinstance(error, TransientError) else 0.0
        return max(own(state), min(wanted, 30))

    def _send(self, request: ApiRequest) -> Any:
        asked = f"{request.method} {self.address.base_url}{request.path}"
        try:
            with self.get_conn() as session:
                prepared = session.prepare_request(
                    requests.Request(
                        request.method,
                        f"{self.address.base_url}{request.path}",
                        params=request.params,
                        json=request.body,
                    )
                )
                answer = self.run_and_check(session, prepared, self.merged_extra)
                body = json_or_text(answer)
        except BROKEN as error:
            raise tls.failure(error, self.address, asked) from error
        if answer.is_redirect:
            raise PinningApiError(
                f"{asked} is redirected to {answer.headers.get('location')}. Set that address in the connection.",
                status=answer.status_code,
                reason="redirected",
            )
        if not answer.ok or isinstance(body, str):
            raise error_from_answer(answer.status_code, body, asked)
        return body

    def test_connection(self) -> tuple[bool, str]:
        """Request the health of the deployment, which changes nothing."""
        try:
            health = self.get_health()
        except (PinningApiError, ValueError) as error:
            return False, str(error)
        found = len(health["components"])
        return True, f"Logged in to {self.address.base_url}: {found} components, pins enforced: {health['enforced']}"
