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
"""Where a request says that it comes from."""

from __future__ import annotations

import json
from typing import Annotated, Any, NoReturn

from fastapi import Header, HTTPException, status
from pydantic import Field, StrictInt, StrictStr, TypeAdapter

from airflow_providers_pinning.schemas.storable import Storable
from airflow_providers_pinning.vocabulary import (
    MAX_SOURCE,
    MAX_SOURCE_NAME,
    MAX_SOURCE_NAMES,
    MAX_SOURCE_VALUE,
    SOURCE_HEADER,
)

_Name = Annotated[StrictStr, Field(min_length=1, max_length=MAX_SOURCE_NAME), Storable]
_Value = (
    Annotated[StrictStr, Field(max_length=MAX_SOURCE_VALUE), Storable]
    | Annotated[StrictInt, Field(ge=-(2**53), le=2**53)]
)
_Source = Annotated[dict[_Name, _Value | None], Field(max_length=MAX_SOURCE_NAMES)]

_source: TypeAdapter[dict[str, str | int | None]] = TypeAdapter(_Source)


def parse_source(
    header: Annotated[
        str | None,
        Header(
            alias=SOURCE_HEADER,
            description="JSON object that names the task that sends the request: at most ten keys with strings, "
            "integers or nulls.",
        ),
    ] = None,
) -> dict[str, Any] | None:
    """
    Return what the header says: names with texts or whole numbers, as the history can keep and show.

    :raises HTTPException: 422 ``invalid_source`` if it says anything else
    """
    # Proxies and clients send the header without a value where they mean none.
    if not header:
        return None
    if len(header) > MAX_SOURCE:
        _refuse(f"it has {len(header)} characters")
    try:
        return _source.validate_python(json.loads(header))
    except RecursionError:
        _refuse("it is nested too deeply")
    except ValueError:
        _refuse(f"{header[:80]!r} is not one")


def _refuse(why: str) -> NoReturn:
    raise HTTPException(
        status.HTTP_422_UNPROCESSABLE_CONTENT,
        {
            "reason": "invalid_source",
            "message": f"{SOURCE_HEADER} must be a JSON object of at most {MAX_SOURCE} characters and ten keys, "
            f"each with a string, an integer or null; {why}.",
        },
    )
