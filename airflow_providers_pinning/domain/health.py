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
"""Whether pins are honoured: per Dag, and for the whole deployment."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import Enum
from functools import cache
from typing import Any, Protocol

from airflow.models.dag import DagModel
from airflow.models.dag_version import DagVersion
from airflow.models.dagbundle import DagBundleModel
from airflow.models.dagrun import DagRun
from airflow.models.serialized_dag import SerializedDagModel
from airflow.utils.types import DagRunTriggeredByType
from sqlalchemy import BindParameter, ColumnElement, Row, Select, and_, bindparam, func, literal, or_, select
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.asset_conflicts import asset_conflicts, uses_displaced_asset
from airflow_providers_pinning.domain.code_check.finding import CodeProblem, CodeSource, CodeState, code_remedy
from airflow_providers_pinning.domain.errors import VersionUnreadableError
from airflow_providers_pinning.domain.identity import pinned_identity
from airflow_providers_pinning.domain.routed_runs import is_canary
from airflow_providers_pinning.domain.scheduling import read_version
from airflow_providers_pinning.domain.wording import plural
from airflow_providers_pinning.models import Acknowledgement, ManagedVersion, Pin

ASSET_CONFLICT = "asset_conflict"
"""Reason of the problem that a version and another Dag say different things of an asset."""

NEWEST_RUNS = 10_000
"""How many of the deployment's newest runs the search for escaped runs looks at."""

CHECKS_IN_VAIN = 3
"""How many checks in a row must fail until a pin is not healthy: a remote may be down for some minutes."""


class HealthStatus(str, Enum):
    """How well the pin of a Dag is honoured."""

    HEALTHY = "healthy"
    """New runs are made with the active version."""
    DEGRADED = "degraded"
    """New runs are made with the active version, but something needs attention."""
    BROKEN = "broken"
    """No new run is made, or its tasks cannot get their code."""


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with a pin."""

    reason: str
    """Machine word."""
    message: str
    """What is wrong, and what to do about it."""
    status: HealthStatus


@dataclass(frozen=True)
class Health:
    """How well the pin of a Dag is honoured, and why."""

    problems: tuple[Problem, ...] = ()

    @property
    def status(self) -> HealthStatus:
        """The worst of the problems."""
        order = list(HealthStatus)
        return max((problem.status for problem in self.problems), key=order.index, default=HealthStatus.HEALTHY)


class CheckedCode(Protocol):
    """What the dag processor wrote down of a version's code, as a row or as the model."""

    code_state: Any
    code_source: Any
    code_problem: Any
    code_attempts: Any
    code_message: Any


@dataclass(frozen=True)
class EscapedRun:
    """A run of a pinned Dag that was created with another version after the pin."""

    dag_id: str
    run_id: str
    version_number: int | None
    pinned_version_number: int


def _version_gone() -> ColumnElement[bool]:
    return or_(DagVersion.id.is_(None), SerializedDagModel.id.is_(None))


def _version_drifted() -> ColumnElement[bool]:
    return and_(
        DagVersion.id.is_not(None),
        or_(
            Pin.bundle_name.is_distinct_from(DagVersion.bundle_name),
            Pin.bundle_version.is_distinct_from(DagVersion.bundle_version),
            Pin.dag_hash != SerializedDagModel.dag_hash,
        ),
    )


def _code_troubled() -> ColumnElement[bool]:
    """Build the condition under which :func:`code_problems` finds something."""
    return or_(
        func.coalesce(ManagedVersion.code_state, "unknown") == CodeState.MISSING.value,
        func.coalesce(ManagedVersion.code_attempts, 0) >= CHECKS_IN_VAIN,
        and_(
            func.coalesce(ManagedVersion.code_source, "") == CodeSource.CHECKOUT.value,
            ManagedVersion.code_problem.is_(None),
        ),
    )


def _bundle_removed() -> ColumnElement[bool]:
    return func.coalesce(DagBundleModel.active, True).is_(False)


def _metadata_differs() -> ColumnElement[bool]:
    return or_(
        DagModel.dag_id.is_(None),
        Pin.bundle_version.is_distinct_from(DagModel.bundle_version),
        Pin.bundle_name.is_distinct_from(DagModel.bundle_name),
        Pin.relative_fileloc.is_distinct_from(DagModel.relative_fileloc),
        DagModel.has_import_errors.is_(True),
        and_(DagModel.is_stale.is_(True), ~_bundle_removed()),
    )


def with_live_rows(query: Select) -> Select:
    """Join a select on pins with the present rows that the pins are checked against."""
    return (
        query.outerjoin(DagVersion, DagVersion.id == Pin.dag_version_id)
        .outerjoin(SerializedDagModel, SerializedDagModel.dag_version_id == Pin.dag_version_id)
        .outerjoin(ManagedVersion, ManagedVersion.dag_version_id == Pin.dag_version_id)
        .outerjoin(DagModel, DagModel.dag_id == Pin.dag_id)
        .outerjoin(DagBundleModel, DagBundleModel.name == Pin.bundle_name)
        .where(Pin.dag_version_id.is_not(None))
    )


def is_unhealthy() -> ColumnElement[bool]:
    """Build the condition that a pin, joined by :func:`with_live_rows`, has a problem."""
    return or_(
        _version_gone(),
        _version_drifted(),
        _bundle_removed(),
        _code_troubled(),
        _metadata_differs(),
        uses_displaced_asset(),
    )


def is_out_of_sync() -> ColumnElement[bool]:
    """Build the condition that a pin could be honoured but Airflow's row of the Dag is another version's."""
    return and_(
        ~_version_gone(), ~_version_drifted(), ~_bundle_removed(), DagModel.dag_id.is_not(None), _metadata_differs()
    )


HEALTH_COLUMNS = (
    _version_gone().label("version_gone"),
    _version_drifted().label("version_drifted"),
    _bundle_removed().label("bundle_removed"),
    ManagedVersion.code_state.label("code_state"),
    ManagedVersion.code_source.label("code_source"),
    ManagedVersion.code_problem.label("code_problem"),
    ManagedVersion.code_attempts.label("code_attempts"),
    ManagedVersion.code_message.label("code_message"),
    _metadata_differs().label("metadata_differs"),
    uses_displaced_asset().label("asset_displaced"),
)
"""What :func:`judge` reads of a row joined by :func:`with_live_rows`."""


def judge(pin: Pin, row: Row, escaped: int = 0) -> Health:
    """
    Turn the flags of one row into problems with remedies.

    :param pin: the pin
    :param row: a row with :data:`HEALTH_COLUMNS`
    :param escaped: number of runs that were created with another version since the pin
    """
    number = pin.version_number
    problems = []
    if row.version_gone:
        problems.append(
            Problem(
                "version_missing",
                f"Version {number} is pinned, but its row is gone, so no run is created. Pin another version or unpin.",
                HealthStatus.BROKEN,
            )
        )
    elif row.version_drifted:
        problems.append(
            Problem(
                "version_drifted",
                f"Version {number} is pinned, but was rewritten by something that does not enforce pins, so no run "
                f"is created. Find it in the list of components, then repair the version (airflow pinning repair "
                f"{pin.dag_id} -V {number}), which writes it again as it was pinned, or pin another version.",
                HealthStatus.BROKEN,
            )
        )
    elif row.bundle_removed:
        problems.append(
            Problem(
                "bundle_removed",
                f"Bundle {pin.bundle_name!r} of the pinned version {number} is no longer configured, so Airflow marks "
                "the Dag as stale and no run is created. Configure it again, or unpin the Dag.",
                HealthStatus.BROKEN,
            )
        )
    elif row.metadata_differs:
        problems.append(
            Problem(
                "metadata_out_of_sync",
                f"The schedule and limits in effect are not those of the pinned version {number}. The dag processor "
                "repairs this by itself; if it does not, a component without the enforcement keeps writing them.",
                HealthStatus.DEGRADED,
            )
        )
    problems += code_problems(number, row)
    if row.asset_displaced:
        problems.append(
            Problem(
                ASSET_CONFLICT,
                f"Version {number} uses an asset whose name or URI belongs to another asset by now, so that events of "
                "the one reach no Dag that uses the other. The state of the Dag says which, and what to do.",
                HealthStatus.DEGRADED,
            )
        )
    if escaped:
        problems.append(
            Problem(
                "escaped_runs",
                f"{plural(escaped, 'run since the pin was', 'runs since the pin were')} created with another version "
                f"than {number}, by a component without the enforcement. GET /health lists "
                "them. Install the package there. Then clear the runs on the latest version, which moves them to the "
                f"pin, or acknowledge them (airflow pinning acknowledge {pin.dag_id}).",
                HealthStatus.DEGRADED,
            )
        )
    return Health(tuple(problems))


def code_problems(number: int | None, row: CheckedCode | None) -> list[Problem]:
    """
    Tell what is wrong with the code of a pinned version.

    :param number: number of the version
    :param row: what the dag processor wrote down of its code
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
    """Turn what :func:`~.asset_conflicts.asset_conflicts` says into problems."""
    return tuple(Problem(ASSET_CONFLICT, conflict, HealthStatus.DEGRADED) for conflict in conflicts)


def pin_health(pin: Pin | None, *, thorough: bool = False, session: Session) -> Health:
    """
    Judge the pin of one Dag, counting the runs that escaped it; a Dag without a pin is healthy.

    :param pin: the pin
    :param thorough: deserialize the pinned version too, to see whether the plugins that it needs are here, and what
        other Dags say of its assets
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
            unreadable = Problem(error.reason, f"{error.message} Until then no run is created.", HealthStatus.BROKEN)
            return Health((unreadable, *health.problems))
        if conflicts := conflict_problems(asset_conflicts(readable, version.version_number, session=session)):
            others = (problem for problem in health.problems if problem.reason != ASSET_CONFLICT)
            return Health((*others, *conflicts))
    return health


@cache
def _health_of_one() -> Select:
    # Built once: every change of a pin ends with it, and building it would cost as much as executing it.
    dag_id: BindParameter[str] = bindparam("dag_id")
    escaped = select(func.count()).select_from(
        _escaped_runs(select(DagRun.id)).where(Pin.dag_id == dag_id).correlate(None).subquery()
    )
    return with_live_rows(select(*HEALTH_COLUMNS, escaped.scalar_subquery().label("escaped")).select_from(Pin)).where(
        Pin.dag_id == dag_id
    )


def _escaped_runs(query: Select) -> Select:
    return query.join(
        Pin,
        and_(
            Pin.dag_id == DagRun.dag_id,
            DagRun.id > Pin.last_run_before,
            DagRun.created_dag_version_id.is_distinct_from(Pin.dag_version_id),
        ),
    ).where(
        Pin.dag_version_id.is_not(None),
        DagRun.triggered_by.is_distinct_from(DagRunTriggeredByType.TEST),
        ~is_canary(),
        ~select(literal(1))
        .where(Acknowledgement.dag_id == DagRun.dag_id, Acknowledgement.run_id == DagRun.run_id)
        .correlate(DagRun)
        .exists(),
    )


def escaped_run_ids(dag_id: str, *, limit: int, session: Session) -> list[str]:
    """Return the ids of the runs of one Dag that escaped its pin and are not acknowledged, newest first."""
    query = _escaped_runs(select(DagRun.run_id)).where(DagRun.dag_id == dag_id).order_by(DagRun.id.desc()).limit(limit)
    return list(session.scalars(query))


def escaped_runs(dag_ids: Collection[str] | None = None, *, limit: int = 100, session: Session) -> list[EscapedRun]:
    """
    Find runs of pinned Dags that were created with another version since the pin.

    Only the deployment's newest :data:`NEWEST_RUNS` runs are looked at, so that the cost stays bounded.

    :param dag_ids: restrict to these Dags; a set, if they are many
    :param limit: return at most so many, newest first
    :param session: database session
    """
    newest = session.scalar(select(func.max(DagRun.id))) or 0
    query = (
        _escaped_runs(
            select(
                DagRun.dag_id, DagRun.run_id, DagVersion.version_number, Pin.version_number.label("pinned")
            ).outerjoin(DagVersion, DagVersion.id == DagRun.created_dag_version_id)
        )
        .where(DagRun.id > newest - NEWEST_RUNS)
        .order_by(DagRun.id.desc())
    )
    if dag_ids is None:
        query = query.limit(limit)
    # Not named in the statement: they may be all Dags of the deployment, and few runs escape.
    escaped = (row for row in session.execute(query) if dag_ids is None or row.dag_id in dag_ids)
    return [
        EscapedRun(row.dag_id, row.run_id, row.version_number, row.pinned) for row in itertools.islice(escaped, limit)
    ]
