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
"""Values as shown on a terminal."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from datetime import datetime
from typing import Any

Row = Mapping[str, Any]


KEPT = "\u00a0\u200c\u200d\u3000"
"""Whitespace in ordinary text, and the joiners that scripts and emoji need, in addition to printable characters."""


def properties(values: Row) -> list[Row]:
    """Return the rows for one object, one property per row."""
    return [{"property": name, "value": value} for name, value in values.items()]


def say(message: str) -> None:
    """Write a line to stderr, with unsafe characters escaped."""
    print(visible(message), file=sys.stderr, flush=True)


def visible(text: str) -> str:
    """Escape control characters and characters that could hide other text."""
    return "".join(c if c.isprintable() or c in KEPT else c.encode("unicode_escape").decode() for c in text)


def words(value: Any) -> str:
    """Format a value on one line."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="seconds")
    if isinstance(value, (list, tuple)):
        return "; ".join(words(item) for item in value)
    return str(value)
