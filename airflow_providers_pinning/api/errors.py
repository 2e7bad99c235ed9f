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
"""One table that says which HTTP status each refusal has, and one form that every error is answered in."""

from __future__ import annotations

import logging
import reprlib
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request, status
from fastapi.encoders import jsonable_encoder
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import DataError, DBAPIError
from starlette.exceptions import HTTPException

from airflow_providers_pinning.domain import errors
from airflow_providers_pinning.domain.changes.database_errors import trouble_of
from airflow_providers_pinning.domain.changes.transactions import refuse
from airflow_providers_pinning.domain.monitoring.release_state import ReleaseState
from airflow_providers_pinning.schemas.pins import ReleaseStateResponse
from airflow_providers_pinning.schemas.refusals import ErrorResponse
from airflow_providers_pinning.schemas.storable import showable

log = logging.getLogger(__name__)

INVALID = "invalid_request"
SAID_OF: dict[int, tuple[str, str]] = {
    400: (INVALID, "The request cannot be parsed"),
    401: ("unauthorized", "Log in first"),
    403: (
        "forbidden",
        "The user is not permitted to do this. Reading requires permission to read the versions of the Dag, "
        "changing requires permission to edit the Dag, and canary runs also require permission to create runs of "
        "it",
    ),
    404: ("not_found", "Nothing was found at this URL"),
    405: ("method_not_allowed", "This URL does not support the method"),
}
"""Reason and message of the errors that are raised by FastAPI and Airflow, with a bare text if any."""

INVALID_TOKEN = "Invalid JWT token"  # noqa: S105 - a message
"""What Airflow says of a token that is forged, damaged or from another deployment."""

SHOWN_PROBLEMS = 5
"""Invalid values that the message names; ``errors`` lists all."""

_short = reprlib.Repr()
_short.maxstring = _short.maxother = 80


def responses(*codes: int) -> dict[int | str, dict[str, Any]]:
    """Describe the refusals of a route in OpenAPI, beside those that every route has."""
    described = {
        status.HTTP_400_BAD_REQUEST: "The body cannot be parsed",
        status.HTTP_401_UNAUTHORIZED: "Not authenticated",
        status.HTTP_403_FORBIDDEN: "Not permitted",
        status.HTTP_422_UNPROCESSABLE_CONTENT: "Invalid request",
        status.HTTP_500_INTERNAL_SERVER_ERROR: "The API server failed",
        status.HTTP_503_SERVICE_UNAVAILABLE: "The database is busy or not reachable; try again after `Retry-After`",
    }
    return {
        **{code: {"model": ErrorResponse} for code in codes},
        **{code: {"model": ErrorResponse, "description": text} for code, text in described.items()},
    }


def _encode(value: Any) -> Any:
    if isinstance(value, ReleaseState):
        return ReleaseStateResponse.model_validate(value).model_dump(mode="json")
    return jsonable_encoder(value)


def _answer(code: int, detail: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> JSONResponse:
    return JSONResponse(status_code=code, content={"detail": showable(detail)}, headers=dict(headers or {}))


def answer_refusal(request: Request, error: Exception) -> JSONResponse:
    """Answer a refusal of the control plane with its reason, message and facts."""
    if not isinstance(error, errors.PinningError):
        raise error
    wait = error.data.get("retry_after")
    return _answer(
        error.refusal.status,
        {
            "reason": error.reason,
            "message": error.message,
            **{name: _encode(value) for name, value in error.data.items()},
        },
        headers=None if wait is None else {"Retry-After": str(wait)},
    )


def answer_invalid(request: Request, error: Exception) -> JSONResponse:
    """Answer a request that does not fit the types of the route with every value that does not."""
    if not isinstance(error, RequestValidationError):
        raise error
    problems = error.errors()
    named = "; ".join(map(_describe, problems[:SHOWN_PROBLEMS]))
    more = f"; and {len(problems) - SHOWN_PROBLEMS} more" if len(problems) > SHOWN_PROBLEMS else ""
    listed = [{"loc": list(problem["loc"]), "msg": problem["msg"], "type": problem["type"]} for problem in problems]
    return _answer(
        status.HTTP_422_UNPROCESSABLE_CONTENT,
        {"reason": INVALID, "message": f"{named}{more}.", "errors": listed},
    )


def _describe(problem: Mapping[str, Any]) -> str:
    """Name what is wrong: ``count: Input should be less than or equal to 100 (got 101)``."""
    place, *path = map(str, problem["loc"])
    message = problem["msg"].removeprefix("Value error, ").rstrip(".")
    # Of a value that is not there, the input is all that is.
    got = (
        "" if problem["type"] in ("missing", "json_invalid") or not path else f" (got {_short.repr(problem['input'])})"
    )
    return f"{'.'.join(path) or place}: {message}{got}"


def answer_http_error(request: Request, error: Exception) -> JSONResponse:
    """Answer what FastAPI and Airflow refuse, such as a missing login, in the form of every other refusal."""
    if not isinstance(error, HTTPException):
        raise error
    detail: Any = error.detail
    if detail == INVALID_TOKEN:
        # Airflow calls it forbidden; but nobody is logged in, and logging in is what helps.
        error = HTTPException(status.HTTP_401_UNAUTHORIZED, "The token is not valid; get a new one")
        detail = error.detail
    if not (isinstance(detail, Mapping) and {"reason", "message"} <= detail.keys()):
        reason, said = SAID_OF.get(error.status_code, (f"http_{error.status_code}", "The request was refused"))
        detail = {"reason": reason, "message": f"{said} ({request.method} {request.url.path}: {detail})."}
    return _answer(error.status_code, detail, error.headers)


def answer_data_error(request: Request, error: Exception) -> JSONResponse:
    """Answer a value that the database does not take although the types of the route do."""
    if not isinstance(error, DataError):
        raise error
    log.error("The database refused a value of %s %s", request.method, request.url.path, exc_info=error)
    return _answer(
        status.HTTP_422_UNPROCESSABLE_CONTENT,
        {
            "reason": INVALID,
            "message": f"The database rejected a value of this request ({type(error.orig).__name__}); see the API "
            "server's log.",
        },
    )


def answer_database_error(request: Request, error: Exception) -> JSONResponse:
    """
    Answer a database that is busy or gone.

    Changes are run by :mod:`~airflow_providers_pinning.domain.changes.transactions`, which makes its own refusals and
    is the last to ask the database. So this handles reads: of what was asked for, or of what comes before a change.
    """
    if not isinstance(error, DBAPIError):
        raise error
    try:
        refuse(error, trouble_of(error))
    except errors.PinningError as refusal:
        log.warning("The database did not answer %s %s: %s", request.method, request.url.path, error.orig)
        return answer_refusal(request, refusal)
    except DBAPIError:
        log.error("The database failed at %s %s", request.method, request.url.path, exc_info=error)
        return answer_failure(request, error)


def answer_failure(request: Request, error: Exception) -> JSONResponse:
    """Answer a failure of the server, which its log has."""
    return _answer(
        status.HTTP_500_INTERNAL_SERVER_ERROR,
        {
            "reason": "internal_error",
            "message": "The API server failed; see its log. It is unknown whether a change was made: check the "
            "current state.",
        },
    )


def install(app: FastAPI) -> None:
    """Make the app answer errors in one form; Airflow's own handlers do not reach a mounted app."""
    app.add_exception_handler(errors.PinningError, answer_refusal)
    app.add_exception_handler(RequestValidationError, answer_invalid)
    app.add_exception_handler(HTTPException, answer_http_error)
    app.add_exception_handler(DataError, answer_data_error)
    app.add_exception_handler(DBAPIError, answer_database_error)
    app.add_exception_handler(Exception, answer_failure)
