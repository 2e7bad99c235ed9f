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
"""The single policy check for every change of a Dag's active version, whoever requests it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from airflow.models.dag_version import DagVersion
from sqlalchemy import select
from sqlalchemy.orm import Session

from airflow_providers_pinning import conf
from airflow_providers_pinning.domain.canaries.routed_runs import has_live_runs
from airflow_providers_pinning.domain.errors import PinningError, PolicyNotMetError, ReleaseNotPermittedError
from airflow_providers_pinning.domain.history.events import Change
from airflow_providers_pinning.domain.policies.model import ChangeKind
from airflow_providers_pinning.domain.policies.rules import Unmet
from airflow_providers_pinning.domain.policies.seen import refuse_unseen
from airflow_providers_pinning.domain.policies.unmet import PlannedChange, unmet
from airflow_providers_pinning.domain.text import plural
from airflow_providers_pinning.domain.versions.identity import VersionIdentity
from airflow_providers_pinning.domain.versions.managed import VersionState
from airflow_providers_pinning.models import Event, ManagedVersion
from airflow_providers_pinning.vocabulary import RELEASES, EventKind


@dataclass(frozen=True)
class Allowed:
    """A permitted change."""

    evidence: dict[str, Any] = field(default_factory=dict)
    """For its event: the revision of the policies, and what was overridden."""
    warnings: tuple[str, ...] = ()


def require_policies(planned: PlannedChange, change: Change, *, session: Session) -> Allowed:
    """
    Refuse a change that rules block, unless the caller may override them and gives a reason.

    :raises PolicyNotMetError: with all unmet rules
    :raises ReleaseNotPermittedError: if releases require a permission that the caller does not have
    :raises PolicyConflictError: if other rules are in force than the caller saw
    """
    decision = decide([planned], change, session=session)[planned.dag_id]
    if isinstance(decision, PinningError):
        raise decision
    return decision


def decide(planned: Sequence[PlannedChange], change: Change, *, session: Session) -> dict[str, Allowed | PinningError]:
    """
    Check changes of several Dags, and return a decision on each.

    :param planned: one change for each Dag
    :param change: who asks, and whether unmet rules are overridden
    :param session: database session, in the transaction that makes the changes
    :raises PolicyConflictError: if other rules are in force than the caller saw
    """
    found: dict[str, Allowed | PinningError] = {}
    if conf.release_permission() and not change.caller.releases:
        found |= {one.dag_id: _not_permitted(one, change) for one in planned if one.kind is not ChangeKind.ROLLBACK}
        planned = [one for one in planned if one.dag_id not in found]
    check = unmet(session, planned, change.effective_from)
    if planned:
        refuse_unseen(check, change)
    overrides = bool(check.unmet and change.override_reason and change.caller.overrides_policies)
    for one in planned:
        problems = check.unmet.get(one.dag_id, ())
        if problems and not overrides:
            found[one.dag_id] = refusal_of(one, problems, check.revision, change)
            continue
        names = ", ".join(sorted({problem.rule.value for problem in problems}))
        warning = f"Unmet rules were overridden ({names}): {change.override_reason}"
        found[one.dag_id] = Allowed(check.evidence(one.dag_id), (warning,) if problems else ())
    return found


def _not_permitted(planned: PlannedChange, change: Change) -> ReleaseNotPermittedError:
    return ReleaseNotPermittedError(
        f"{change.caller.name} may not {planned.kind.value} Dag {planned.dag_id!r}: permission to edit the Dag is "
        f"not enough here; releases need a separate permission (FAB: 'can edit on {RELEASES}'; SimpleAuthManager: "
        "role op). Ask someone who has it. Rolling back to a previously active version does not need it.",
        dag_id=planned.dag_id,
    )


def refusal_of(planned: PlannedChange, problems: tuple[Unmet, ...], revision: int, change: Change) -> PolicyNotMetError:
    """Return the refusal, which lists all unmet rules."""
    about = f", {planned.version.label}" if planned.version else ""
    listed = " ".join(f"({number}) {problem.message}" for number, problem in enumerate(problems, 1))
    overriding = (
        "You may not override rules: that needs a separate permission."
        if change.override_reason
        else "If you have permission to override rules, provide an override_reason (CLI: --override-reason)."
    )
    return PolicyNotMetError(
        f"{plural(len(problems), 'rule')} of release policies block{'s' if len(problems) == 1 else ''} the "
        f"{planned.kind.value} of Dag {planned.dag_id!r}{about}: {listed} {overriding}",
        dag_id=planned.dag_id,
        version_number=planned.version.version_number if planned.version else None,
        policy_revision=revision,
        unmet=[problem.as_dict() for problem in problems],
    )


def were_active(
    versions: Mapping[str, VersionIdentity], rows: Mapping[UUID, ManagedVersion], *, session: Session
) -> set[str]:
    """
    Return the Dags whose given version was used by live runs before, or was chosen by a user.

    Only a change to such a version counts as a rollback; to any other version, it is a release in all but name.

    :param versions: one version of each Dag
    :param rows: their management rows, if any
    :param session: database session
    """
    chosen = (VersionState.RETAINED.value, VersionState.ACTIVE.value)
    found = {
        dag_id
        for dag_id, version in versions.items()
        if (row := rows.get(version.dag_version_id)) is not None and row.state in chosen
    }
    others = {str(versions[dag_id].dag_version_id): dag_id for dag_id in versions.keys() - found}
    if not others:
        return found
    changed = (EventKind.PINNED.value, EventKind.UNPINNED.value, EventKind.ROLLED_BACK.value)
    for column in (Event.from_version, Event.to_version):
        named = column["dag_version_id"].as_string()
        query = select(named).where(
            Event.dag_id.in_(others.values()), Event.kind.in_(changed), named.in_(others.keys())
        )
        found |= {others[dag_version_id] for dag_version_id in session.scalars(query.distinct())}
    ids = {versions[dag_id].dag_version_id: dag_id for dag_id in others.values() if dag_id not in found}
    if ids:
        query = select(DagVersion.id).where(DagVersion.id.in_(ids), has_live_runs())
        found |= {ids[dag_version_id] for dag_version_id in session.scalars(query)}
    return found
