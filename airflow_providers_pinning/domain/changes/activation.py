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
Check whether versions of one or many Dags may become active.

Everything is read and checked for all Dags before anything is written, in the same transaction, by
:mod:`~airflow_providers_pinning.domain.changes.activation_write`. The number of statements does not grow with the
Dags, and one Dag is not a special case.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.changes import code_checks, preconditions
from airflow_providers_pinning.domain.changes.activation_warnings import with_warnings
from airflow_providers_pinning.domain.changes.pending import pending_refusal, settle_pending
from airflow_providers_pinning.domain.changes.ramp_row import ramp_refusal
from airflow_providers_pinning.domain.changes.verdict_check import PassedOver, check_verdict, may_have_failed
from airflow_providers_pinning.domain.errors import PinningError
from airflow_providers_pinning.domain.history.events import Change
from airflow_providers_pinning.domain.monitoring import attestation
from airflow_providers_pinning.domain.policies import enforce
from airflow_providers_pinning.domain.policies.model import ChangeKind
from airflow_providers_pinning.domain.policies.unmet import PlannedChange
from airflow_providers_pinning.domain.versions import managed
from airflow_providers_pinning.domain.versions.identity import (
    VersionIdentity,
    latest_identity,
    newest_identities,
    pinned_identity,
)
from airflow_providers_pinning.models import ManagedVersion, Pin
from airflow_providers_pinning.vocabulary import EventKind


@dataclass(frozen=True)
class Activation:
    """A version that should become active for a Dag."""

    pin: Pin
    version: VersionIdentity
    warnings: tuple[str, ...] = ()
    evidence: Mapping[str, Any] | None = None
    checked: preconditions.Checked | None = None
    """What was read of the version, if it is checked already."""

    @property
    def dag_id(self) -> str:
        """Id of the Dag."""
        return self.pin.dag_id


@dataclass(frozen=True)
class Ready:
    """An activation that passed all checks."""

    pin: Pin
    checked: preconditions.Checked
    from_version: VersionIdentity | None
    """What is active now: the pinned version, else the latest."""
    warnings: tuple[str, ...] = ()
    evidence: Mapping[str, Any] | None = None

    @property
    def dag_id(self) -> str:
        """Id of the Dag."""
        return self.pin.dag_id

    @property
    def version(self) -> VersionIdentity:
        """The version that becomes active."""
        return self.checked.version

    @property
    def changes_nothing(self) -> bool:
        """Whether the version is pinned already."""
        return pinned_identity(self.pin) == self.version


@dataclass(frozen=True)
class Examined:
    """Result of the checks."""

    ready: tuple[Ready, ...]
    refused: Mapping[str, PinningError]
    """Why a Dag's version cannot be activated, by Dag ID."""
    rows: dict[UUID, ManagedVersion] = field(default_factory=dict)
    """Management rows of all versions involved."""

    def raise_refusal(self) -> None:
        """Raise the first refusal, if there is one."""
        for error in self.refused.values():
            raise error


def examine(
    kind: EventKind,
    activations: Sequence[Activation],
    change: Change,
    *,
    ignore_verdict: bool = False,
    session: Session,
) -> Examined:
    """
    Read everything that the activation needs, and check whether the versions may become active.

    :param kind: what the change is
    :param activations: a version for each of the Dags
    :param change: who asks, why, and what is overridden
    :param ignore_verdict: do not refuse versions whose runs failed the criteria of their Dag
    :param session: database session
    :raises NotEnforcedError: if a live component runs without the enforcement
    """
    present = {one.dag_id: pinned_identity(one.pin) for one in activations}
    active = _active(present, session=session)
    ids = {one.dag_version_id for one in (*active.values(), *(each.version for each in activations))}
    rows = {row.dag_version_id: row for row in managed.managed_versions(ids, session=session)}
    found: dict[str, preconditions.Checked | PinningError] = {
        one.dag_id: one.checked for one in activations if one.checked
    }
    if unchecked := {one.dag_id: one.version for one in activations if not one.checked}:
        found |= preconditions.check_all_pinnable(unchecked, change, session=session)
    # Of a single Dag the caller has settled it by now.
    settled: dict[str, tuple[str, ...]] = {}
    for one in activations:
        if not (one.pin.pending_from or one.pin.ramp_id):
            continue
        if change.supersede or kind == EventKind.ROLLED_BACK:
            settled[one.dag_id] = settle_pending(one.pin, replace(change, supersede=True), session=session)
        else:
            refusal = ramp_refusal if one.pin.ramp_id else pending_refusal
            found[one.dag_id] = refusal(one.pin, session=session)
    refused = {dag_id: error for dag_id, error in found.items() if isinstance(error, PinningError)}
    if len(refused) == len(activations):
        return Examined((), refused, rows)
    attestation.require_enforcement(session=session)
    passed = {
        one.dag_id: Ready(
            one.pin, checked, active.get(one.dag_id), settled.get(one.dag_id, ()) + one.warnings, one.evidence
        )
        for one in activations
        if isinstance(checked := found[one.dag_id], preconditions.Checked)
    }
    changing = {dag_id: ready for dag_id, ready in passed.items() if not ready.changes_nothing}
    changing = _check_evidence(kind, changing, refused, change, ignore_verdict=ignore_verdict, session=session)
    changing = _check_policies(kind, changing, refused, change, rows, session=session)
    changing = with_warnings(changing, session=session)
    ready = (changing.get(dag_id, one) for dag_id, one in passed.items() if dag_id not in refused)
    return Examined(tuple(ready), refused, rows)


def _active(present: Mapping[str, VersionIdentity | None], *, session: Session) -> dict[str, VersionIdentity]:
    found = {dag_id: version for dag_id, version in present.items() if version}
    missing = [dag_id for dag_id, version in present.items() if not version]
    if len(missing) == 1:
        latest = latest_identity(missing[0], session=session)
        return found | ({missing[0]: latest} if latest else {})
    return found | newest_identities(missing, session=session)


def _check_evidence(
    kind: EventKind,
    changing: Mapping[str, Ready],
    refused: dict[str, PinningError],
    change: Change,
    *,
    ignore_verdict: bool,
    session: Session,
) -> dict[str, Ready]:
    """For forward changes, check whether hosts can fetch the code and whether the verdict is failed."""
    forward = {dag_id: one for dag_id, one in changing.items() if _goes_forward(kind, one)}
    judged = may_have_failed(
        {
            dag_id: (one.version, one.checked.known.managed)
            for dag_id, one in forward.items()
            if one.from_version != one.version
        },
        session=session,
    )
    kept = dict(changing)
    for dag_id, one in changing.items():
        with_code = code_checks.with_code_of(one.version, one.checked.known.managed)
        failed = PassedOver()
        try:
            if dag_id in forward:
                code_checks.check_fetchable(dag_id, one.version, with_code, change)
            if dag_id in judged:
                failed = check_verdict(
                    dag_id,
                    one.version,
                    one.checked.known.managed,
                    change,
                    ignore_verdict=ignore_verdict,
                    session=session,
                )
        except PinningError as error:
            refused[dag_id] = error
            del kept[dag_id]
            continue
        kept[dag_id] = replace(
            one,
            warnings=one.warnings + failed.warnings + code_checks.warn_of_code(one.version, with_code),
            evidence={**(one.evidence or {}), **(failed.evidence or {})},
        )
    return kept


def _check_policies(
    kind: EventKind,
    changing: Mapping[str, Ready],
    refused: dict[str, PinningError],
    change: Change,
    rows: Mapping[UUID, ManagedVersion],
    *,
    session: Session,
) -> dict[str, Ready]:
    """Check release policies. A rollback only counts as one if it returns to a previously active version."""
    back = {dag_id: one.version for dag_id, one in changing.items() if not _goes_forward(kind, one)}
    returning = enforce.were_active(back, rows, session=session)
    planned = [
        PlannedChange(
            dag_id,
            ChangeKind.ROLLBACK if dag_id in returning else ChangeKind.PIN,
            one.version,
            change.caller.name,
            change.ramp,
        )
        for dag_id, one in changing.items()
    ]
    kept = {}
    for dag_id, decision in enforce.decide(planned, change, session=session).items():
        if isinstance(decision, PinningError):
            refused[dag_id] = decision
            continue
        one = changing[dag_id]
        evidence = {**(one.evidence or {}), **decision.evidence}
        kept[dag_id] = replace(one, warnings=one.warnings + decision.warnings, evidence=evidence)
    return kept


def _goes_forward(kind: EventKind, ready: Ready) -> bool:
    # A rollback may name a newer version, which is a pin of it in all but name.
    before = ready.from_version
    return kind == EventKind.PINNED or bool(before and ready.version.version_number > before.version_number)
