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
"""Convert error responses of the API server to exceptions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow_providers_pinning import exceptions
from airflow_providers_pinning.vocabulary import REFUSALS

OF_REASON: dict[str, type[exceptions.PinningApiError]] = {
    **{reason: getattr(exceptions, refusal.exception) for reason, refusal in REFUSALS.items()},
    "api_unreachable": exceptions.ApiUnreachableError,
}
"""The class for each of the server's reasons. Others depend on the status."""

OF_STATUS: dict[int, type[exceptions.PinningApiError]] = {
    400: exceptions.InvalidRequestError,
    401: exceptions.NotAuthenticatedError,
    403: exceptions.NotPermittedError,
    404: exceptions.NotFoundError,
    409: exceptions.ConflictError,
    422: exceptions.InvalidRequestError,
    429: exceptions.ServerUnavailableError,
    502: exceptions.ServerUnavailableError,
    503: exceptions.ServerUnavailableError,
    504: exceptions.ServerUnavailableError,
}
"""The class for each status without a known reason."""

TEXTS: dict[int, str] = {
    401: "The API server did not accept the credentials of the connection. Check its login and password, or its token.",
    403: "The user of the connection is not permitted to do this.",
    404: "Not found. Check the Dag id, the address of the connection with its base path, and that the API server "
    "runs the airflow-providers-pinning package.",
}
"""Messages for responses without a message, or with one that does not mention connections."""

UNTOLD = frozenset({"unauthorized", "forbidden", "not_found"})
"""Reasons that point to the connection, whatever the server's message says."""


def error_from_answer(status: int, body: Any, asked: str) -> exceptions.PinningApiError:
    """
    Convert an error response to a typed error.

    :param status: HTTP status
    :param body: parsed JSON of the response, or its text
    :param asked: the request, for the message
    """
    detail = body.get("detail") if isinstance(body, Mapping) else None
    if isinstance(detail, Mapping) and "reason" in detail:
        data = {key: value for key, value in detail.items() if key not in ("reason", "message")}
        message, reason = str(detail.get("message")), str(detail["reason"])
        if reason in UNTOLD:
            message = f"{TEXTS.get(status, '')} ({asked}: {message})".strip()
    else:
        data, reason = {}, f"http_{status}"
        text = TEXTS.get(status) or f"The API server answered with status {status}."
        said = detail if detail not in (None, "Not Found", "Forbidden") else None
        message = f"{text} ({asked}{f': {said}' if said else ''})"
    return error_from_dict({"message": message, "status": status, "reason": reason, "data": data})


def error_from_dict(values: Mapping[str, Any]) -> exceptions.PinningApiError:
    """Recreate an error from :meth:`~airflow_providers_pinning.exceptions.PinningApiError.as_dict`."""
    status, reason = values["status"], values["reason"]
    fallback = exceptions.ServerFaultError if (status or 0) >= 500 else exceptions.PinningApiError
    kind = OF_REASON.get(reason) or OF_STATUS.get(status or 0, fallback)
    return kind(values["message"], status=status, reason=reason, data=values["data"])
