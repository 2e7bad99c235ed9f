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
"""What a decision about the canary runs of a Dag goes by."""

from __future__ import annotations

from datetime import timedelta

from airflow.models.dagrun import DagRun
from sqlalchemy import select

from airflow_providers_pinning.domain.canaries import turns
from airflow_providers_pinning.domain.canaries.unfinished_runs import unfinished_runs
from airflow_providers_pinning.domain.changes.canary import CanaryRequest, create_canary_runs
from airflow_providers_pinning.models import Gap
from tests.support.sources import dag_file


def test_of_many_that_wait_a_turn_reads_the_first_and_those_that_run_or_have_a_gap(lab, session):
    lab.commit("sha1", orders=dag_file("orders"))
    lab.pin("orders", 1)
    run_ids = create_canary_runs("orders", CanaryRequest(1, count=8), lab.change(), session=session).run_ids
    runs = {run.run_id: run for run in session.scalars(select(DagRun))}
    for number, run_id in enumerate(run_ids):
        runs[run_id].run_after -= timedelta(hours=number)
    *_, with_gap, third, second, first, running = run_ids
    runs[running].state = "running"
    session.add(Gap(dag_id="orders", run_id=with_gap))
    session.commit()

    def read(queued=None):
        view = unfinished_runs(["orders"], queued=queued, session=session)
        return [canary.run_id for canary in view.canaries["orders"]]

    assert read() == list(reversed(run_ids))
    assert read(queued=2) == [running, first, second, with_gap]
    assert read(queued=3) == [running, first, second, third, with_gap]


def test_a_turn_starts_no_more_than_it_reads(lab, scheduler, session, monkeypatch):
    monkeypatch.setattr(turns, "QUEUED_A_TURN", 2)
    lab.commit("sha1", orders=dag_file("orders"))
    lab.pin("orders", 1)
    run_ids = create_canary_runs("orders", CanaryRequest(1, count=3), lab.change(), session=session).run_ids
    for run in session.scalars(select(DagRun)):
        run.run_after -= timedelta(hours=1)
    session.commit()

    scheduler.start_and_decide()

    started = {run.run_id for run in session.scalars(select(DagRun).where(DagRun.state != "queued"))}
    assert started == set(run_ids[:2])


def test_a_turn_counts_every_run_that_runs(lab, scheduler, session, monkeypatch):
    monkeypatch.setattr(turns, "QUEUED_A_TURN", 2)
    lab.commit("sha1", orders=dag_file("orders", "schedule=None, max_active_runs=3"))
    lab.pin("orders", 1)
    create_canary_runs("orders", CanaryRequest(1, count=5), lab.change(), session=session)
    for number, run in enumerate(session.scalars(select(DagRun).order_by(DagRun.id))):
        run.run_after -= timedelta(hours=1)
        run.state = "running" if number < 3 else "queued"
    session.commit()

    scheduler.start_and_decide()

    session.expire_all()
    assert [run.state for run in session.scalars(select(DagRun))].count("queued") == 2
