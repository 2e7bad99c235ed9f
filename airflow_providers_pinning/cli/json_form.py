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
"""Domain values as JSON, with the names and formats of the REST API."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Any
from uuid import UUID

from airflow_providers_pinning.domain.monitoring.health import Health
from airflow_providers_pinning.domain.monitoring.version_list import VersionSummary
from airflow_providers_pinning.domain.soak.criteria import described
from airflow_providers_pinning.domain.soak.soak import Soak, SoakQuestion
from airflow_providers_pinning.domain.soak.verdict import Evidence
from airflow_providers_pinning.models import Event

_DERIVED = ("runs", "failure_rate", "failure_rate_upper_95")
"""What the REST API adds to the fields of the evidence."""


def plain(value: Any) -> Any:
    """
    Convert a domain value to JSON values.

    :raises TypeError: if it has no JSON form
    """
    if value is None or (isinstance(value, (str, int, float)) and not isinstance(value, Enum)):
        return value
    for kind, form in _FORMS.items():
        if isinstance(value, kind):
            return form(value)
    if is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    raise TypeError(f"{value!r} has no plain form")


def soak_report(soak: Soak, question: SoakQuestion) -> dict[str, Any]:
    """Convert a verdict with all its evidence."""
    return {
        "dag_id": soak.dag_id,
        **plain(soak.judgement),
        "version": plain(soak.version),
        "baseline": plain(soak.baseline),
        "criteria": described(question),
        "evidence": {**plain(soak.evidence), "soaked_seconds": soak.soaked_seconds},
        "comparison": plain(soak.comparison),
    }


def _health(health: Health) -> dict[str, Any]:
    return {"status": health.status.value, "problems": plain(health.problems)}


def _version(version: VersionSummary) -> dict[str, Any]:
    return {
        **plain(version.identity),
        **{f.name: plain(getattr(version, f.name)) for f in fields(version) if f.name != "identity"},
    }


def _evidence(evidence: Evidence) -> dict[str, Any]:
    return {
        **{f.name: plain(getattr(evidence, f.name)) for f in fields(evidence)},
        **{name: getattr(evidence, name) for name in _DERIVED},
    }


def _event(event: Event) -> dict[str, Any]:
    names = ("id", "dag_id", "revision", "kind", "from_version", "to_version", "actor", "actor_kind", "source")
    more = ("reason", "override_reason", "evidence", "release_id", "created_at")
    return {name: plain(getattr(event, name)) for name in (*names, *more)}


_FORMS: dict[Any, Callable[[Any], Any]] = {
    Enum: lambda value: value.value,
    UUID: str,
    datetime: lambda value: value.isoformat().replace("+00:00", "Z"),
    timedelta: timedelta.total_seconds,
    Mapping: lambda value: {str(key): plain(item) for key, item in value.items()},
    (tuple, list): lambda value: [plain(item) for item in value],
    Health: _health,
    VersionSummary: _version,
    Evidence: _evidence,
    Event: _event,
}
