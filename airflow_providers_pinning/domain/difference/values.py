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
"""Convert stored values to a plain form that can be compared and shown."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any, Literal

from airflow._shared.secrets_masker import redact

Kind = Literal["added", "removed", "changed"]

TYPE, VAR = "__type", "__var"
CHECKOUT = "<checkout>"
"""Placeholder for the folder in which a version was parsed, which says nothing about the version."""

_OF_THE_PARSE = re.compile(r" at 0x[0-9a-fA-F]+|\bunusual_prefix_[0-9a-f]{40}_")
"""Addresses of objects, and the module prefix of a Dag file, which is a hash of the path where it was parsed."""
_SECONDS = frozenset({"execution_timeout", "retry_delay", "max_retry_delay", "dagrun_timeout"})
"""Fields that Airflow stores as a number of seconds."""
_INSTANTS = frozenset({"start_date", "end_date"})
"""Fields that Airflow stores as Unix time."""


@dataclass(frozen=True)
class FieldChange:
    """A field that differs between two versions, as plain JSON values."""

    name: str
    kind: Kind
    before: Any
    """``None`` if it was added, or if the reader may not see it."""
    after: Any
    """``None`` if it was removed, or if the reader may not see it."""


def plain(value: Any, checkout: str | None = None) -> Any:
    """
    Decode a stored value to plain JSON, without anything that differs from parse to parse.

    :param value: value of a serialized Dag
    :param checkout: folder in which the version was parsed
    """
    if isinstance(value, dict):
        if TYPE in value and VAR in value:
            return _decoded(value[TYPE], value[VAR], checkout)
        if value.get("__classname__") == "datetime.timedelta":
            return span(value.get("__data__"))
        return {str(name): plain(item, checkout) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item, checkout) for item in value]
    if isinstance(value, str):
        shown = _OF_THE_PARSE.sub("", value)
        return shown.replace(f"{checkout}/", f"{CHECKOUT}/") if checkout else shown
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def _decoded(kind: Any, value: Any, checkout: str | None) -> Any:
    inner = plain(value, checkout)
    if kind in ("set", "frozenset") and isinstance(inner, list):
        return sorted(inner, key=canonical)
    if kind in ("dict", "tuple", "list"):
        return inner
    if kind == "timedelta":
        return span(inner)
    if kind == "datetime":
        return instant(inner)
    return {TYPE: kind, **inner} if isinstance(inner, dict) else {TYPE: kind, VAR: inner}


def span(seconds: Any) -> Any:
    """Format seconds for people, such as ``0:05:00``. Other values are returned unchanged."""
    if _is_number(seconds):
        with suppress(OverflowError, ValueError):
            return str(timedelta(seconds=seconds))
    return seconds


def instant(unix_time: Any) -> Any:
    """Format a Unix time as ISO 8601 in UTC. Other values are returned unchanged."""
    if _is_number(unix_time):
        with suppress(OverflowError, ValueError, OSError):
            return datetime.fromtimestamp(unix_time, timezone.utc).isoformat()
    return unix_time


def readable(name: str, value: Any) -> Any:
    """Return the value of a field, with times formatted for people."""
    if name in _SECONDS:
        return span(value)
    return instant(value) if name in _INSTANTS else value


def canonical(value: Any) -> str:
    """Return a text that is equal only for equal values. Unlike in Python, ``1`` and ``true`` differ."""
    return json.dumps(value, sort_keys=True, default=str)


def is_empty(value: Any) -> bool:
    """Return whether a value is empty. An omitted field means the same as an empty one."""
    return value is None or value in ("", [], {})


def field_changes(
    before: Mapping[str, Any], after: Mapping[str, Any], *, hidden: Collection[str] = ()
) -> tuple[FieldChange, ...]:
    """
    List the changed fields, by name.

    :param before: plain values of one version
    :param after: plain values of the other one
    :param hidden: fields whose values are omitted, because only the source code shows them
    """
    return tuple(
        _change(name, old, new, shown=name not in hidden)
        for name in sorted({*before, *after})
        if not _same(old := before.get(name), new := after.get(name))
    )


def _same(old: Any, new: Any) -> bool:
    if isinstance(old, str) and isinstance(new, str):
        return old == new
    return (is_empty(old) and is_empty(new)) or canonical(old) == canonical(new)


def _change(name: str, old: Any, new: Any, *, shown: bool) -> FieldChange:
    kind: Kind = "added" if is_empty(old) else "removed" if is_empty(new) else "changed"
    if not shown:
        return FieldChange(name, kind, None, None)
    return FieldChange(name, kind, redact(old, name), redact(new, name))


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
