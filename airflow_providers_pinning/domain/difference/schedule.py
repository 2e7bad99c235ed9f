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
"""Compare when two versions of a Dag run, in words and as times."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from airflow._shared.secrets_masker import redact
from airflow.models.dag import DagModel
from sqlalchemy import false, select
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.difference.next_runs import next_runs, read_timetable
from airflow_providers_pinning.domain.difference.stored import StoredVersion
from airflow_providers_pinning.domain.difference.values import TYPE, canonical

MAX_ARGUMENTS = 1000
"""Maximum number of characters of a timetable's arguments to show."""
_BOUNDS = ("start_date", "end_date", "catchup", "timezone")
"""Fields besides the timetable that decide about runs."""


@dataclass(frozen=True)
class ScheduleChange:
    """When runs are created, before and after."""

    changed: bool
    """Whether timetable, start, end, catchup or time zone differ."""
    before: str
    after: str
    next_runs_before: tuple[datetime, ...]
    next_runs_after: tuple[datetime, ...]
    note: str | None


def compare_schedules(
    dag_id: str, before: StoredVersion, after: StoredVersion, *, with_code: bool, now: datetime, session: Session
) -> ScheduleChange:
    """
    Compare the schedules of two versions, and when each would run next if it was active.

    :param dag_id: the Dag
    :param before: one version
    :param after: the other one
    :param with_code: whether to show arguments of timetables, which otherwise only the source code shows
    :param now: the current time
    :param session: database session
    """
    same_timetable = canonical(_timetable(before)) == canonical(_timetable(after))
    differing = [name for name in _BOUNDS if canonical(before.dag.get(name)) != canonical(after.dag.get(name))]
    old, new = _describe(before), _describe(after)
    if old == new and not same_timetable and with_code:
        old, new = f"{old} {_arguments(before, after)}", f"{new} {_arguments(after, before)}"
    versions = (before,) if before.identity == after.identity else (before, after)
    runs = [next_runs(dag_id, version, now=now, session=session) for version in versions]
    notes = [version.problem for version in versions] + [found.note for found in runs]
    # Dags can drain since Airflow 3.4.
    is_draining = getattr(DagModel, "is_draining", false()).label("is_draining")
    state = session.execute(select(DagModel.is_paused, is_draining).where(DagModel.dag_id == dag_id)).one_or_none()
    if state is not None and state.is_paused:
        notes.append("The Dag is paused: no scheduled run is created until it is unpaused.")
    elif state is not None and state.is_draining:
        notes.append("The Dag is draining: no scheduled run is created until it is set to active.")
    return ScheduleChange(
        changed=bool(differing) or not same_timetable,
        before=_with_bounds(old, before, differing),
        after=_with_bounds(new, after, differing),
        next_runs_before=runs[0].times,
        next_runs_after=runs[-1].times,
        note=" ".join(note for note in notes if note) or None,
    )


def _timetable(version: StoredVersion) -> dict[str, Any]:
    return version.dag.get("timetable") or {}


def _with_bounds(text: str, version: StoredVersion, names: list[str]) -> str:
    values = {name: version.dag.get(name) for name in names}
    return ", ".join([text, *(f"{name}={'none' if value is None else value}" for name, value in values.items())])


def _describe(version: StoredVersion) -> str:
    """Describe in a few words when a version runs."""
    stored = _timetable(version)
    try:
        timetable = read_timetable(version)
        summary, description = str(timetable.summary), str(timetable.description or "")
        by_assets = bool(timetable.asset_condition)
    except Exception:
        # A custom timetable can raise anything, and may not be installed.
        return str(stored.get(TYPE) or "unknown").rpartition(".")[2]
    if by_assets:
        return f"{summary}{_zone(stored.get('timetable'))}: {_condition(stored.get('asset_condition'))}"
    said = f"{summary}{_zone(stored)}"
    return f"{said} ({description})" if description and description != summary else said


def _zone(stored: Any) -> str:
    zone = stored.get("timezone") if isinstance(stored, dict) else None
    return f" {zone}" if zone and zone != "UTC" else ""


def _condition(stored: Any) -> str:
    """Format the asset condition as an expression."""
    if not isinstance(stored, dict):
        return str(stored)
    kind, objects = stored.get(TYPE), stored.get("objects")
    if kind in ("asset_all", "asset_any") and isinstance(objects, list):
        inner = [
            f"({_condition(part)})" if isinstance(part, dict) and "objects" in part else _condition(part)
            for part in objects
        ]
        return (" and " if kind == "asset_all" else " or ").join(inner)
    name = str(stored.get("name") or stored.get("uri"))
    return f"alias {name}" if kind == "asset_alias" else name


def _arguments(version: StoredVersion, other: StoredVersion) -> str:
    """Format the arguments of a timetable that the other one does not have."""
    theirs = _timetable(other)
    own = {
        name: redact(value, name)
        for name, value in _timetable(version).items()
        if canonical(value) != canonical(theirs.get(name))
    }
    text = json.dumps(own, sort_keys=True, default=str)
    return text if len(text) <= MAX_ARGUMENTS else f"{text[:MAX_ARGUMENTS]}..."
