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
"""Report once per pin that a Dag has been failing since its version was pinned."""

from __future__ import annotations

from functools import cache

from sqlalchemy import Select, String, cast, literal, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.history import events
from airflow_providers_pinning.domain.history.events import Caller, Change
from airflow_providers_pinning.domain.monitoring.runs_since_pin import (
    failed_tasks_since_pin,
    is_failing,
    runs_since_pin,
)
from airflow_providers_pinning.domain.versions.identity import pinned_identity
from airflow_providers_pinning.models import Event, Pin
from airflow_providers_pinning.vocabulary import CallerKind, EventKind

TOLD_A_ROUND = 50
"""Maximum number of Dags to report in one round."""

_KEY = "failing-"


def tell_failing(*, session: Session) -> None:
    """
    Record an event, which is announced to listeners, for pinned Dags whose newest run since the pin failed.

    :param session: database session; committed after each Dag
    """
    for pin in session.scalars(_untold()).all():
        dag_id, revision = pin.dag_id, pin.revision
        runs = runs_since_pin([dag_id], session=session)[dag_id]
        tasks = failed_tasks_since_pin(dag_id, session=session)
        version = pinned_identity(pin)
        change = Change(
            Caller("dag processor", CallerKind.SYSTEM),
            f"Failing since version {pin.version_number} was pinned: {runs}",
            idempotency_key=f"{_KEY}{revision}",
        )
        try:
            events.record(
                EventKind.FAILING,
                dag_id=dag_id,
                revision=revision,
                change=change,
                request={"action": "failing", "dag_id": dag_id, "revision": revision},
                from_version=version,
                to_version=version,
                evidence={"finished": runs.finished, "failed": runs.failed, "failed_tasks": tasks},
                session=session,
            )
            session.commit()
        except IntegrityError:
            # Another dag processor has just reported it.
            session.rollback()


@cache
def _untold() -> Select:
    told = (
        select(literal(1))
        .where(Event.dag_id == Pin.dag_id, Event.idempotency_key == literal(_KEY) + cast(Pin.revision, String))
        .correlate(Pin)
        .exists()
    )
    return (
        select(Pin).where(Pin.dag_version_id.is_not(None), is_failing(), ~told).order_by(Pin.dag_id).limit(TOLD_A_ROUND)
    )
