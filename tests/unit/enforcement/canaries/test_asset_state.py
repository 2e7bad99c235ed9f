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
from airflow.models.asset import AssetModel
from airflow.models.asset_state_store import AssetStateStoreModel
from airflow.models.taskinstance import TaskInstance
from airflow.sdk.api.client import ServerResponseError
from airflow.sdk.execution_time.comms import ErrorResponse
from airflow.utils.types import DagRunTriggeredByType
from sqlalchemy import select

from airflow_providers_pinning.domain.canaries.isolation import Isolation
from airflow_providers_pinning.domain.canaries.withheld import count_withheld
from airflow_providers_pinning.domain.changes.canary import CanaryRequest, create_canary_runs
from airflow_providers_pinning.models import WithheldEffect
from airflow_providers_pinning.vocabulary import StateWrites
from tests.support.execution_api import api_of_tasks
from tests.support.sources import dag_file

LOADING = dag_file("orders", "schedule=None", "begin", "EmptyOperator(task_id='load', outlets=[Asset('sales')])")
CHANGED = LOADING.replace("task_id='load'", "task_id='load_all'")


@pytest.fixture(scope="module")
def start(airflow_database):
    with api_of_tasks() as start:
        yield start


@pytest.fixture
def clients(lab, start, session):
    """Return what starts a run and returns the client of its task."""
    lab.commit("sha1", orders=LOADING)
    lab.pin("orders", 1)
    lab.commit("sha2", orders=CHANGED)

    def canary(**isolation):
        request = CanaryRequest(2, isolation=Isolation(**isolation))
        created = create_canary_runs("orders", request, lab.change(), session=session)
        session.commit()
        return of(created.run_ids[0])

    def of(run_id):
        client = start(session.scalars(select(TaskInstance).where(TaskInstance.run_id == run_id)).first())
        client.run_id = run_id
        return client

    def live():
        trigger_dag("orders", run_id="live", triggered_by=DagRunTriggeredByType.REST_API, session=session)
        session.commit()
        return of("live")

    canary.live = live
    return canary


def watermark(client, **asset):
    answer = client.asset_state_store.get("watermark", **(asset or {"name": "sales"}))
    return None if isinstance(answer, ErrorResponse) else answer.value


def test_a_canary_run_reads_back_what_it_wrote_and_live_runs_do_not(clients, session):
    live, canary = clients.live(), clients()
    live.asset_state_store.set("watermark", {"day": 1}, name="sales")
    assert watermark(canary) == {"day": 1}

    canary.asset_state_store.set("watermark", {"day": 9}, name="sales")

    assert watermark(canary) == {"day": 9}
    assert watermark(live) == {"day": 1}
    assert watermark(clients()) == {"day": 1}
    assert count_withheld("orders", [canary.run_id], session=session) == {canary.run_id: {"asset_state": 1}}
    assert session.scalars(select(WithheldEffect)).one().payload == {
        "asset": "sales",
        "asset_id": session.scalars(select(AssetModel.id)).one(),
        "key": "watermark",
        "operation": "set",
        "size": 10,
        "writes": 1,
    }


def test_the_asset_is_the_same_by_its_uri(clients, session):
    canary = clients()
    canary.asset_state_store.set("watermark", 1, name="sales")

    assert watermark(canary, uri=session.scalars(select(AssetModel.uri)).one()) == 1


def test_a_canary_run_misses_what_it_deleted_and_live_runs_do_not(clients):
    live, canary = clients.live(), clients()
    live.asset_state_store.set("watermark", 1, name="sales")
    canary.asset_state_store.delete("watermark", name="sales")

    assert watermark(canary) is None
    assert watermark(live) == 1
    canary.asset_state_store.set("watermark", 2, name="sales")
    assert watermark(canary) == 2


def test_a_canary_run_misses_what_it_cleared_until_it_sets_it_again(clients):
    live, canary = clients.live(), clients()
    live.asset_state_store.set("watermark", 1, name="sales")
    canary.asset_state_store.set("other", 1, name="sales")
    canary.asset_state_store.clear(name="sales")

    assert watermark(canary) is None
    assert isinstance(canary.asset_state_store.get("other", name="sales"), ErrorResponse)
    assert watermark(live) == 1
    canary.asset_state_store.set("watermark", 2, name="sales")
    assert watermark(canary) == 2


def test_a_canary_run_that_may_write_does(clients, session):
    canary = clients(state=StateWrites.WRITE)
    canary.asset_state_store.set("watermark", 2, name="sales")

    assert watermark(clients.live()) == 2
    assert session.scalars(select(AssetStateStoreModel)).one().last_updated_by_run_id == canary.run_id
    assert session.scalars(select(WithheldEffect)).all() == []


def test_what_is_too_large_to_be_kept_is_refused_with_the_remedy(clients):
    with pytest.raises(ServerResponseError) as refused:
        clients().asset_state_store.set("watermark", "x" * 2**20, name="sales")

    assert "{'state': 'write'}" in str(refused.value.detail)
    assert "key 'watermark'" in str(refused.value.detail)
