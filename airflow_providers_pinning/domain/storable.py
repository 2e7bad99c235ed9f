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
"""Values that no database can store, though Python and JSON can write them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any


def why_not_storable(value: Any) -> str | None:
    """
    Say what of a JSON value no database can store: PostgreSQL refuses what SQLite may take.

    :param value: a text, or a value made of dicts, lists and plain values
    :return: what is wrong, such as ``contains the character NUL``; ``None`` if nothing is
    """
    if isinstance(value, str):
        return _why_not_text(value)
    if isinstance(value, float) and not math.isfinite(value):
        return f"contains the number {value}, which JSON does not have"
    if isinstance(value, Mapping):
        return why_not_storable([*value, *value.values()])
    if isinstance(value, (list, tuple)):
        return next((why for item in value if (why := why_not_storable(item))), None)
    return None


def _why_not_text(text: str) -> str | None:
    if "\0" in text:
        return "contains the character NUL"
    if any("\ud800" <= character <= "\udfff" for character in text):
        return "contains half a character (a lone surrogate)"
    return None
