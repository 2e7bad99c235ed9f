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
"""Timed changes are dropped long after they ended, unless something needs them."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from airflow.api.common.trigger_dag import trigger_dag
from airflow.models.dag import DagModel
from airflow.models.dag_version import DagVersion
from airflow.utils.db_cleanup import run_cleanup
from airflow.utils.types import DagRunTriggeredByType
from sqlalchemy import func, select, update

from airflow_providers_pinning.domain.changes import due
from airflow_providers_pinning.domain.monitoring.escaped_runs import escaped_run_ids
from airflow_providers_pinning.domain.monitoring.maintenance import forget_ended_changes
from airflow_providers_pinning.models import Event, Pin, TimedChange
from tests.support.remembered import remembered
from tests.support.sources import dag_file

YEAR = timedelta(days=365)


def now():
    return datetime.now(timezone.utc)


@pytest.fixture
@remembered
def pinned(lab):
    for number, tasks in enumerate(("extract", "extract load", "extract load check"), 1):
        lab.commit(f"sha{number}", orders=dag_file("orders", tasks=tasks))
        lab.candidate("orders", number)
    lab.pin("orders", 1)


def age(session):
    """Let a year go by."""
    for row in session.scalars(select(TimedChange).where(TimedChange.ended_at.is_not(None))):
        row.created_at, row.ended_at = row.created_at - YEAR, row.ended_at - YEAR
    session.execute(update(Pin).values(changed_at=Pin.changed_at))
    for pin in session.scalars(select(Pin)):
        pin.changed_at -= YEAR
    session.commit()


def forget(session):
    forget_ended_changes(session=session)
    session.commit()
    session.expire_all()
    return [(row.status, (row.to_version or {}).get("version_number")) for row in session.scalars(select(TimedChange))]


def test_one_that_was_canceled_before_another_choice_is_dropped(pinned, lab, session):
    lab.pin_from("orders", 2, now() + YEAR)
    lab.cancel("orders")
    events = session.scalar(select(func.count()).select_from(Event))
    age(session)
    assert forget(session) == [("canceled", 2)]

    lab.pin("orders", 3)
    assert forget(session) == []
    assert session.scalar(select(func.count()).select_from(Event)) == events + 1


def test_one_of_late_is_kept(pinned, lab, session):
    lab.pin_from("orders", 2, now() + YEAR)
    lab.cancel("orders")
    lab.pin("orders", 3)

    assert forget(session) == [("canceled", 2)]


def test_a_run_of_before_keeps_its_version(pinned, lab, session):
    moment = now() - timedelta(minutes=1)
    for number in (2, 3):
        lab.pin_from("orders", number, moment)
        due.put_due_into_effect(session=session)
        moment += timedelta(seconds=1)
    age(session)

    assert forget(session) == [("in_effect", 2), ("in_effect", 3)]
    run = trigger_dag(
        "orders",
        run_after=moment - timedelta(minutes=5),
        triggered_by=DagRunTriggeredByType.REST_API,
        session=session,
    )
    session.commit()
    assert lab.used_versions(run) == {1}

    lab.pin("orders", 1)
    assert forget(session) == []


def test_a_run_for_a_change_that_was_given_up_is_not_said_to_have_escaped(pinned, lab, session):
    lab.pin_from("orders", 2, now() + timedelta(minutes=5))
    run = trigger_dag(
        "orders",
        run_after=now() + timedelta(minutes=10),
        triggered_by=DagRunTriggeredByType.REST_API,
        session=session,
    )
    session.commit()
    assert lab.used_versions(run) == {2}
    lab.cancel("orders")
    run = session.merge(run)
    run.created_at -= YEAR
    age(session)

    assert forget(session) == [("canceled", 2)]
    assert escaped_run_ids("orders", limit=5, session=session) == []


def test_what_is_pending_outlives_every_clean_up(pinned, lab, session):
    lab.unpin("orders")
    moment = now() + YEAR
    lab.pin_from("orders", 2, moment)
    old = now() - YEAR
    session.execute(update(DagVersion).values(created_at=old))
    lab.version("orders", 3).created_at = now()
    session.execute(update(DagModel).values(last_parsed_time=old))
    age(session)

    run_cleanup(clean_before_timestamp=now() - timedelta(days=30), confirm=False, skip_archive=True, session=session)

    assert forget(session) == [("pending", 2)]
    assert lab.pin_row("orders").pending_from == moment
    assert lab.pin_state("orders").pending.version.version_number == 2
    assert 2 in lab.numbers("orders")
