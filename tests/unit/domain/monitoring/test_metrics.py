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
from __future__ import annotations

import os
from datetime import datetime, timedelta, timezone

import pytest
from airflow.jobs.job import Job
from airflow.models.dag import DagModel
from airflow.utils.net import get_hostname
from sqlalchemy import delete, update

from airflow_providers_pinning.domain.history import change_counters
from airflow_providers_pinning.domain.monitoring import metrics
from airflow_providers_pinning.domain.monitoring.attestation import live_components
from airflow_providers_pinning.enforcement.runs.breaker import ERRORS
from airflow_providers_pinning.models import Component
from airflow_providers_pinning.vocabulary import EventKind
from tests.support.remembered import remembered
from tests.support.sources import dag_file
from tests.support.statsd import statsd_of_this_process
from tests.unit.domain.history.test_delivery import event
from tests.unit.domain.monitoring.test_health import trigger_without_enforcement

DAGS = ("orders", "invoices", "returns")


@pytest.fixture
def statsd(monkeypatch, airflow_database):
    with statsd_of_this_process(monkeypatch) as server:
        yield server


@pytest.fixture
@remembered
def pinned(lab):
    """Pin three Dags: two versions of one and one of another are newer than the pinned ones, none of the third."""
    lab.commit("sha1", **{name: dag_file(name) for name in DAGS})
    lab.pin("orders", 1)
    lab.commit("sha2", orders=dag_file("orders", tasks="two"))
    lab.candidate("orders", 2)
    lab.pin("invoices", lab.numbers("invoices")[-1])
    lab.commit("sha3", orders=dag_file("orders", tasks="three"), invoices=dag_file("invoices", tasks="two"))
    lab.pin("returns", lab.numbers("returns")[-1])
    return lab


def measure(lab):
    lab.session.flush()
    return metrics.measure(live_components(session=lab.session), session=lab.session)


class TestMeasure:
    def test_finds_nothing_where_nothing_is_pinned(self, lab):
        assert measure(lab) == {
            "pinning.pins": 0,
            "pinning.unhealthy_pins": 0,
            "pinning.failing_pins": 0,
            "pinning.pending_changes": 0,
            "pinning.pins_behind": 0,
            "pinning.versions_behind": 0,
            "pinning.max_versions_behind": 0,
            "pinning.escaped_runs": 0,
            "pinning.unenforced_components": 0,
        }

    def test_counts_pins_and_the_versions_that_wait_for_them(self, pinned):
        measured = measure(pinned)

        assert measured["pinning.pins"] == 3
        assert measured["pinning.pins_behind"] == 2
        assert measured["pinning.versions_behind"] == 3
        assert measured["pinning.max_versions_behind"] == 2

    def test_leaves_out_a_dag_that_is_not_pinned_any_more(self, pinned):
        pinned.unpin("orders")

        measured = measure(pinned)

        assert (measured["pinning.pins"], measured["pinning.versions_behind"]) == (2, 1)

    def test_counts_pins_with_a_problem(self, pinned):
        pinned.break_pin("orders")
        pinned.session.execute(update(DagModel).where(DagModel.dag_id == "invoices").values(bundle_version="other"))

        assert measure(pinned)["pinning.unhealthy_pins"] == 2

    def test_counts_changes_that_wait_for_their_time(self, pinned):
        pinned.pin_from("orders", 2, datetime.now(timezone.utc) + timedelta(days=1))

        assert measure(pinned)["pinning.pending_changes"] == 1

    def test_counts_runs_that_escaped_their_pin(self, pinned):
        for number in range(2):
            trigger_without_enforcement(pinned, f"run_{number}")

        assert measure(pinned)["pinning.escaped_runs"] == 2

    def test_counts_live_components_without_the_enforcement(self, lab):
        jobs = [Job(job_type=kind) for kind in ("SchedulerJob", "TriggererJob", "DagProcessorJob")]
        for job in jobs:
            job.prepare_for_execution(session=lab.session)
        lab.session.execute(delete(Component).where(Component.job_id.in_([job.id for job in jobs[:2]])))

        assert measure(lab)["pinning.unenforced_components"] == 2


class TestReport:
    def test_sends_every_gauge(self, pinned, statsd):
        expected = measure(pinned)

        metrics.report(session=pinned.session)

        # They are sent in this order, so that nothing is missing once the last one has come.
        statsd.wait_until(lambda: [*expected][-1] in statsd.gauges())
        assert statsd.gauges() == expected

    def test_is_sent_by_one_of_several_dag_processors(self, lab, statsd):
        first, second = (Job(job_type="DagProcessorJob") for _ in range(2))
        first.prepare_for_execution(session=lab.session)
        second.prepare_for_execution(session=lab.session)
        lab.session.execute(update(Component).where(Component.job_id == first.id).values(pid=os.getpid() + 1))
        metrics.report(session=lab.session)
        assert statsd.lines() == []

        lab.session.execute(delete(Job).where(Job.id == first.id))
        metrics.report(session=lab.session)

        statsd.wait_until(lambda: "pinning.pins" in statsd.gauges())

    def test_is_sent_by_the_dag_processor_that_has_run_longest(self, lab, statsd):
        for _ in range(2):
            Job(job_type="DagProcessorJob").prepare_for_execution(session=lab.session)
        rows = lab.session.query(Component).order_by(Component.job_id).all()
        rows[1].hostname = f"not-{get_hostname()}"

        metrics.report(session=lab.session)

        statsd.wait_until(lambda: "pinning.pins" in statsd.gauges())

    def test_measures_nothing_while_airflow_sends_no_metrics(self, pinned, monkeypatch):
        monkeypatch.setattr(metrics, "measure", lambda *args, **options: pytest.fail("it was measured"))

        metrics.report(session=pinned.session)


class TestCountChange:
    def test_counts_by_kind_and_rollbacks_once_more(self, statsd):
        for kind in (EventKind.PINNED, EventKind.ROLLED_BACK, EventKind.PINNED):
            change_counters.count_change(event(kind=kind))

        statsd.wait_until(lambda: len(statsd.counted()) == 4)
        assert statsd.counted() == [
            "pinning.changes,kind=pinned",
            "pinning.changes,kind=pinned",
            "pinning.changes,kind=rolled_back",
            "pinning.rollbacks",
        ]

    def test_counts_rollbacks_by_a_policy_once_more(self, statsd):
        change_counters.count_change(event(kind=EventKind.ROLLED_BACK, evidence={"breaker": {"failed": 2}}))

        statsd.wait_until(lambda: len(statsd.counted()) == 3)
        assert "pinning.automatic_rollbacks" in statsd.counted()

    def test_needs_no_metrics(self):
        assert change_counters.count_change(event()) is None


def test_every_metric_is_documented(lab):
    from tests.support.python import ROOT

    documented = (ROOT / "docs/metrics.md").read_text()

    counters = (change_counters.CHANGES, change_counters.ROLLBACKS, change_counters.AUTOMATIC_ROLLBACKS, ERRORS)
    for name in (*counters, *measure(lab)):
        assert f"`{name}`" in documented
