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
"""
Read a document from a YAML file, which may come from anybody who can open a pull request.

Only plain values are taken: no tags, no anchors and aliases, which make much of little, no key twice, and of the ways
in which YAML 1.1 writes numbers only the decimal one: ``1:30`` would be 90, and ``010`` would be 8. The text is looked
through before anything is built from it.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

from airflow_providers_pinning.domain.errors import PinningError
from airflow_providers_pinning.schemas.document_problems import invalid

MAX_NESTING = 20
"""Levels of lists and mappings."""

_SURPRISING = re.compile(
    r"""[-+]?(?:
      0[0-7_]+ | 0b[01_]+ | 0x[0-9a-fA-F_]+   # of base 8, 2 and 16
    | [0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?   # of base 60
    | [0-9]+_[0-9_]*(?:\.[0-9_]*)?
    )""",
    re.VERBOSE,
)
"""Unquoted words of which YAML 1.1 makes other numbers than most people read."""

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _UniqueKeys(_Loader):  # type: ignore[misc]
    """Refuses a key that is given twice, of which YAML would take the last."""

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        seen = set()
        for key_node, _ in node.value:
            key = key_node.value if isinstance(key_node, yaml.ScalarNode) else None
            if key in seen:
                raise _RefusedError(f"{_place(key_node)}: the key {key!r} is given twice; remove one.")
            seen.add(key)
        return super().construct_mapping(node, deep=deep)


class _RefusedError(Exception):
    """What is read is valid YAML, and not taken."""


def load(text: str | bytes, *, most: int, error: type[PinningError]) -> Any:
    """
    Return the values that a text contains.

    :param text: the YAML
    :param most: how many bytes of it are taken
    :param error: what is raised if it is not taken, with the place, and what to do about it
    """
    size = len(text.encode("utf-8", "surrogatepass")) if isinstance(text, str) else len(text)
    if size > most:
        raise invalid([f"The document has {size:,} bytes, of which {most:,} are taken; make it smaller."], error)
    try:
        _look_through(text)
        return yaml.load(text, Loader=_UniqueKeys)  # noqa: S506 - a safe loader
    except _RefusedError as refused:
        raise invalid([str(refused)], error) from None
    except yaml.MarkedYAMLError as unread:
        raise invalid([f"{_place(unread)}: {unread.problem}. It is no YAML that can be read."], error) from None
    except (yaml.YAMLError, UnicodeError, ValueError, RecursionError) as unread:
        raise invalid([f"It is no YAML that can be read: {unread}."], error) from None


def _look_through(text: str | bytes) -> None:
    depth = documents = 0
    for event in yaml.parse(text, Loader=_Loader):
        documents += isinstance(event, yaml.DocumentStartEvent)
        if documents > 1:
            raise _RefusedError(f"{_place(event)}: a second document begins here; give one.")
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise _RefusedError(
                f"{_place(event)}: anchors and aliases are not taken; write the value out, or quote it."
            )
        if (tag := getattr(event, "tag", None)) is not None:
            raise _RefusedError(f"{_place(event)}: the tag {tag!r} is not taken; remove it, or quote the value.")
        if isinstance(event, yaml.ScalarEvent) and event.implicit[0]:
            _check_plain(event)
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_NESTING:
                raise _RefusedError(f"{_place(event)}: it is nested more than {MAX_NESTING} levels deep.")
        depth -= isinstance(event, yaml.CollectionEndEvent)


def _check_plain(event: yaml.ScalarEvent) -> None:
    """Refuse an unquoted word that means something else than it looks like."""
    if event.value == "<<":
        raise _RefusedError(f"{_place(event)}: merge keys are not taken; write the keys out.")
    if _SURPRISING.fullmatch(event.value):
        shown = event.value if len(event.value) <= 20 else f"{event.value[:17]}..."
        raise _RefusedError(
            f"{_place(event)}: YAML takes {shown} for another number than it looks like; write a decimal number, "
            "a duration as in 1h30m, or put it in quotes."
        )


def _place(of: Any) -> str:
    mark = getattr(of, "start_mark", None) or getattr(of, "problem_mark", None)
    return f"Line {mark.line + 1}, column {mark.column + 1}" if mark else "The document"
