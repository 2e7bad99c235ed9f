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
"""Compare what the caller of a change saw with the current state: the revision, the hold and the version."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.errors import DagHeldError, RevisionConflictError
from airflow_providers_pinning.domain.history.events import Change
from airflow_providers_pinning.domain.monitoring.release_state import hold_of, release_state
from airflow_providers_pinning.domain.versions.expected import check_same
from airflow_providers_pinning.domain.versions.identity import VersionIdentity
from airflow_providers_pinning.models import Pin


def of_one_dag(change: Change) -> Change:
    """Return the change of one Dag within a change of many; the key and conditions apply to the whole."""
    return replace(
        change, idempotency_key=None, expected_revision=None, expected_dag_hash=None, expected_bundle_version=None
    )


def check_expected(dag_id: str, version: VersionIdentity, change: Change, *, dag_hash: str | None = None) -> None:
    """
    Compare a version with what the caller of a change saw.

    :param dag_hash: hash that the caller expects besides
    :raises VersionDriftedError: if it is another version
    """
    check_same(dag_id, version, dag_hash=dag_hash)
    check_same(dag_id, version, dag_hash=change.expected_dag_hash, bundle_version=change.expected_bundle_version)


def check_revision(dag_id: str, pin: Pin | None, change: Change, *, session: Session) -> None:
    """
    Compare the pin's revision with what the caller saw.

    :param pin: the pin; ``None`` if the Dag was never pinned

    :raises RevisionConflictError: with the current release state, if they differ
    """
    revision = pin.revision if pin else 0
    if change.expected_revision not in (None, revision):
        raise RevisionConflictError(
            f"The pin of Dag {dag_id!r} is at revision {revision}, not {change.expected_revision}: "
            f"{(pin and pin.actor) or 'someone'} changed it ({(pin and pin.reason) or 'no reason given'}). Review "
            "the current state and try again.",
            state=release_state(dag_id, session=session),
        )


def check_latest(
    dag_id: str, latest: VersionIdentity | None, change: Change, expected_version: int | None, *, session: Session
) -> None:
    """
    Compare the latest version, which unpinning makes active, with what the caller saw.

    :param expected_version: number of the version that the caller expects
    :raises RevisionConflictError: with the current release state, if another version is the latest
    :raises VersionDriftedError: if the version is not what the caller saw
    """
    if expected_version not in (None, latest and latest.version_number):
        raise RevisionConflictError(
            f"The latest version of Dag {dag_id!r} is {latest.label if latest else 'no version'}, not version "
            f"{expected_version}. Review the current state and try again.",
            state=release_state(dag_id, session=session),
        )
    if latest:
        check_expected(dag_id, latest, change)


def check_hold(pin: Pin, change: Change, *, now: datetime | None = None, session: Session) -> None:
    """
    Refuse a change while the Dag is on hold, unless the caller overrides that.

    :param now: the time by the database's clock, if the caller has read it

    :raises DagHeldError: if it is on hold
    """
    if not change.override_reason and (hold := hold_of(pin, now=now, session=session)):
        end = f" until {hold.until.isoformat()}" if hold.until else ""
        raise DagHeldError(
            f"Dag {pin.dag_id!r} was put on hold by {hold.actor}{end}: {hold.reason}. Lift the hold first (CLI: "
            "airflow pinning unhold), or provide an override_reason (CLI: --override-reason); a pin or unpin then "
            "lifts the hold.",
            dag_id=pin.dag_id,
        )
