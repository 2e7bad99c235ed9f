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

from datetime import datetime, timezone

import pytest
from airflow.api.common.trigger_dag import trigger_dag
from airflow.listeners import hookimpl
from airflow.listeners.listener import get_listener_manager
from airflow.models.asset import (
    AssetDagRunQueue,
    AssetEvent,
    AssetModel,
    AssetPartitionDagRun,
)
from airflow.models.dagrun import DagRun
from airflow.models.taskinstance import TaskInstance
from airflow.utils.state import TaskInstanceState
from airflow.utils.types import DagRunTriggeredByType
from sqlalchemy import func, select

from airflow_providers_pinning.domain.canaries.isolation import Isolation
from airflow_providers_pinning.domain.changes.canary import CanaryRequest, create_canary_runs
from airflow_providers_pinning.models import WithheldEffect
from airflow_providers_pinning.vocabulary import Assets
from tests.support.execution_api import execution_api
from tests.support.remembered import remembered
from tests.support.sources import dag_file


@pytest.fixture(scope="module")
def client(airflow_database):
    with execution_api() as client:
        yield client


def producer(dag_id, outlets, schedule="None", more=""):
    body = f"EmptyOperator(task_id='produce', outlets=[{outlets}]){more}"
    return dag_file(dag_id, f"schedule={schedule}", "", body)


@pytest.fixture
@remembered
def chain(lab):
    """Register three Dags of which each waits for an asset of the one before it."""
    sources = {
        "first": producer("first", "Asset('one')"),
        "second": producer("second", "Asset('two')", "[Asset('one')]"),
        "third": producer("third", "", "[Asset('two')]"),
    }
    lab.commit("sha1", **sources)
    lab.pin("first", 1)
    lab.pin("second", 1)
    lab.commit("sha2", **{name: source + "    # changed\n" for name, source in sources.items()})
    return lab


def live(lab, dag_id):
    run = trigger_dag(dag_id, triggered_by=DagRunTriggeredByType.REST_API, session=lab.session)
    lab.session.commit()
    return run


def canary(lab, dag_id, number=1, **request):
    created = create_canary_runs(dag_id, CanaryRequest(number, **request), lab.change(), session=lab.session)
    lab.session.commit()
    return lab.session.scalars(select(DagRun).where(DagRun.run_id == created.run_ids[0])).one()


def succeed(client, run, session, *, outlets=(), events=(), task_id="produce"):
    """Let a task of the run succeed, as its process tells the server."""
    ti = session.scalars(
        select(TaskInstance).where(TaskInstance.run_id == run.run_id, TaskInstance.task_id == task_id)
    ).one()
    ti.state = TaskInstanceState.QUEUED
    session.commit()
    now = datetime.now(timezone.utc)
    client.task_instances.start(ti.id, 1, now)
    client.task_instances.succeed(ti.id, now, outlets, events, None)
    session.expire_all()


def asset(name):
    return {"name": name, "uri": name, "type": "Asset"}


def emitted(name, extra, **more):
    return {"dest_asset_key": {"name": name, "uri": name}, "extra": extra, **more}


def rows(session, model):
    return session.scalar(select(func.count()).select_from(model))


def withheld(session):
    session.commit()
    return session.scalars(select(WithheldEffect).order_by(WithheldEffect.id)).all()


def test_no_live_dag_runs_on_what_a_canary_published(chain, scheduler, session, client):
    succeed(client, canary(chain, "first"), session, outlets=[asset("one")])
    succeed(client, canary(chain, "second"), session, outlets=[asset("two")])

    scheduler.create_due_runs()

    assert (rows(session, AssetEvent), rows(session, AssetDagRunQueue)) == (0, 0)
    assert [len(chain.runs(dag_id)) for dag_id in ("first", "second", "third")] == [1, 1, 0]


def test_live_runs_publish_as_ever(chain, scheduler, session, client):
    canary(chain, "first")
    succeed(client, live(chain, "first"), session, outlets=[asset("one")])
    scheduler.create_due_runs()
    [second] = chain.runs("second")
    succeed(client, second, session, outlets=[asset("two")])
    scheduler.create_due_runs()

    assert [len(chain.runs(dag_id)) for dag_id in ("second", "third")] == [1, 1]
    assert withheld(session) == []


def test_what_a_canary_would_have_published_is_kept_with_it(chain, session, client):
    run = canary(chain, "first")
    events = [emitted("one", {"rows": 5}, partition_key="2026-01-01"), emitted("one", {"rows": 7})]

    succeed(client, run, session, outlets=[asset("one")], events=events)

    kept = withheld(session)
    assert {(one.dag_id, one.run_id, one.task_id, one.map_index, one.kind) for one in kept} == {
        ("first", run.run_id, "produce", -1, "asset_event")
    }
    named = {"asset": {"name": "one", "uri": "one"}, "aliases": []}
    assert [one.payload for one in kept] == [
        {**named, "extra": {"rows": 5}, "partition_key": "2026-01-01"},
        {**named, "extra": {"rows": 7}, "partition_key": None},
    ]


@pytest.mark.parametrize(
    ("outlets", "events", "extras"),
    [
        pytest.param([asset("one")], [], [{}], id="an outlet without events"),
        pytest.param([asset("unknown")], [], [], id="an outlet that is not active"),
        pytest.param([{"name": "one", "type": "AssetNameRef"}], [], [{}], id="a name"),
        pytest.param([{"uri": "one", "type": "AssetUriRef"}], [emitted("one", {"a": 1})], [{"a": 1}], id="a uri"),
        pytest.param([asset("one"), {"name": "one", "type": "AssetNameRef"}], [], [{}, {}], id="an asset and its name"),
        pytest.param(
            [{"name": "alias", "type": "AssetAlias"}],
            [emitted("new", {"a": 1}, source_alias_name="alias"), emitted("new", {}, source_alias_name="other")],
            [{"a": 1}],
            id="an alias",
        ),
        pytest.param([], [emitted("one", {})], [], id="an event without an outlet"),
    ],
)
def test_as_many_events_are_kept_as_a_live_run_publishes(chain, session, client, outlets, events, extras):
    succeed(client, canary(chain, "first"), session, outlets=outlets, events=events)
    assert [one.payload["extra"] for one in withheld(session)] == extras
    assert (rows(session, AssetEvent), rows(session, AssetModel)) == (0, 2)

    succeed(client, live(chain, "first"), session, outlets=outlets, events=events)
    assert session.scalars(select(AssetEvent.extra).order_by(AssetEvent.id)).all() == extras


def test_a_canary_fills_no_partition(lab, session, client):
    consumer = dag_file(
        "consumer",
        "schedule=PartitionedAssetTimetable(assets=Asset('one'), default_partition_mapper=IdentityMapper())",
        "load",
    )
    lab.commit("sha1", first=producer("first", "Asset('one')"), consumer=consumer)
    events = [emitted("one", {}, partition_key="north")]
    succeed(client, canary(lab, "first"), session, outlets=[asset("one")], events=events)
    assert rows(session, AssetPartitionDagRun) == 0

    succeed(client, live(lab, "first"), session, outlets=[asset("one")], events=events)
    assert rows(session, AssetPartitionDagRun) == 1


def test_listeners_are_told_of_live_runs_only(chain, session, client):
    told = []

    class Listener:
        @hookimpl
        def on_asset_changed(self, asset):
            told.append(asset.name)

    listener = Listener()
    get_listener_manager().add_listener(listener)
    try:
        succeed(client, canary(chain, "first"), session, outlets=[asset("one")])
        assert told == []
        succeed(client, live(chain, "first"), session, outlets=[asset("one")])
        assert told == ["one"]
    finally:
        get_listener_manager().pm.unregister(listener)


def test_a_run_whose_id_only_looks_like_a_canarys_publishes(chain, session, client):
    run = trigger_dag("first", run_id="canary__mine", triggered_by=DagRunTriggeredByType.REST_API, session=session)
    succeed(client, run, session, outlets=[asset("one")])
    assert (rows(session, AssetEvent), withheld(session)) == (1, [])


def test_canary_that_is_to_publish_is_like_a_live_run(chain, scheduler, session, client):
    published = canary(chain, "first", isolation=Isolation(assets=Assets.PUBLISH))

    succeed(client, published, session, outlets=[asset("one")])
    scheduler.create_due_runs()

    assert rows(session, AssetEvent) == 1
    assert len(chain.runs("second")) == 1
    assert withheld(session) == []
