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
"""The base of all errors, and errors where the server could not or would not answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow.sdk.exceptions import AirflowException


class PinningApiError(AirflowException):
    """
    Base of all errors.

    :param message: what was refused, and what to do about it
    :param status: HTTP status, or ``None`` without a response
    :param reason: machine-readable reason, such as ``revision_conflict``
    :param data: further details from the server; ``state`` is the current release state
    """

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        reason: str = "pinning_api_error",
        data: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.reason = reason
        self.data: dict[str, Any] = dict(data or {})

    @property
    def state(self) -> dict[str, Any] | None:
        """The current release state, if the server sent it."""
        return self.data.get("state")

    def __str__(self) -> str:
        return f"{self.message} [{self.reason}]"

    def as_dict(self) -> dict[str, Any]:
        """Return the error as JSON values, from which ``client.errors.error_from_dict`` restores it."""
        return {"message": self.message, "status": self.status, "reason": self.reason, "data": self.data}


class TransientError(PinningApiError):
    """The API server could not answer now; the same request may succeed later."""

    @property
    def retry_after(self) -> float:
        """Seconds to wait before the next try, as requested by the server; 0 without a request."""
        try:
            return max(0.0, float(self.data.get("retry_after") or 0))
        except (TypeError, ValueError):
            return 0.0


class ApiUnreachableError(TransientError):
    """Network error: no connection, a broken one, or a timeout."""


class ServerUnavailableError(TransientError):
    """The API server, or a proxy in front of it, is overloaded or restarting (429, 502, 503, 504)."""


class DatabaseBusyError(ServerUnavailableError):
    """The server's database was busy for too long; no change was made."""


class DatabaseUnavailableError(ServerUnavailableError):
    """The server has no connection to its database; the message says whether a change may have been made."""


class ServerFaultError(PinningApiError):
    """The API server failed (other 5xx). It is unknown whether the change was made."""


class NotAuthenticatedError(PinningApiError):
    """The credentials of the connection are wrong, or its token has expired (401)."""


class NotPermittedError(PinningApiError):
    """The user of the connection is not permitted to do this (403)."""


class TeamNotPermittedError(NotPermittedError):
    """The version belongs to a team for which the user may not edit the Dag."""


class DagsForbiddenError(NotPermittedError):
    """The user may not change some Dags of a release; ``data["dag_ids"]`` lists those that the user can see."""
