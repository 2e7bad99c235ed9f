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
"""Tokens of the API server: requested with login and password, cached in the process, renewed when refused."""

from __future__ import annotations

import threading
from hashlib import sha256
from typing import Any

import requests
from airflow.sdk.log import mask_secret
from requests.auth import AuthBase

from airflow_providers_pinning.client.address import ApiAddress
from airflow_providers_pinning.client.errors import error_from_answer
from airflow_providers_pinning.exceptions import NotAuthenticatedError, ServerUnavailableError

TOKEN_PATH = "/auth/token"  # noqa: S105 - a path


class TokenCache:
    """Caches the tokens of this process by server and user, so that not every request logs in again."""

    def __init__(self) -> None:
        self._tokens: dict[tuple[str, ...], str] = {}
        self._lock = threading.Lock()

    @staticmethod
    def _key(address: ApiAddress) -> tuple[str, ...]:
        secret = sha256((address.password or "").encode()).hexdigest()
        return (address.base_url, address.login or "", secret)

    def get(self, address: ApiAddress) -> str | None:
        """Return the cached token, if there is one."""
        return address.token or self._tokens.get(self._key(address))

    def put(self, address: ApiAddress, token: str) -> None:
        """Cache a new token."""
        with self._lock:
            self._tokens[self._key(address)] = token

    def drop(self, address: ApiAddress, refused: str) -> None:
        """Remove a refused token, unless another thread has already replaced it."""
        with self._lock:
            if self._tokens.get(self._key(address)) == refused:
                del self._tokens[self._key(address)]

    def clear(self) -> None:
        """Remove all tokens."""
        with self._lock:
            self._tokens.clear()


tokens = TokenCache()


def token_of_answer(status: int, body: Any, address: ApiAddress) -> str:
    """
    Return the token from the response to a login.

    :raises NotAuthenticatedError: if login or password are wrong
    :raises PinningApiError: if the response is not valid
    """
    token = body.get("access_token") if isinstance(body, dict) else None
    if status in (200, 201) and token:
        return str(token)
    if status in (200, 201, 400, 401, 403, 404, 405, 422):
        who = f"user {address.login!r}" if address.login else "nobody, as the connection has neither login nor token,"
        raise NotAuthenticatedError(
            f"Logging in to {address.base_url} as {who} was refused (status {status}). "
            "Check host, base path, login and password of the connection.",
            status=status,
            reason="login_refused",
        )
    error = error_from_answer(status, body, f"POST {TOKEN_PATH}")
    # Logging in again does no harm, and a server without its database gives the same response.
    raise ServerUnavailableError(**error.as_dict()) if status >= 500 else error


def login_request(address: ApiAddress) -> dict[str, Any]:
    """Return method, URL and body of the request for a token. Without a login, this works with all-admins servers."""
    url = f"{address.base_url}{TOKEN_PATH}"
    if address.login is None:
        return {"method": "GET", "url": url}
    return {"method": "POST", "url": url, "json": {"username": address.login, "password": address.password or ""}}


class TokenAuth(AuthBase):
    """
    Send a token with each request. If it is refused, retry once with a new token.

    :param address: server and credentials
    """

    def __init__(self, address: ApiAddress) -> None:
        self.address = address

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Add the token."""
        request.headers["Authorization"] = f"Bearer {tokens.get(self.address) or self._log_in()}"
        if self.address.renewable:
            request.register_hook("response", self._renew_once)
        return request

    def _log_in(self) -> str:
        # Not through the session: this sends the password, so it must not follow redirects.
        answer = requests.request(
            **login_request(self.address),
            timeout=self.address.timeout,
            verify=self.address.verify,
            cert=self.address.cert,
            allow_redirects=False,
        )
        token = token_of_answer(answer.status_code, json_or_text(answer), self.address)
        mask_secret(token)
        tokens.put(self.address, token)
        return token

    def _renew_once(self, answer: requests.Response, **options: Any) -> requests.Response:
        if answer.status_code != requests.codes.unauthorized:
            return answer
        _ = answer.content  # The connection is free for the next request once the response is read.
        answer.close()
        again = answer.request.copy()
        tokens.drop(self.address, str(again.headers["Authorization"]).removeprefix("Bearer "))
        again.headers["Authorization"] = f"Bearer {tokens.get(self.address) or self._log_in()}"
        renewed = answer.connection.send(again, **options)
        renewed.history.append(answer)
        renewed.request = again
        return renewed


def json_or_text(answer: requests.Response) -> Any:
    """Return the parsed body, or its text if it is not JSON."""
    try:
        return answer.json()
    except ValueError:
        return answer.text
