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
"""What happens to a pin, and to everything stored for it, when its Dag is deleted."""

from __future__ import annotations

from typing import Any

from sqlalchemy import delete
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.changes.pin_row import choose_nothing, end_timeline, lift_hold
from airflow_providers_pinning.domain.changes.released import note_deletion
from airflow_providers_pinning.domain.history import events
from airflow_providers_pinning.domain.history.events import Change
from airflow_providers_pinning.domain.versions.identity import pinned_identity
from airflow_providers_pinning.models import (
    Acknowledgement,
    DagCriteria,
    Gap,
    ManagedVersion,
    Pin,
    Ramp,
    RoutedRun,
    TimedChange,
    VersionApproval,
    VersionContent,
    VersionEvidence,
    WithheldEffect,
)
from airflow_providers_pinning.vocabulary import EventKind

_DROPPED: tuple[Any, ...] = (
    ManagedVersion,
    VersionContent,
    Acknowledgement,
    RoutedRun,
    WithheldEffect,
    Gap,
    DagCriteria,
    VersionEvidence,
    VersionApproval,
    TimedChange,
    Ramp,
)


def forget_dag(dag_id: str, change: Change, *, session: Session) -> None:
    """
    Delete everything stored for a Dag that is deleted from Airflow.

    The history stays, and the revision continues if the ID is used again.
    """
    note_deletion(dag_id, session=session)
    for model in _DROPPED:
        session.execute(delete(model).where(model.dag_id == dag_id))
    pin = session.get(Pin, dag_id, with_for_update=True)
    if pin is None:
        return
    lift_hold(pin)
    end_timeline(pin)
    pin.ramp_id = None
    if pin.dag_version_id is None:
        return
    from_version = pinned_identity(pin)
    choose_nothing(pin, change)
    events.record(
        EventKind.FORGOTTEN,
        dag_id=dag_id,
        revision=pin.revision,
        change=change,
        request={"action": "forget", "dag_id": dag_id},
        from_version=from_version,
        to_version=None,
        session=session,
    )
