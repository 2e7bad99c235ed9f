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
Remove the pins of one or many Dags, in the caller's transaction: their latest versions become active.

First everything is read and checked for all of them, then all is written: the number of statements does not grow with
the Dags. Unpinning one Dag is the case in which there is one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.changes.hold import remove_hold
from airflow_providers_pinning.domain.changes.pending import settle_pending
from airflow_providers_pinning.domain.changes.pin_row import choose_nothing, retain_active
from airflow_providers_pinning.domain.changes.pin_warnings import warn_of_latest
from airflow_providers_pinning.domain.dag_model.head import heads_at
from airflow_providers_pinning.domain.dag_model.many import write_dag_models
from airflow_providers_pinning.domain.dag_model.stored_dags import ActiveVersion, read_versions
from airflow_providers_pinning.domain.dag_model.sync import request_parses, wait_for_heads
from airflow_providers_pinning.domain.errors import PinningError, VersionUnreadableError
from airflow_providers_pinning.domain.history import events
from airflow_providers_pinning.domain.history.events import Change
from airflow_providers_pinning.domain.policies import enforce
from airflow_providers_pinning.domain.policies.model import ChangeKind
from airflow_providers_pinning.domain.policies.unmet import PlannedChange
from airflow_providers_pinning.domain.versions import managed
from airflow_providers_pinning.domain.versions.circumstances import circumstances_of_dags
from airflow_providers_pinning.domain.versions.identity import VersionIdentity, pinned_identity
from airflow_providers_pinning.models import Pin
from airflow_providers_pinning.vocabulary import EventKind


@dataclass(frozen=True)
class Liftable:
    """A pin that can be removed."""

    pin: Pin
    latest: VersionIdentity | None
    """What becomes active; ``None`` if no version is left."""
    readable: ActiveVersion | None
    """That version, deserialized."""
    warnings: tuple[str, ...] = ()
    evidence: Mapping[str, Any] | None = None

    @property
    def dag_id(self) -> str:
        """Id of the Dag."""
        return self.pin.dag_id


def examine_liftings(
    pins: Sequence[Pin], latest: Mapping[str, VersionIdentity], change: Change, *, session: Session
) -> tuple[list[Liftable], dict[str, PinningError]]:
    """
    Read everything needed to remove pins, and check whether they may be removed.

    Pending changes are canceled if the change supersedes them, so a dry run must roll back.

    :param pins: the pins, each of which chooses a version
    :param latest: the latest version of each Dag that has one
    :param change: who asks, why, and what is overridden
    :param session: database session
    :return: what may be lifted, and by Dag why the others may not
    """
    refused: dict[str, PinningError] = {}
    settled: dict[str, tuple[str, ...]] = {}
    for pin in pins:
        try:
            settled[pin.dag_id] = settle_pending(pin, change, session=session)
        except PinningError as error:
            refused[pin.dag_id] = error
    present = {pin.dag_id: latest[pin.dag_id] for pin in pins if pin.dag_id in latest}
    known = circumstances_of_dags(present, session=session) if present else {}
    readable: dict[str, ActiveVersion] = {}
    for dag_id, stored in read_versions(present, session=session).items():
        if isinstance(stored, VersionUnreadableError):
            refused[dag_id] = stored
            continue
        stored.pinned = False
        stored.bundle_is_configured = known[dag_id].bundle_is_configured
        readable[dag_id] = stored
    planned = [PlannedChange(pin.dag_id, ChangeKind.UNPIN, latest.get(pin.dag_id), change.caller.name) for pin in pins]
    decisions = enforce.decide(planned, change, session=session)
    told = warn_of_latest(
        {
            dag_id: (version, known[dag_id], readable[dag_id])
            for dag_id, version in present.items()
            if dag_id in readable
        },
        session=session,
    )
    found = []
    for pin in pins:
        decision = decisions[pin.dag_id]
        if isinstance(decision, PinningError):
            refused[pin.dag_id] = decision
        elif pin.dag_id not in refused:
            warnings = (*settled[pin.dag_id], *told.get(pin.dag_id, ()), *decision.warnings)
            version = latest.get(pin.dag_id)
            found.append(Liftable(pin, version, readable.get(pin.dag_id), warnings, decision.evidence))
    return found, refused


def lift(
    ready: Sequence[Liftable],
    change: Change,
    requests: Mapping[str, Mapping[str, Any]],
    *,
    release_id: str | None = None,
    session: Session,
) -> dict[str, tuple[str, ...]]:
    """
    Lift pins that nothing keeps from being lifted. The caller holds the locks of the Dags.

    :param ready: the pins
    :param change: who asks, and why
    :param requests: what was asked for, by Dag
    :param release_id: the release that the change is a part of
    :param session: database session
    :return: what to tell the caller, by Dag
    """
    chosen = [one.pin.dag_version_id for one in ready if one.pin.dag_version_id]
    rows = {row.dag_version_id: row for row in managed.managed_versions(chosen, session=session)}
    heads = heads_at([(one.pin, one.latest) for one in ready], session=session)
    appended = []
    for one in ready:
        before = pinned_identity(one.pin)
        retain_active(one.pin, rows)
        choose_nothing(one.pin, change)
        remove_hold(one.pin, change, session=session)
        appended.append(
            events.event_of(
                EventKind.UNPINNED,
                dag_id=one.dag_id,
                revision=one.pin.revision,
                change=change,
                request=requests[one.dag_id],
                from_version=before,
                to_version=one.latest,
                evidence={**(one.evidence or {}), **({"warnings": list(one.warnings)} if one.warnings else {})},
                release_id=release_id,
            )
        )
    events.append(appended, session=session)
    write_dag_models([one.readable for one in ready if one.readable], session=session)
    versions = {one.dag_id: one.latest for one in ready if one.latest}
    waiting = wait_for_heads({dag_id: (one, heads[dag_id]) for dag_id, one in versions.items()}, session=session)
    request_parses(versions.values(), session=session)
    return {one.dag_id: (*one.warnings, *waiting.get(one.dag_id, ())) for one in ready}
