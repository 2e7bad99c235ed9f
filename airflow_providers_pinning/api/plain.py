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
"""What a request may hold so that every database can store it, and what may be shown of what is stored."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator

MAX_DEPTH = 50
"""Levels of nested JSON. Python and pydantic give up at some hundreds, and then nobody could read what was stored."""

_NOT_TEXT = re.compile("[\0\ud800-\udfff]")
"""PostgreSQL stores no NUL, and half a surrogate pair has no encoding."""
_LARGEST = 2**63 - 1


def problem_of(value: Any, *, depth: int = MAX_DEPTH) -> str | None:
    """Tell why a JSON value cannot be stored or sent, or return ``None`` if it can."""
    if isinstance(value, str):
        found = _NOT_TEXT.search(value)
        return found and f"Text may not contain the character U+{ord(found[0]):04X}"
    if isinstance(value, float):
        return None if math.isfinite(value) else f"{value} is no number in JSON"
    if not isinstance(value, Mapping | list):
        return None
    if depth == 0:
        return f"JSON may be nested at most {MAX_DEPTH} levels deep"
    inside = [*value, *value.values()] if isinstance(value, Mapping) else value
    return next((problem for item in inside if (problem := problem_of(item, depth=depth - 1))), None)


def _require_storable(value: Any) -> Any:
    if problem := problem_of(value):
        raise ValueError(problem)
    return value


def showable(value: Any, *, depth: int = MAX_DEPTH) -> Any:
    """Return a value that can be sent in an answer whatever it was; what cannot be sent is replaced."""
    if isinstance(value, str):
        return _NOT_TEXT.sub("\N{REPLACEMENT CHARACTER}", value)
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, int) and abs(value) > _LARGEST:
        return "a number of more than 63 bits"
    if not isinstance(value, Mapping | list | tuple):
        return value
    if depth == 0:
        return "\N{HORIZONTAL ELLIPSIS}"
    if isinstance(value, Mapping):
        return {showable(str(name)): showable(item, depth=depth - 1) for name, item in value.items()}
    return [showable(item, depth=depth - 1) for item in value]


Storable = AfterValidator(_require_storable)
Stored = Annotated[dict[str, Any], BeforeValidator(showable)]
"""A JSON object of the history, which may be older than the rules for what is taken today."""
