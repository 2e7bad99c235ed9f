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
"""Hook on the REST API of the provider, in this Airflow or another one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypedDict
from uuid import uuid4

import requests
import tenacity
from airflow.providers.http.hooks.http import HttpHook

from airflow_providers_pinning.exceptions import PinningApiError, TransientError, error_from_answer
from airflow_providers_pinning.hooks import endpoints, tls
from airflow_providers_pinning.hooks.address import ApiAddress
from airflow_providers_pinning.hooks.endpoints import ApiRequest
from airflow_providers_pinning.hooks.reads import PinningReads
from airflow_providers_pinning.hooks.source import source_headers
from airflow_providers_pinning.hooks.tokens import TokenAuth, json_or_text

if TYPE_CHECKING:
    from typing_extensions import Unpack

BROKEN = (
    requests.exceptions.ConnectionError,
    requests.exceptions.Timeout,
    requests.exceptions.ChunkedEncodingError,
)
"""Failures of the line, rather than answers."""


class Expected(TypedDict, total=False):
    """
    What the caller saw of a Dag, so that nothing else is changed; each is optional and may be ``None``.

    The change is refused with ``revision_conflict`` or ``version_drifted`` if it is no longer so.
    """

    expected_revision: int | None
    """Revision of the release state."""
    expected_dag_hash: str | None
    """Hash of the version that is named."""
    expected_bundle_version: str | None
    """Commit of the version that is named: it may have other code under the same hash."""


class PinningHook(PinningReads, HttpHook):
    """
    Read and change which version new runs of a Dag use.

    Every method returns the parsed answer as plain JSON values, and raises a subclass of
    :class:`~airflow_providers_pinning.exceptions.PinningApiError` for any other answer. A broken connection and
    the statuses 429, 502, 503 and 504 are tried again, because every change carries an idempotency key: a
    change whose answer was lost is not made twice. A conflict is never tried again.

    :param pinning_conn_id: the :doc:`connection </connection>` of type ``pinning``
    :param source: the task that asks, recorded in the history: up to ten names with texts, whole numbers or ``None``
    :param attempts: how often a request is sent at most
    :param backoff: seconds before the second attempt; they double with each further one
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
        """The API server that the connection names."""
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

        It replaces the one of ``HttpHook``, which would send unknown extras as headers, give the password to
        each request instead of a token, and throw away the body of refusals.
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
        # A redirect could turn a change into a GET, and answers are judged here.
        self.merged_extra = {
            "timeout": address.timeout,
            "allow_redirects": False,
            "check_response": False,
            **(extra_options or {}),
        }
        return session

    def call(self, request: ApiRequest) -> Any:
        """
        Send a request, again if that is safe and can help, and return the parsed answer.

        :raises PinningApiError: the subclass tells what is wrong
        """
        retrying = tenacity.Retrying(
            stop=tenacity.stop_after_attempt(self.attempts if request.repeatable else 1),
            wait=tenacity.wait_exponential(multiplier=self.backoff, max=30) + tenacity.wait_random(0, self.backoff),
            retry=tenacity.retry_if_exception_type(TransientError),
            before_sleep=lambda state: self.log.warning(
                "Trying again: %s", state.outcome.exception() if state.outcome else None
            ),
            reraise=True,
        )
        return retrying(self._send, request)

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
        """Ask for the health of the deployment, which changes nothing."""
        try:
            health = self.get_health()
        except (PinningApiError, ValueError) as error:
            return False, str(error)
        found = len(health["components"])
        return True, f"Logged in to {self.address.base_url}: {found} components, pins enforced: {health['enforced']}"

    def pin(
        self,
        dag_id: str,
        *,
        reason: str,
        version_number: int | None = None,
        dag_version_id: str | None = None,
        bundle_version: str | None = None,
        override_reason: str | None = None,
        idempotency_key: str | None = None,
        **expected: Unpack[Expected],
    ) -> dict[str, Any]:
        """
        Make a version the one that new runs use, and return the release state.

        Give one of ``version_number``, ``dag_version_id`` and ``bundle_version``.
        """
        return self.call(
            endpoints.pin(
                dag_id,
                reason=reason,
                version_number=version_number,
                dag_version_id=dag_version_id,
                bundle_version=bundle_version,
                override_reason=override_reason,
                idempotency_key=idempotency_key or _new_key(),
                **expected,
            )
        )

    def unpin(
        self,
        dag_id: str,
        *,
        reason: str,
        expected_version: int | None = None,
        override_reason: str | None = None,
        idempotency_key: str | None = None,
        **expected: Unpack[Expected],
    ) -> dict[str, Any]:
        """
        Make the latest version active again, and return the release state.

        :param expected_version: refuse with ``revision_conflict`` if another version is the latest; hash and commit
            that are expected are those of the latest version too
        """
        return self.call(
            endpoints.unpin(
                dag_id,
                reason=reason,
                expected_version=expected_version,
                override_reason=override_reason,
                idempotency_key=idempotency_key or _new_key(),
                **expected,
            )
        )

    def roll_back(
        self,
        dag_id: str,
        *,
        reason: str,
        to_version: int | None = None,
        from_version: int | None = None,
        reject_current: bool = True,
        hold: bool = False,
        expected_revision: int | None = None,
        override_reason: str | None = None,
        idempotency_key: str | None = None,
    ) -> dict[str, Any]:
        """
        Pin the version that was active before, or the one named, and return the release state.

        :param from_version: refuse with ``revision_conflict`` if another version is active
        """
        return self.call(
            endpoints.rollback(
                dag_id,
                reason=reason,
                to_version=to_version,
                from_version=from_version,
                reject_current=reject_current,
                hold=hold,
                expected_revision=expected_revision,
                override_reason=override_reason,
                idempotency_key=idempotency_key or _new_key(),
            )
        )

    def add_candidate(
        self,
        dag_id: str,
        *,
        reason: str,
        version_number: int | None = None,
        idempotency_key: str | None = None,
        **expected: Unpack[Expected],
    ) -> dict[str, Any]:
        """Put a version, by default the latest, under evaluation, so that no commit overwrites it."""
        return self.call(
            endpoints.candidate(
                dag_id,
                reason=reason,
                version_number=version_number,
                idempotency_key=idempotency_key or _new_key(),
                **expected,
            )
        )

    def reject(
        self,
        dag_id: str,
        version_number: int,
        *,
        reason: str,
        idempotency_key: str | None = None,
        **expected: Unpack[Expected],
    ) -> dict[str, Any]:
        """Mark a version as not to be pinned."""
        key = idempotency_key or _new_key()
        return self.call(
            endpoints.judgement(dag_id, version_number, "reject", reason=reason, idempotency_key=key, **expected)
        )

    def restore(
        self,
        dag_id: str,
        version_number: int,
        *,
        reason: str,
        idempotency_key: str | None = None,
        **expected: Unpack[Expected],
    ) -> dict[str, Any]:
        """Allow a rejected version to be pinned again."""
        key = idempotency_key or _new_key()
        return self.call(
            endpoints.judgement(dag_id, version_number, "restore", reason=reason, idempotency_key=key, **expected)
        )

    def trigger_canary_runs(
        self,
        dag_id: str,
        version_number: int,
        *,
        count: int = 1,
        conf: Mapping[str, Any] | None = None,
        note: str | None = None,
        override_reason: str | None = None,
        idempotency_key: str | None = None,
        **expected: Unpack[Expected],
    ) -> dict[str, Any]:
        """
        Create runs of a version while the pin stays; return ``version``, ``run_ids`` and ``warnings``.

        :param override_reason: why a rejection of the version is passed over
        """
        return self.call(
            endpoints.canary_runs(
                dag_id,
                version_number=version_number,
                count=count,
                conf=None if conf is None else dict(conf),
                note=note,
                override_reason=override_reason,
                idempotency_key=idempotency_key or _new_key(),
                **expected,
            )
        )


def _new_key() -> str:
    return f"call-{uuid4()}"
