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
"""Whether pins are enforced: per Dag, and for the whole deployment."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from functools import cache
from typing import Any, Protocol

from airflow.models.dagrun import DagRun
from sqlalchemy import BindParameter, Row, Select, bindparam, func, select
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.dag_model.asset_conflicts import asset_conflicts
from airflow_providers_pinning.domain.dag_model.stored_dags import read_version
from airflow_providers_pinning.domain.errors import VersionUnreadableError
from airflow_providers_pinning.domain.monitoring.escaped_runs import of_escaped_runs
from airflow_providers_pinning.domain.monitoring.health_flags import CHECKS_IN_VAIN, HEALTH_COLUMNS, with_live_rows
from airflow_providers_pinning.domain.text import acknowledge_command, confirm_command, plural, repair_command
from airflow_providers_pinning.domain.versions.code_availability.finding import (
    CodeProblem,
    CodeSource,
    CodeState,
    code_remedy,
)
from airflow_providers_pinning.domain.versions.identity import pinned_identity
from airflow_providers_pinning.models import Pin
from airflow_providers_pinning.vocabulary import BreakerState

ASSET_CONFLICT = "asset_conflict"
"""Reason of the problem that a version and another Dag define an asset differently."""


class HealthStatus(str, Enum):
    """How well the pin of a Dag is honored."""

    HEALTHY = "healthy"
    """New runs use the active version."""
    DEGRADED = "degraded"
    """New runs use the active version, but something needs attention."""
    BROKEN = "broken"
    """No run is created, or its tasks cannot get their code."""


@dataclass(frozen=True)
class Problem:
    """A problem with a pin."""

    reason: str
    """Machine-readable reason."""
    message: str
    """The problem and its remedy."""
    status: HealthStatus


@dataclass(frozen=True)
class Health:
    """How well the pin of a Dag is honored, and why."""

    problems: tuple[Problem, ...] = ()

    @property
    def status(self) -> HealthStatus:
        """The worst status of its problems."""
        order = list(HealthStatus)
        return max((problem.status for problem in self.problems), key=order.index, default=HealthStatus.HEALTHY)


class CheckedCode(Protocol):
    """The dag processor's record of a version's code, as a row or as the model."""

    code_state: Any
    code_source: Any
    code_problem: Any
    code_attempts: Any
    code_message: Any


def judge(pin: Pin, row: Row, escaped: int = 0) -> Health:
    """
    Convert the flags of a row to problems with remedies.

    :param pin: the pin
    :param row: a row with :data:`HEALTH_COLUMNS`
    :param escaped: number of runs created with another version since the pin
    """
    number = pin.version_number
    problems = []
    if row.version_gone:
        problems.append(
            Problem(
                "version_missing",
                f"Version {number} is pinned, but its row was deleted, so no runs are created. Pin another version "
                "or unpin the Dag.",
                HealthStatus.BROKEN,
            )
        )
    elif row.version_drifted:
        problems.append(
            Problem(
                "version_drifted",
                f"Version {number} is pinned, but a process that does not enforce pins rewrote it, so no runs are "
                "created. Stop that process first (airflow pinning doctor finds it while it runs). Then restore "
                f"the pinned content of the version: {repair_command(pin.dag_id, number)}. Or pin another version.",
                HealthStatus.BROKEN,
            )
        )
    elif row.bundle_removed:
        problems.append(
            Problem(
                "bundle_removed",
                f"Bundle {pin.bundle_name!r} of the pinned version {number} is no longer configured, so Airflow "
                "marks the Dag as stale and no runs are created. Configure it again, or unpin the Dag.",
                HealthStatus.BROKEN,
            )
        )
    elif row.metadata_differs:
        problems.append(
            Problem(
                "metadata_out_of_sync",
                f"The schedule and limits in effect are not those of the pinned version {number}. The dag "
                "processor repairs this automatically; if it does not, a component without the enforcement keeps "
                "overwriting them.",
                HealthStatus.DEGRADED,
            )
        )
    problems += [*breaker_problems(pin), *code_problems(number, row)]
    if row.asset_displaced:
        problems.append(
            Problem(
                ASSET_CONFLICT,
                f"Version {number} uses an asset whose name or URI now belongs to another asset, so events of one "
                "do not reach Dags that use the other. The state of the Dag shows which one, and the remedy.",
                HealthStatus.DEGRADED,
            )
        )
    if escaped:
        problems.append(
            Problem(
                "escaped_runs",
                f"{plural(escaped, 'run that was', 'runs that were')} created since the pin "
                f"{'does' if escaped == 1 else 'do'} not use version {number}, because a component without the "
                "package created them. Install the package there (airflow pinning doctor lists components and "
                "runs). Then clear each run with the latest version, which moves it to the pinned one, or "
                f"acknowledge them: {acknowledge_command(pin.dag_id)}.",
                HealthStatus.DEGRADED,
            )
        )
    return Health(tuple(problems))


def breaker_problems(pin: Pin) -> list[Problem]:
    """Report that the pinned version failed too often and could not be rolled back automatically."""
    number = pin.version_number
    if number is None or pin.breaker not in (BreakerState.OPEN.value, BreakerState.WAITING.value):
        return []
    waits = pin.breaker == BreakerState.WAITING.value
    return [
        Problem(
            "runs_wait" if waits else "breaker_open",
            f"Version {number} failed more than a release policy allows, and there was no stable version to return "
            f"to (see the history). {'No run is created' if waits else 'Runs still use it'} until someone decides. "
            f"Pin another version, or confirm this one: {confirm_command(pin.dag_id, number)}.",
            HealthStatus.BROKEN if waits else HealthStatus.DEGRADED,
        )
    ]


def code_problems(number: int | None, row: CheckedCode | None) -> list[Problem]:
    """
    Report problems with the code of a pinned version.

    :param number: number of the version
    :param row: the dag processor's record of its code
    """
    if row is None:
        return []
    remedy = code_remedy(row.code_problem)
    if row.code_state == CodeState.MISSING.value:
        return [
            Problem(
                "code_unavailable",
                f"The dag processor could not get the code of the pinned version {number}: {row.code_message}. "
                f"{remedy}",
                HealthStatus.BROKEN,
            )
        ]
    if row.code_problem is None and row.code_source == CodeSource.CHECKOUT.value:
        return [
            Problem(
                "code_not_at_remote",
                f"New hosts cannot fetch the code of the pinned version {number}: {row.code_message}. "
                f"{code_remedy(CodeProblem.COMMIT_GONE.value)}",
                HealthStatus.DEGRADED,
            )
        ]
    if (row.code_attempts or 0) >= CHECKS_IN_VAIN:
        return [
            Problem(
                "code_unchecked",
                f"The code of the pinned version {number} cannot be checked: {row.code_message}. {remedy}",
                HealthStatus.DEGRADED,
            )
        ]
    return []


def conflict_problems(conflicts: Iterable[str]) -> tuple[Problem, ...]:
    """Convert the result of :func:`~.asset_conflicts.asset_conflicts` to problems."""
    return tuple(Problem(ASSET_CONFLICT, conflict, HealthStatus.DEGRADED) for conflict in conflicts)


def pin_health(pin: Pin | None, *, thorough: bool = False, session: Session) -> Health:
    """
    Return the health of a Dag's pin, with the number of escaped runs. A Dag without a pin is healthy.

    :param pin: the pin
    :param thorough: also deserialize the pinned version, to check that its plugins are installed, and compare its
        assets with those of other Dags
    :param session: database session
    """
    version = pinned_identity(pin)
    if pin is None or version is None:
        return Health()
    row = session.execute(_health_of_one(), {"dag_id": pin.dag_id}).one()
    health = judge(pin, row, row.escaped)
    if thorough and not (row.version_gone or row.version_drifted):
        try:
            readable = read_version(version, dag_id=pin.dag_id, session=session)
        except VersionUnreadableError as error:
            unreadable = Problem(error.reason, f"{error.message} Until then, no runs are created.", HealthStatus.BROKEN)
            return Health((unreadable, *health.problems))
        if conflicts := conflict_problems(asset_conflicts(readable, version.version_number, session=session)):
            others = (problem for problem in health.problems if problem.reason != ASSET_CONFLICT)
            return Health((*others, *conflicts))
    return health


@cache
def _health_of_one() -> Select:
    # Built once, because every change of a pin ends with it, and building it would cost as much as executing it.
    dag_id: BindParameter[str] = bindparam("dag_id")
    escaped = select(func.count()).select_from(
        of_escaped_runs(select(DagRun.id)).where(Pin.dag_id == dag_id).correlate(None).subquery()
    )
    return with_live_rows(select(*HEALTH_COLUMNS, escaped.scalar_subquery().label("escaped")).select_from(Pin)).where(
        Pin.dag_id == dag_id
    )
