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
"""Checks of pins, their Dags and runs, and the code of the versions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from airflow.models.serialized_dag import SerializedDagModel
from airflow.utils.session import create_session
from sqlalchemy import select

from airflow_providers_pinning.cli.findings import Finding, failure, ok, warning
from airflow_providers_pinning.cli.output import with_progress
from airflow_providers_pinning.domain.dag_model.stored_dags import read_version
from airflow_providers_pinning.domain.errors import VersionUnreadableError
from airflow_providers_pinning.domain.monitoring.escaped_runs import escaped_runs
from airflow_providers_pinning.domain.monitoring.pending import list_pending, overdue_words
from airflow_providers_pinning.domain.monitoring.pin_list import PinFilter, list_pins
from airflow_providers_pinning.domain.policies.unpinned import gates_in_force, unpinned_despite_gate
from airflow_providers_pinning.domain.text import acknowledge_command, plural
from airflow_providers_pinning.domain.versions.code_availability.finding import (
    CodeProblem,
    CodeSource,
    CodeState,
    code_remedy,
)
from airflow_providers_pinning.domain.versions.identity import pinned_identity
from airflow_providers_pinning.domain.versions.managed import VersionState
from airflow_providers_pinning.models import ManagedVersion, Pin

SHOWN = 20
"""How many entries of a kind to show."""


def check_gates() -> Iterator[Finding]:
    """Find Dags that policies require to be pinned but that are not. Returns nothing if no policy does."""
    with create_session(scoped=False) as session:
        if not gates_in_force(session=session):
            return
        found = unpinned_despite_gate(session=session)
    if not found:
        yield ok("gates", "all Dags under policies with a manual gate are pinned")
        return
    more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    yield warning(
        "gates",
        f"{plural(len(found), 'Dag')} under policies with a manual gate {'is' if len(found) == 1 else 'are'} not "
        f"pinned, so each commit goes live immediately: {', '.join(found[:SHOWN])}{more}",
        "Pin them (`airflow pinning pin --match`); `airflow pinning list --unpinned` lists them.",
    )


def check_pins() -> Iterator[Finding]:
    """Find pins with a problem."""
    with create_session(scoped=False) as session:
        _, pinned = list_pins(PinFilter(), limit=1, offset=0, session=session)
        listed, unhealthy = list_pins(PinFilter(unhealthy=True), limit=SHOWN, offset=0, session=session)
    if not unhealthy:
        yield ok("pins", f"{plural(pinned, 'pin')}, all enforced")
        return
    yield failure(
        "pins", f"{unhealthy} of {pinned} pins have a problem", "See below, or run `airflow pinning list --unhealthy`."
    )
    for pin in listed:
        for problem in pin.health.problems:
            found, _, remedy = problem.message.partition(". ")
            yield failure("pin", f"{pin.dag_id}: {problem.reason}: {found}", remedy or found)


def check_failing() -> Iterator[Finding]:
    """Find pinned Dags that fail since their pin. This is not about enforcement."""
    with create_session(scoped=False) as session:
        listed, total = list_pins(PinFilter(failing=True), limit=SHOWN, offset=0, session=session)
    if not total:
        yield ok("failing", "no pinned Dag's latest run since the pin failed")
    for pin in listed:
        yield warning(
            "failing",
            f"{pin.dag_id}: {pin.runs} since version {pin.active.version_number} was pinned",
            f"Check the runs, or roll back: `airflow pinning rollback {pin.dag_id} -r REASON`.",
        )


def check_pending() -> Iterator[Finding]:
    """Find overdue changes of all Dags."""
    with create_session(scoped=False) as session:
        listed, total = list_pending(None, limit=1000, offset=0, session=session)
    overdue = [(one.dag_id, words) for one in listed if (words := overdue_words(one))]
    if not overdue:
        yield ok("pending", f"{plural(total, 'change')} pending, none overdue")
    for dag_id, words in overdue[:SHOWN]:
        found, _, remedy = words.partition(". ")
        yield warning("pending", f"{dag_id}: {found}", remedy)
    if len(overdue) > SHOWN:
        yield warning("pending", f"{len(overdue) - SHOWN} more are overdue", "See `airflow pinning pending`.")


def check_head() -> Iterator[Finding]:
    """Find pinned Dags that are missing or broken at HEAD. That does not affect the pin, but unpinning them would."""
    with create_session(scoped=False) as session:
        listed, total = list_pins(PinFilter(troubled_at_head=True), limit=SHOWN, offset=0, session=session)
    if not total:
        yield ok("head", "no pinned Dag is missing or broken there")
    for pin in listed:
        yield warning(
            "head",
            f"{pin.dag_id}: {pin.head.status.value}: {pin.head.message or 'the file of the pinned version is broken'}",
            "Fix the file before you unpin the Dag, or delete the Dag if it is no longer wanted.",
        )
    if total > SHOWN:
        yield warning("head", f"{total - SHOWN} more are missing or broken there", "See `airflow pinning list`.")


def check_readable() -> Iterator[Finding]:
    """Find pinned versions that this host cannot deserialize, for example without a plugin. They get no runs."""
    unreadable: list[tuple[str, VersionUnreadableError]] = []
    with create_session(scoped=False) as session:
        pins = session.scalars(
            select(Pin)
            .join(SerializedDagModel, SerializedDagModel.dag_version_id == Pin.dag_version_id)
            .order_by(Pin.dag_id)
        ).all()
        for pin in with_progress(pins, "Reading the pinned versions"):
            version = pinned_identity(pin)
            try:
                if version:
                    read_version(version, dag_id=pin.dag_id, session=session)
            except VersionUnreadableError as refusal:
                unreadable.append((pin.dag_id, refusal))
    if not unreadable:
        yield ok("readable", f"all {len(pins)} pinned versions can be loaded on this host")
    for dag_id, error in unreadable[:SHOWN]:
        found, _, remedy = error.message.partition(". ")
        yield failure("readable", f"{dag_id}: {error.reason}: {found}", remedy or found)
    if len(unreadable) > SHOWN:
        yield failure("readable", f"{len(unreadable) - SHOWN} more cannot be loaded", "Fix those above first.")


def check_runs() -> Iterator[Finding]:
    """Find runs that were created with another version than the pinned one."""
    with create_session(scoped=False) as session:
        escaped = escaped_runs(limit=SHOWN, session=session)
    if not escaped:
        yield ok("runs", "none used another version than the pinned one")
    for run in escaped:
        yield warning(
            "run",
            f"{run.run_id!r} of Dag {run.dag_id!r} used version {run.version_number} instead of the pinned version "
            f"{run.pinned_version_number}",
            "Find the component that did not enforce pins at that time. Clear the run with the latest version, "
            f"which moves it to the pin (a plain clear keeps its version), or: {acknowledge_command(run.dag_id)}",
        )


def check_code() -> Iterator[Finding]:
    """Find managed versions whose code the dag processor could not get or check."""
    with create_session(scoped=False) as session:
        kept = session.scalars(
            select(ManagedVersion)
            .where(ManagedVersion.state != VersionState.REJECTED.value)
            .order_by(ManagedVersion.dag_id, ManagedVersion.version_number)
        ).all()
    missing = [row for row in kept if row.code_state == CodeState.MISSING.value]
    present = [row for row in kept if row.code_state != CodeState.MISSING.value]
    only_here = [row for row in present if row.code_source == CodeSource.CHECKOUT.value and not row.code_problem]
    unchecked = [row for row in present if row.code_problem]
    new = sum(row.code_state == CodeState.UNKNOWN.value and not row.code_problem for row in kept)
    for row in missing[:SHOWN]:
        yield failure(
            "code",
            f"of Dag {row.dag_id!r}, version {row.version_number}, is not available: {row.code_message}",
            f"{code_remedy(row.code_problem)} Reject the version if it is no longer needed.",
        )
    for row in only_here[:SHOWN]:
        yield warning(
            "code",
            f"of Dag {row.dag_id!r}, version {row.version_number}, cannot be fetched by new hosts: {row.code_message}",
            code_remedy(CodeProblem.COMMIT_GONE.value),
        )
    for (message, problem), count in Counter((row.code_message, row.code_problem) for row in unchecked).most_common(
        SHOWN
    ):
        yield warning(
            "code", f"of {count} of {len(kept)} managed versions cannot be checked: {message}", code_remedy(problem)
        )
    if new:
        yield warning(
            "code",
            f"of {new} of {len(kept)} managed versions has not been checked yet",
            "The dag processor checks it within a minute, or longer if there are thousands. If the number does "
            "not decrease, see its log.",
        )
    if not (missing or only_here or unchecked or new):
        yield ok("code", f"code available for all {len(kept)} managed versions")
