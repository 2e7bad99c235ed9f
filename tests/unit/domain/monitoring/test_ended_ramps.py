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
"""Ramps are dropped long after they ended, unless they tell why a run has another version."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from airflow.api.common.trigger_dag import trigger_dag
from airflow.utils.types import DagRunTriggeredByType
from sqlalchemy import func, select

from airflow_providers_pinning.domain.monitoring.escaped_runs import escaped_run_ids
from airflow_providers_pinning.domain.monitoring.maintenance import forget_ended_ramps
from airflow_providers_pinning.domain.ramp_steps import Step
from airflow_providers_pinning.models import Event, Ramp
from tests.support.ramps import act_on_ramp, end_run, make_run, start_ramp
from tests.support.remembered import remembered
from tests.support.sources import dag_file

YEAR = timedelta(days=365)
ALWAYS = Step(Decimal(1), runs=10)


@pytest.fixture
@remembered
def released(lab):
    for number, tasks in enumerate(("extract", "extract load", "extract load check"), 1):
        lab.commit(f"sha{number}", orders=dag_file("orders", tasks=tasks))
        lab.candidate("orders", number)
    lab.pin("orders", 1)


def age(session):
    """Let a year go by."""
    for row in session.scalars(select(Ramp)):
        row.started_at -= YEAR
        row.ended_at = row.ended_at and row.ended_at - YEAR
    session.commit()


def forget(session):
    forget_ended_ramps(session=session)
    session.commit()
    session.expire_all()
    return list(session.scalars(select(Ramp.status)))


def test_one_that_ended_before_another_version_was_pinned_is_dropped(released, lab, session):
    start_ramp(lab, 2, ALWAYS)
    assert make_run(lab) == 2
    act_on_ramp(lab, "abort")
    lab.pin("orders", 3)
    age(session)
    events = session.scalar(select(func.count()).select_from(Event))

    assert forget(session) == []
    assert session.scalar(select(func.count()).select_from(Event)) == events


def test_one_of_late_is_kept(released, lab, session):
    start_ramp(lab, 2, ALWAYS)
    make_run(lab)
    act_on_ramp(lab, "abort")
    lab.pin("orders", 3)

    assert forget(session) == ["aborted"]


def test_one_that_is_under_way_is_kept_however_old(released, lab, session):
    start_ramp(lab, 2, ALWAYS)
    age(session)

    assert forget(session) == ["running"]


def test_a_run_of_the_present_pin_is_not_said_to_have_escaped(released, lab, session):
    start_ramp(lab, 2, ALWAYS)
    make_run(lab)
    act_on_ramp(lab, "abort")
    age(session)

    assert forget(session) == ["aborted"]
    assert escaped_run_ids("orders", limit=5, session=session) == []


def test_an_unfinished_run_keeps_it_until_it_ends(released, lab, session):
    start_ramp(lab, 2, ALWAYS)
    run = trigger_dag("orders", triggered_by=DagRunTriggeredByType.REST_API, session=session)
    session.commit()
    act_on_ramp(lab, "abort")
    lab.pin("orders", 3)
    age(session)
    assert forget(session) == ["aborted"]

    end_run(lab, session.merge(run), "success")
    assert forget(session) == []
