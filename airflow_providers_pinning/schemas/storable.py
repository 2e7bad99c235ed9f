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
"""Values that every database can store, and how stored values are shown."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, StringConstraints

from airflow_providers_pinning.domain.json_limits import MAX_DEPTH, NOT_TEXT, why_not_storable
from airflow_providers_pinning.vocabulary import MAX_ID

_LARGEST = 2**63 - 1


def _require_storable(value: Any) -> Any:
    if why := why_not_storable(value):
        raise ValueError(f"It {why}")
    return value


def showable(value: Any, *, depth: int = MAX_DEPTH) -> Any:
    """Return a value that can be serialized; replace what cannot."""
    if isinstance(value, str):
        return NOT_TEXT.sub("\N{REPLACEMENT CHARACTER}", value)
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
Text = Annotated[str, StringConstraints(max_length=MAX_ID), Storable]
DagId = Text
Conf = Annotated[dict[str, Any], Storable]
Stored = Annotated[dict[str, Any], BeforeValidator(showable)]
"""A JSON object of the history, which may predate today's validation."""
