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
"""What is wrong with a document of policies or pins, place by place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow_providers_pinning.domain.errors import InvalidPolicyError, PinningError

_SHOWN = 20
"""Problems that the message of a refusal names; ``problems`` lists all."""
_SHOWN_BITS = 1000


def invalid(problems: list[str], error: type[PinningError] = InvalidPolicyError) -> PinningError:
    """Return the refusal of a document."""
    more = f" And {len(problems) - _SHOWN} more." if len(problems) > _SHOWN else ""
    return error(" ".join(problems[:_SHOWN]) + more, problems=problems)


def problem_of(error: Mapping[str, Any], document: Mapping[str, Any]) -> str:
    """Say what pydantic found, with its place and the name of what stands there."""
    place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in error["loc"]).lstrip(".")
    if name := _name_at(error["loc"], document):
        place = f"{place} ({name})"
    message = error["msg"].removeprefix("Value error, ").rstrip(".")
    if error["type"] == "extra_forbidden":
        message = "there is no such key; check its spelling and its indentation"
    elif error["type"] == "string_type":
        message = f"must be a text, not {described(error['input'])}; put it in quotes"
    elif error["type"] == "list_type":
        message = f"must be a list, not {described(error['input'])}; put it in brackets"
    elif error["type"] not in ("missing", "value_error"):
        message = f"{message}, not {described(error['input'])}"
    return f"{place or 'The document'}: {message}."


_NAMED_BY = {"policies": ("policy", "name"), "pins": ("Dag", "dag_id")}
"""What the lists of documents have, and which key names it."""


def _name_at(place: tuple[int | str, ...], document: Mapping[str, Any]) -> str | None:
    if len(place) < 2 or place[0] not in _NAMED_BY:
        return None
    what, key = _NAMED_BY[str(place[0])]
    try:
        name = document[str(place[0])][place[1]][key]
    except (IndexError, KeyError, TypeError):
        return None
    return f"{what} {name!r}" if isinstance(name, str) else None


def described(value: Any) -> str:
    """Return a value as messages show it, with its type."""
    # Of a number with thousands of digits Python writes none.
    text = "a huge number" if isinstance(value, int) and value.bit_length() > _SHOWN_BITS else repr(value)
    return f"{text if len(text) <= 60 else text[:57] + '...'} ({type(value).__name__})"
