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
"""Whether a Dag is as a release left it."""

from __future__ import annotations

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from airflow_providers_pinning.models import Event, Pin, ReleaseDag
from airflow_providers_pinning.vocabulary import EventKind

_WITHOUT_A_CHOICE = tuple(
    kind.value
    for kind in (
        EventKind.BREAKER_OPENED,
        EventKind.HELD,
        EventKind.UNHELD,
        EventKind.ACTIVATION_SCHEDULED,
        EventKind.ACTIVATION_CANCELED,
        EventKind.ACTIVATION_FAILED,
        EventKind.RAMP_STARTED,
        EventKind.RAMP_ADVANCED,
        EventKind.RAMP_PAUSED,
        EventKind.RAMP_RESUMED,
        EventKind.RAMP_ABORTED,
    )
)
"""What counts in the revision of a pin although the version of the release stays the chosen one."""
_CHOICES = (EventKind.PINNED.value, EventKind.UNPINNED.value, EventKind.ROLLED_BACK.value)


def is_as_released(row: ReleaseDag, pin: Pin, *, session: Session) -> bool:
    """
    Return whether the version that a release chose for a Dag is still the chosen one.

    :param row: what is kept of the Dag with the release
    :param pin: the pin of the Dag
    :param session: database session
    """
    if pin.revision == row.revision:
        return True
    # An incident waits neither for a change that is pending nor for a ramp, nor because the automatic rollback found
    # no way back. A hold is checked where it counts: as for one Dag, it does not stop the way to an older version.
    since = select(
        func.sum(case((Event.kind.in_(_WITHOUT_A_CHOICE), 1), else_=0)),
        func.sum(case((Event.kind.in_(_CHOICES), 1), else_=0)),
    ).where(Event.dag_id == pin.dag_id, Event.revision > row.revision)
    without, choices = session.execute(since).one()
    # Each of them counts once. A hold that comes with a choice has the revision of the choice.
    return not choices and without == pin.revision - (row.revision or 0)
