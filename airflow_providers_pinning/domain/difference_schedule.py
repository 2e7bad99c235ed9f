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
"""When two versions of a Dag run, in words and as times."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from airflow.models.dag import DagModel
from sqlalchemy import select
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.difference_stored import StoredVersion
from airflow_providers_pinning.domain.difference_values import TYPE, canonical
from airflow_providers_pinning.domain.next_runs import next_runs, read_timetable

_BOUNDS = ("start_date", "end_date", "catchup", "timezone")
"""What decides about runs beside the timetable."""


@dataclass(frozen=True)
class ScheduleChange:
    """When runs are created, before and after."""

    changed: bool
    """Whether timetable, start, end, catch-up or time zone differ."""
    before: str
    after: str
    next_runs_before: tuple[datetime, ...]
    next_runs_after: tuple[datetime, ...]
    note: str | None


def compare_schedules(
    dag_id: str, before: StoredVersion, after: StoredVersion, *, now: datetime, session: Session
) -> ScheduleChange:
    """Compare the schedules of two versions, and when each would run next if it were active."""
    old, new = _describe(before), _describe(after)
    timetables = canonical(before.dag.get("timetable")), canonical(after.dag.get("timetable"))
    differing = [name for name in _BOUNDS if canonical(before.dag.get(name)) != canonical(after.dag.get(name))]
    if old == new and timetables[0] != timetables[1]:
        old, new = (f"{old} {_arguments(version)}" for version in (before, after))
    runs_before = next_runs(dag_id, before, now=now, session=session)
    runs_after = next_runs(dag_id, after, now=now, session=session)
    notes = [runs_before.note, *([] if before.identity == after.identity else [runs_after.note])]
    if session.scalar(select(DagModel.is_paused).where(DagModel.dag_id == dag_id)):
        notes.append("The Dag is paused: no scheduled run is created until it is unpaused.")
    return ScheduleChange(
        changed=timetables[0] != timetables[1] or bool(differing),
        before=_with_bounds(old, before, differing),
        after=_with_bounds(new, after, differing),
        next_runs_before=runs_before.times,
        next_runs_after=runs_after.times,
        note=" ".join(note for note in notes if note) or None,
    )


def _with_bounds(text: str, version: StoredVersion, names: list[str]) -> str:
    values = {name: version.dag.get(name) for name in names}
    return ", ".join([text, *(f"{name}={value if value is not None else 'none'}" for name, value in values.items())])


def _describe(version: StoredVersion) -> str:
    """Say in a few words when a version runs."""
    stored = version.dag.get("timetable") or {}
    try:
        timetable = read_timetable(version)
        if timetable.asset_condition:
            return _of_assets(stored, str(timetable.summary))
        summary, description = str(timetable.summary), str(timetable.description or "")
    except Exception:
        # The class of a timetable may be anybody's, and may be gone.
        return f"{_class_name(stored)} {_arguments(version)}"
    if zone := stored.get("timezone"):
        summary = summary if zone == "UTC" else f"{summary} {zone}"
    return f"{summary} ({description})" if description and description != summary else summary


def _of_assets(stored: dict[str, Any], summary: str) -> str:
    by_assets = f"{summary}: {_condition(stored.get('asset_condition'))}"
    mapped = stored.get("timetable")
    return f"{by_assets} {mapped['timezone']}" if isinstance(mapped, dict) and mapped.get("timezone") else by_assets


def _condition(stored: Any) -> str:
    """Write the assets that are waited for as an expression."""
    if not isinstance(stored, dict):
        return str(stored)
    kind = stored.get(TYPE)
    if kind in ("asset_all", "asset_any"):
        parts = [
            f"({text})" if isinstance(part, dict) and len(part.get("objects") or []) > 1 else text
            for part in stored.get("objects") or []
            if (text := _condition(part))
        ]
        return (" and " if kind == "asset_all" else " or ").join(parts)
    name = str(stored.get("name") or stored.get("uri"))
    return f"alias {name}" if kind == "asset_alias" else name


def _class_name(stored: dict[str, Any]) -> str:
    return str(stored.get(TYPE) or "unknown schedule").rpartition(".")[2]


def _arguments(version: StoredVersion) -> str:
    stored = version.dag.get("timetable") or {}
    return json.dumps({name: value for name, value in stored.items() if name != TYPE}, sort_keys=True, default=str)
