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
"""Values that no database can store, although Python and JSON can represent them."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

MAX_DEPTH = 50
"""Maximum depth of JSON. Python and pydantic fail at a few hundred levels, so deeper values could not be read."""

NOT_TEXT = re.compile("[\0\ud800-\udfff]")
"""PostgreSQL cannot store NUL, and half a surrogate pair has no encoding."""


def why_not_storable(value: Any, *, depth: int = MAX_DEPTH) -> str | None:
    """
    Describe what makes a JSON value impossible to store. PostgreSQL refuses some values that SQLite accepts.

    :param value: a text, or a value made of dicts, lists and plain values
    :param depth: remaining levels of nesting
    :return: the problem, such as ``contains the character U+0000``; ``None`` if there is none
    """
    if isinstance(value, str):
        found = NOT_TEXT.search(value)
        return found and f"contains the character U+{ord(found[0]):04X}"
    if isinstance(value, float):
        return None if math.isfinite(value) else f"contains {value}, which is not a number in JSON"
    if not isinstance(value, (Mapping, list, tuple)):
        return None
    if depth == 0:
        return f"is nested more than {MAX_DEPTH} levels deep"
    inside = [*value, *value.values()] if isinstance(value, Mapping) else value
    return next((why for item in inside if (why := why_not_storable(item, depth=depth - 1))), None)
