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
from airflow.models.dagrun import DagRun
from sqlalchemy import select

from airflow_providers_pinning.models import RoutedRun
from airflow_providers_pinning.vocabulary import CANARY_PREFIX
from tests.support.sources import dag_file

RUNS = "/api/v2/dags/orders/dagRuns"


@pytest.fixture
def pinned(lab):
    """Return a deployment with a Dag that is pinned to the first of two commits."""
    lab.commit("sha1", orders=dag_file("orders", tasks="extract"))
    lab.pin("orders", 1)
    lab.commit("sha2", orders=dag_file("orders", tasks="extract load"))
    lab.session.commit()
    return lab


def asked(api, commit, role="op", **body):
    return api(role).post(RUNS, json={"logical_date": None, "bundle_version": commit, **body})


def run_of(session, answer):
    session.expire_all()
    return session.scalars(select(DagRun).where(DagRun.run_id == answer.json()["dag_run_id"])).one()


def test_run_of_another_commit_than_is_pinned_is_a_canary_run(pinned, api, session):
    answer = asked(api, "sha2", conf={"day": 1}, dag_run_id="mine", note="to see")

    assert answer.status_code == 200, answer.text
    run = run_of(session, answer)
    assert run.run_id.startswith(CANARY_PREFIX)
    assert run.bundle_version == "sha2"
    assert run.created_dag_version_id == pinned.version("orders", 2).id
    assert len(run.task_instances) == 2
    assert (run.conf, run.note) == ({"day": 1}, "to see")
    assert session.get(RoutedRun, ("orders", run.run_id)).dag_version_id == run.created_dag_version_id


def test_run_of_the_pinned_commit_is_an_ordinary_one(pinned, api, session):
    answer = asked(api, "sha1", dag_run_id="mine")

    assert answer.status_code == 200, answer.text
    run = run_of(session, answer)
    assert (run.run_id, run.bundle_version) == ("mine", "sha1")
    assert run.created_dag_version_id == pinned.version("orders", 1).id
    assert session.get(RoutedRun, ("orders", "mine")) is None


def test_run_of_a_dag_that_is_not_pinned_is_an_ordinary_one(pinned, api, session):
    pinned.unpin("orders")
    session.commit()

    run = run_of(session, asked(api, "sha2", dag_run_id="mine"))

    assert (run.run_id, run.bundle_version) == ("mine", "sha2")
    assert session.get(RoutedRun, ("orders", "mine")) is None


def test_run_of_a_commit_that_the_dag_never_had_is_refused(pinned, api, session):
    assert asked(api, "sha9").status_code == 404
    assert session.scalars(select(DagRun)).all() == []


def test_run_with_a_configuration_that_does_not_fit_is_refused(pinned, api, session):
    assert asked(api, "sha2", partition_key="a").status_code in {400, 422}
    assert session.scalars(select(DagRun)).all() == []


def test_who_may_not_create_runs_creates_no_canary_run(pinned, api, session):
    assert asked(api, "sha2", role="viewer").status_code == 403
    assert session.scalars(select(DagRun)).all() == []
