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
"""The versions of a release of which nobody names one: what is to come next of each Dag, or what it ran before."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from sqlalchemy import select
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.batches import pages
from airflow_providers_pinning.domain.changes.rollback import nothing_to_roll_back_to
from airflow_providers_pinning.domain.changes.rollback_target import find_target
from airflow_providers_pinning.domain.files.relation import VersionKey, is_related, keys_since
from airflow_providers_pinning.domain.history.events import Change
from airflow_providers_pinning.domain.releases.choice import IDS_AT_ONCE, Chosen, choose_by_number
from airflow_providers_pinning.domain.releases.plan import PlannedDag
from airflow_providers_pinning.domain.versions.identity import newest_identities, pinned_identity
from airflow_providers_pinning.domain.versions.managed import VersionState
from airflow_providers_pinning.models import ManagedVersion, Pin
from airflow_providers_pinning.vocabulary import ReleaseOutcome

_JUDGED = (VersionState.CANDIDATE.value, VersionState.REJECTED.value)


def choose_newest(pins: Mapping[str, Pin], dag_ids: list[str], chosen: Chosen, *, session: Session) -> None:
    """
    Find what comes next of each Dag: its newest candidate, else its newest version if that changes something related.

    Rejected versions are passed over. What HEAD has reverted does not come next.
    Of a Dag that is not pinned it is its newest candidate, else its latest version.
    """
    numbers: dict[str, int] = {}
    for page in pages(dag_ids, IDS_AT_ONCE):
        states: dict[str, dict[int, str]] = defaultdict(dict)
        for dag_id, number, state in session.execute(
            select(ManagedVersion.dag_id, ManagedVersion.version_number, ManagedVersion.state).where(
                ManagedVersion.dag_id.in_(page), ManagedVersion.state.in_(_JUDGED)
            )
        ):
            states[dag_id][number] = state
        active = {dag_id: pins[dag_id].version_number or 0 for dag_id in page if pins[dag_id].dag_version_id}
        candidates = {
            dag_id: max(found)
            for dag_id in page
            if (found := [one for one, state in states[dag_id].items() if state == VersionState.CANDIDATE.value])
            and max(found) > active.get(dag_id, 0)
        }
        left = {dag_id: number for dag_id, number in active.items() if dag_id not in candidates}
        related = {
            dag_id: newest
            for dag_id, keys in keys_since(left, session=session).items()
            if (newest := _newest_related(keys, left[dag_id], states[dag_id])) is not None
        }
        unpinned = newest_identities(
            [one for one in page if one not in active and one not in candidates], session=session
        )
        numbers |= {dag_id: version.version_number for dag_id, version in unpinned.items()} | related | candidates
    for dag_id in dag_ids:
        if dag_id not in numbers:
            chosen.others[dag_id] = PlannedDag(
                dag_id,
                ReleaseOutcome.UNCHANGED,
                reason="nothing_newer",
                message="It has no newer version that changes anything related to it and is not rejected.",
            )
    choose_by_number(numbers, [dag_id for dag_id in dag_ids if dag_id in numbers], chosen, session=session)


def _newest_related(keys: list[VersionKey], active: int, states: Mapping[int, str]) -> int | None:
    """
    Return the newest version that is not rejected, if it differs from the active one in something related.

    Versions in between do not count: HEAD may have reverted what they changed.
    """
    kept = [key.version_number for key in keys[1:] if states.get(key.version_number) != VersionState.REJECTED.value]
    if not kept or keys[0].version_number != active:
        return None
    newest = next(key for key in keys if key.version_number == kept[-1])
    return None if is_related(keys[0], newest) is False else newest.version_number


def choose_previous(
    pins: Mapping[str, Pin], dag_ids: list[str], change: Change, chosen: Chosen, *, session: Session
) -> None:
    """Find the version of each Dag that its rollback would return to; it is looked for Dag by Dag."""
    for dag_id in dag_ids:
        if (current := pinned_identity(pins[dag_id])) is None:
            chosen.others[dag_id] = PlannedDag(
                dag_id, ReleaseOutcome.LEFT, reason="not_pinned", message="It is not pinned."
            )
            continue
        target = find_target(dag_id, pins[dag_id], current, change, session=session)
        if target.version is None:
            chosen.others[dag_id] = PlannedDag.blocked(
                dag_id, nothing_to_roll_back_to(dag_id, target), was_pinned=True, from_version=current
            )
        else:
            chosen.versions[dag_id], chosen.warnings[dag_id] = target.version, target.warnings()
