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
"""Replays of live runs with their originals, as text for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from airflow_providers_pinning.client.comparison import MAX_FIELDS, MAX_ITEMS, code, prose

LABELS = {"asset_event": "asset events", "state": "state", "task": "task instance", "xcom": "XCom"}
"""Names of the kinds of outputs."""


def replays_as_markdown(replays: Mapping[str, Any]) -> str:
    """
    Summarize replays and their differences in Markdown; empty if there is none.

    Run IDs, task IDs and values come from the author of the Dag, so each is in a code span. Long lists and values are
    truncated.

    :param replays: the result of :meth:`~airflow_providers_pinning.hooks.pinning.PinningHook.list_replays`
    """
    pairs = replays["replays"]
    if not pairs:
        return ""
    lines = [line for pair in pairs[:MAX_ITEMS] for line in _pair(pair)]
    if (more := replays["total_entries"] - min(len(pairs), MAX_ITEMS)) > 0:
        lines.append(f"- and {more} more")
    return "\n".join([f"**Replays of live runs** (original → replay): {_summary(pairs)}", "", *lines])


def _summary(pairs: list[Mapping[str, Any]]) -> str:
    compared = [pair for pair in pairs if pair["differences"] is not None]
    differing = sum(pair["differences"] > 0 for pair in compared)
    return f"{differing or 'none'} of {len(compared)} differ{'s' if differing < 2 else ''}."


def _pair(pair: Mapping[str, Any]) -> Iterator[str]:
    yield (
        f"- {code(pair['original_run_id'])}: {_change(pair['original_state'], pair['state'] or 'not finished')}"
        f"{_seconds(pair['original_seconds'], pair['seconds'])}; {_outcome(pair)}"
    )
    shown = pair["shown"]
    for difference in shown[:MAX_FIELDS]:
        index = "" if difference["map_index"] < 0 else f"[{difference['map_index']}]"
        key = f" {code(difference['key'])}" if difference["key"] else ""
        yield (
            f"  - {code(difference['task_id'] + index)} {LABELS.get(difference['what'], difference['what'])}{key}: "
            f"{_value(difference['original'])} → {_value(difference['replay'])}"
        )
    if (more := (pair["differences"] or 0) - len(shown[:MAX_FIELDS])) > 0:
        yield f"  - and {more} more"


def _outcome(pair: Mapping[str, Any]) -> str:
    if pair["problem"]:
        return f"not compared: {prose(pair['problem'])}"
    differences = pair["differences"]
    if differences is None:
        return "not compared yet"
    return f"{differences} {'output differs' if differences == 1 else 'outputs differ'}"


def _change(before: str | None, after: str) -> str:
    return after if before in (None, after) else f"{before} → {after}"


def _seconds(before: float | None, after: float | None) -> str:
    return "" if before is None or after is None else f", {before:.1f} s → {after:.1f} s"


def _value(text: str | None) -> str:
    return "nothing" if text is None else code(text)
