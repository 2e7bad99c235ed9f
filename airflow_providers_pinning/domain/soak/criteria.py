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
The criteria that the versions of a Dag must meet, for all callers.

Criteria that a caller omits come from the Dag, or else from the defaults. So the REST API, the command line, sensors
and the user interface reach the same verdict for the same runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import timedelta
from typing import Any

from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.soak.baseline import Tolerance
from airflow_providers_pinning.domain.soak.soak import SoakQuestion
from airflow_providers_pinning.domain.soak.verdict import Criteria
from airflow_providers_pinning.models import DagCriteria
from airflow_providers_pinning.vocabulary import FailedTasks, RunKind

_TIMES = ("min_duration", "inconclusive_after")


@dataclass(frozen=True)
class GivenCriteria:
    """Criteria by their names in the API; ``None`` means omitted. Times are in seconds."""

    min_runs: int | None = None
    min_duration: float | None = None
    max_failures: int | None = None
    max_output_differences: int | None = None
    consecutive_successes: int | None = None
    inconclusive_after: float | None = None
    run_kinds: RunKind | None = None
    failed_tasks: FailedTasks | None = None
    compare: bool | None = None
    """Whether to judge by the comparison with the version that it would replace."""
    max_duration_ratio: float | None = None
    max_failure_rate_increase: float | None = None
    min_duration_difference: float | None = None
    min_duration_runs: int | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the given criteria as JSON values."""
        return {
            name: getattr(value, "value", value)
            for name, value in ((field.name, getattr(self, field.name)) for field in fields(self))
            if value is not None
        }


@dataclass(frozen=True)
class StoredCriteria:
    """The stored criteria of a Dag."""

    dag_id: str
    stored: Mapping[str, Any]
    """Differences from the defaults."""
    criteria: Mapping[str, Any]
    """All criteria in effect, including defaults."""
    revision: int
    """Number of changes of the criteria; 0 if they were never set."""
    actor: str | None = None
    reason: str | None = None


def criteria_of(dag_id: str, *, session: Session) -> StoredCriteria:
    """Return the criteria in effect for a Dag if a caller gives none."""
    row = session.get(DagCriteria, dag_id)
    stored = dict(row.criteria) if row else {}
    question = question_from(stored)
    return StoredCriteria(
        dag_id,
        stored,
        described(question),
        row.revision if row else 0,
        row.actor if row else None,
        row.reason if row else None,
    )


def question_of(
    dag_id: str,
    given: GivenCriteria | None = None,
    *,
    shows_comparison: bool = False,
    session: Session,
    **about: Any,
) -> SoakQuestion:
    """
    Return the question about a version, with the caller's criteria, else the Dag's, else the defaults.

    :param dag_id: the Dag
    :param given: the caller's criteria
    :param shows_comparison: compare with the version that it would replace, even if that is not judged
    :param session: database session
    :param about: the other fields of :class:`~airflow_providers_pinning.domain.soak.soak.SoakQuestion`
    """
    row = session.get(DagCriteria, dag_id)
    named = given.as_dict() if given else {}
    stored = dict(row.criteria) if row else {}
    if named.get("run_kinds", stored.get("run_kinds")) == RunKind.LIVE.value:
        # Only canary runs can be replays.
        stored.pop("max_output_differences", None)
    return question_from({**stored, **named}, shows_comparison=shows_comparison, **about)


def question_from(values: Mapping[str, Any], *, shows_comparison: bool = False, **about: Any) -> SoakQuestion:
    """
    Build a question from criteria by their names in the API.

    Unknown names are ignored, because a later release may have stored them.
    """
    given = {name: value for name, value in values.items() if value is not None}
    of_soak: dict[str, Any] = {
        field.name: timedelta(seconds=given[field.name]) if field.name in _TIMES else given[field.name]
        for field in fields(Criteria)
        if field.name in given
    }
    tolerance = Tolerance(**{field.name: given[field.name] for field in fields(Tolerance) if field.name in given})
    return SoakQuestion(
        Criteria(**of_soak),
        RunKind(given.get("run_kinds", RunKind.CANARY)),
        tolerance=tolerance if given.get("compare") else None,
        shown_tolerance=tolerance if shows_comparison else None,
        failed_tasks=FailedTasks(given.get("failed_tasks", FailedTasks.COUNT)),
        **about,
    )


def described(question: SoakQuestion) -> dict[str, Any]:
    """Return the criteria of a question as JSON values, with limits for the comparison only if it is judged."""
    return {
        **{
            name: value.total_seconds() if isinstance(value, timedelta) else value
            for name, value in asdict(question.criteria).items()
        },
        "run_kinds": question.run_kinds.value,
        "failed_tasks": question.failed_tasks.value,
        "compare": question.tolerance is not None,
        **(asdict(question.tolerance) if question.tolerance else {}),
    }
