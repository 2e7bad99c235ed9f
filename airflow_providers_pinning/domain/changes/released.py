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
"""What becomes of the Dags of a release that takes effect later."""

from __future__ import annotations

from sqlalchemy import update
from sqlalchemy.orm import Session

from airflow_providers_pinning.models import Pin, ReleaseDag, TimedChange
from airflow_providers_pinning.vocabulary import ReleaseOutcome, TimedStatus

RELEASE = "release_id"
"""Option of a timed change: the release that it is a part of."""

_OUTCOMES = {
    TimedStatus.IN_EFFECT: ReleaseOutcome.CHANGED,
    TimedStatus.FAILED: ReleaseOutcome.FAILED,
    TimedStatus.CANCELED: ReleaseOutcome.CANCELED,
}


def release_of(change: TimedChange | None) -> str | None:
    """Return the id of the release that a timed change is a part of."""
    return change.options.get(RELEASE) if change is not None else None


def note_in_release(pin: Pin, change: TimedChange, *, session: Session) -> None:
    """
    Note in its release what became of a timed change, in the transaction in which it did; the caller holds the pin.

    :param pin: the pin as it is afterwards
    :param change: the change, which is not pending any more
    :param session: database session
    """
    release_id = release_of(change)
    if release_id is None:
        return
    outcome = _OUTCOMES[TimedStatus(change.status)]
    made = {"from_version": change.from_version} if outcome is ReleaseOutcome.CHANGED else {}
    session.execute(
        update(ReleaseDag)
        .where(ReleaseDag.release_id == release_id, ReleaseDag.dag_id == change.dag_id)
        .values(
            outcome=outcome.value,
            revision=pin.revision,
            reason=change.result_reason and change.result_reason[:40],
            message=change.message,
            **made,
        )
        .execution_options(synchronize_session=False)
    )


def note_deletion(dag_id: str, *, session: Session) -> None:
    """Note in releases that a Dag was deleted before their time."""
    session.execute(
        update(ReleaseDag)
        .where(ReleaseDag.dag_id == dag_id, ReleaseDag.outcome == ReleaseOutcome.SCHEDULED.value)
        .values(outcome=ReleaseOutcome.CANCELED.value, message="The Dag was deleted.")
        .execution_options(synchronize_session=False)
    )
