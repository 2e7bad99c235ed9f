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
"""Values of documents of policies: names and durations."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_serializer

from airflow_providers_pinning.domain.json_limits import why_not_storable
from airflow_providers_pinning.vocabulary import MAX_ID, MAX_MATCHED_BY, MAX_SECONDS

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_DURATION = re.compile(r"(?:[0-9]+(?:\.[0-9]+)?[smhdw])+")
_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)([smhdw])")


def _seconds(value: Any) -> Any:
    """Take ``90``, ``"2h"`` or ``"1d12h"``."""
    if isinstance(value, str):
        if not _DURATION.fullmatch(value.strip()):
            raise ValueError("write a duration as seconds, or as in 30m, 6h or 1d12h")
        return float(sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(value)))
    return value


def _storable(value: str) -> str:
    if why := why_not_storable(value):
        raise ValueError(f"it {why}")
    return value


Name = Annotated[str, Field(min_length=1, max_length=MAX_ID), AfterValidator(_storable)]
EvidenceName = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_ID), AfterValidator(_storable)
]
"""Stripped, as what records evidence strips it."""
Names = Annotated[list[Name], Field(min_length=1, max_length=MAX_MATCHED_BY)]
Seconds = Annotated[float, BeforeValidator(_seconds), Field(ge=0, le=MAX_SECONDS, allow_inf_nan=False)]


class DocumentPart(BaseModel):
    """A part of a document that somebody wrote."""

    model_config = ConfigDict(extra="forbid", strict=True)

    @model_serializer(mode="wrap")
    def _leave_out_what_was(self, serialize):  # type: ignore[no-untyped-def]
        """Write a document as it was given."""
        return {name: value for name, value in serialize(self).items() if value is not None}
