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

import pytest
from airflow.api.common.trigger_dag import trigger_dag
from airflow.jobs.job import Job
from airflow.utils.types import DagRunTriggeredByType

from tests.support.api import PINNING
from tests.support.remembered import remembered
from tests.support.sources import dag_file
from tests.support.statements import counted_parameters
from tests.support.stock import without_enforcement

HEALTH = f"{PINNING}/health"


@pytest.fixture(autouse=True)
@remembered
def pinned(lab):
    lab.commit("sha1", orders=dag_file("orders"), invoices=dag_file("invoices"))
    lab.pin("orders", 1)
    lab.pin("invoices", 1)
    lab.commit("sha2", orders=dag_file("orders", tasks="extract load"))


def start(session, job_type, *, enforced=True):
    job = Job(job_type=job_type)
    if enforced:
        job.prepare_for_execution(session=session)
    else:
        with without_enforcement("Job.prepare_for_execution"):
            job.prepare_for_execution(session=session)
    return job


def test_all_is_well_if_nothing_is_wrong(api):
    answer = api("viewer").get(HEALTH)

    assert answer.status_code == 200
    assert answer.json() == {
        "enforced": True,
        "components": [],
        "unhealthy_pins": [],
        "total_unhealthy_pins": 0,
        "troubled_at_head": [],
        "total_troubled_at_head": 0,
        "escaped_runs": [],
    }


def test_every_live_component_is_shown_with_what_it_does(api, session):
    start(session, "SchedulerJob")
    start(session, "TriggererJob", enforced=False)

    body = api().get(HEALTH).json()

    assert not body["enforced"]
    assert [(c["component"], c["enforced"]) for c in body["components"]] == [("scheduler", True), ("triggerer", False)]
    assert "Install airflow-providers-pinning there" in body["components"][1]["message"]


def test_a_component_is_described(api, session):
    job = start(session, "SchedulerJob")

    [component] = api().get(HEALTH).json()["components"]

    assert (component["job_id"], component["hostname"]) == (job.id, job.hostname)
    assert component["pid"] > 0
    assert component["package_version"]
    assert component["last_seen"]


def test_pins_with_a_problem_are_shown(api, lab):
    lab.break_pin("orders")

    body = api().get(HEALTH).json()

    assert body["total_unhealthy_pins"] == 1
    [pin] = body["unhealthy_pins"]
    assert (pin["dag_id"], pin["health"]["status"]) == ("orders", "broken")


def test_runs_that_escaped_are_shown(api, lab):
    with without_enforcement():
        trigger_dag("orders", run_id="escaped", triggered_by=DagRunTriggeredByType.REST_API, session=lab.session)
    lab.session.commit()

    assert api().get(HEALTH).json()["escaped_runs"] == [
        {"dag_id": "orders", "run_id": "escaped", "version_number": 2, "pinned_version_number": 1}
    ]


@pytest.fixture
def readable(monkeypatch):
    """Return a function that lets users read only some Dags."""
    from airflow.api_fastapi.app import get_auth_manager

    def restrict(*dag_ids):
        monkeypatch.setattr(
            type(get_auth_manager()), "get_authorized_dag_ids", lambda self, *, user, method="GET": set(dag_ids)
        )

    return restrict


def test_pins_of_dags_that_may_not_be_read_are_neither_shown_nor_counted(api, lab, readable):
    lab.break_pin("orders")
    lab.break_pin("invoices")
    readable("orders")

    body = api("viewer").get(HEALTH).json()

    assert body["total_unhealthy_pins"] == 1
    assert [pin["dag_id"] for pin in body["unhealthy_pins"]] == ["orders"]


def test_very_many_dags_that_may_be_read_are_not_named_to_the_database(api, lab, readable):
    lab.break_pin("orders")
    readable("orders", *(f"dag_{number}" for number in range(5000)))

    with counted_parameters(lab.session) as parameters:
        body = api("viewer").get(HEALTH).json()

    assert body["total_unhealthy_pins"] == 1
    assert max(parameters) < 100


def test_components_alone_are_told_without_asking_what_may_be_read(api, session):
    start(session, "SchedulerJob")
    start(session, "TriggererJob", enforced=False)
    session.commit()
    everything = api().get(HEALTH).json()

    with counted_parameters(session) as statements:
        answer = api("viewer").get(f"{PINNING}/components")

    assert answer.json() == {name: everything[name] for name in ("enforced", "components")}
    assert not answer.json()["enforced"]
    # PostgreSQL is asked for its clock too.
    assert len(statements) <= 3 + (session.get_bind().dialect.name != "sqlite")
