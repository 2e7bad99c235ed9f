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
"""One table that says which HTTP status each refusal has."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI, Request, status
from fastapi.encoders import jsonable_encoder
from fastapi.responses import JSONResponse

from airflow_providers_pinning.api.datamodels.pins import ReleaseStateResponse
from airflow_providers_pinning.api.datamodels.refusals import ErrorResponse
from airflow_providers_pinning.domain import errors
from airflow_providers_pinning.domain.state import ReleaseState

STATUS_OF: dict[type[errors.PinningError], int] = {
    errors.UnknownDagError: status.HTTP_404_NOT_FOUND,
    errors.UnknownVersionError: status.HTTP_404_NOT_FOUND,
    errors.NotPinnedError: status.HTTP_404_NOT_FOUND,
    errors.InvalidConfError: status.HTTP_422_UNPROCESSABLE_CONTENT,
}
"""Refusals that are not a conflict; every other one answers 409."""


def responses(*codes: int) -> dict[int | str, dict[str, Any]]:
    """Describe the refusals of a route in OpenAPI, beside those of authorization."""
    described = {
        status.HTTP_401_UNAUTHORIZED: "Not authenticated",
        status.HTTP_403_FORBIDDEN: "Not permitted",
    }
    return {
        **{code: {"description": text} for code, text in described.items()},
        **{code: {"model": ErrorResponse} for code in codes},
    }


def _encode(value: Any) -> Any:
    if isinstance(value, ReleaseState):
        return ReleaseStateResponse.model_validate(value).model_dump(mode="json")
    return jsonable_encoder(value)


def answer_refusal(request: Request, error: Exception) -> JSONResponse:
    """Answer a refusal of the control plane with its reason, message and facts."""
    if not isinstance(error, errors.PinningError):
        raise error
    return JSONResponse(
        status_code=STATUS_OF.get(type(error), status.HTTP_409_CONFLICT),
        content={
            "detail": {
                "reason": error.reason,
                "message": error.message,
                **{name: _encode(value) for name, value in error.data.items()},
            }
        },
    )


def install(app: FastAPI) -> None:
    """Make the app answer refusals; Airflow's own handlers do not reach a mounted app."""
    app.add_exception_handler(errors.PinningError, answer_refusal)
