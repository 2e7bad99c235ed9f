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
from airflow.models.asset import AssetActive, AssetDagRunQueue, AssetEvent, AssetModel
from airflow.models.taskinstance import TaskInstance
from airflow.sdk.api.datamodels._generated import AssetProfile
from airflow.utils.types import DagRunTriggeredByType
from sqlalchemy import delete, select

from airflow_providers_pinning.domain.dag_model.asset_activation import activate_what_goes_before
from tests.support.execution_api import execution_api
from tests.support.remembered import remembered
from tests.support.sources import dag_file
from tests.support.statements import counted_parameters
from tests.support.stock import without_enforcement

OLD, NEW = "Asset('raw', 'x://b/old')", "Asset('raw', 'x://b/new')"


@pytest.fixture(scope="module")
def client(airflow_database):
    with execution_api() as client:
        yield client


def producer(dag_id, asset, role="outlets"):
    return dag_file(dag_id, "schedule=None", "", f"EmptyOperator(task_id='produce', {role}=[{asset}])")


@pytest.fixture
@remembered
def release(lab):
    """Pin a producer and a consumer of one release, after which HEAD moves the asset for everybody else."""
    lab.commit(
        "sha1",
        producer=producer("producer", OLD),
        consumer=dag_file("consumer", f"schedule=[{OLD}]"),
        other=producer("other", OLD),
    )
    for dag_id in ("producer", "consumer"):
        lab.pin(dag_id, 1)
    lab.commit("sha2", producer=producer("producer", NEW), other=producer("other", NEW))
    activate_what_goes_before(session=lab.session)
    lab.session.commit()
    return lab


def task_of(lab, dag_id):
    run = trigger_dag(dag_id, triggered_by=DagRunTriggeredByType.REST_API, session=lab.session)
    lab.session.commit()
    return lab.session.scalars(select(TaskInstance).where(TaskInstance.run_id == run.run_id)).one()


def succeed(lab, ti):
    outlets = [asset.asprofile() for asset in lab.serialized(ti.dag_id, 1).dag.get_task(ti.task_id).outlets]
    listeners = TaskInstance.register_asset_changes_in_db(ti, outlets, [], session=lab.session)
    lab.session.commit()
    return listeners


def published(lab):
    return lab.session.scalars(select(AssetModel.uri).join(AssetEvent, AssetEvent.asset_id == AssetModel.id)).all()


def inactive(client, ti):
    answer = client.task_instances.validate_inlets_and_outlets(ti.id)
    return [(asset.name, asset.uri) for asset in answer.inactive_assets]


def test_a_task_of_a_pinned_version_is_not_told_that_its_asset_is_inactive(release, client):
    assert inactive(client, task_of(release, "producer")) == []


def test_it_would_be_told_without_the_mend(release, client):
    with without_enforcement("validate_inlets_and_outlets"):
        assert inactive(client, task_of(release, "producer")) == [("raw", "x://b/old")]


def test_a_task_of_the_dag_at_head_finds_its_asset_active(release, client):
    assert inactive(client, task_of(release, "other")) == []


def test_a_task_of_a_dag_that_nothing_manages_is_told(release, client):
    release.commit("sha3", late=producer("late", OLD))
    ti = task_of(release, "late")

    assert inactive(client, ti) == [("raw", "x://b/old")]


def test_its_event_reaches_the_other_dags_of_its_release(release):
    listeners = succeed(release, task_of(release, "producer"))

    assert published(release) == ["x://b/old"]
    assert release.session.scalars(select(AssetDagRunQueue.target_dag_id)).all() == ["consumer"]
    assert len(listeners) == 2


def test_its_event_would_be_lost_without_the_mend(release):
    with without_enforcement("TaskInstance.register_asset_changes_in_db"):
        succeed(release, task_of(release, "producer"))

    assert release.session.scalars(select(AssetEvent)).all() == []


def test_it_creates_a_run_of_them(release, scheduler):
    succeed(release, task_of(release, "producer"))

    scheduler.create_due_runs()

    (run,) = release.runs("consumer")
    assert release.used_versions(run) == {1}


def test_a_reference_to_the_name_still_means_the_active_asset(release):
    ti = task_of(release, "producer")
    outlets = [AssetProfile(name="raw", type="AssetNameRef"), AssetProfile(name="raw", uri="x://b/old", type="Asset")]

    TaskInstance.register_asset_changes_in_db(ti, outlets, [], session=release.session)

    assert sorted(published(release)) == ["x://b/new", "x://b/old"]


def test_what_the_task_says_of_a_displaced_outlet_is_in_its_event(release):
    ti = task_of(release, "producer")
    outlet = AssetProfile(name="raw", uri="x://b/old", type="Asset")
    said = [{"dest_asset_key": {"name": "raw", "uri": "x://b/old"}, "extra": {"rows": rows}} for rows in (1, 2)]

    TaskInstance.register_asset_changes_in_db(ti, [outlet], said, session=release.session)

    assert release.session.scalars(select(AssetEvent.extra).order_by(AssetEvent.id)).all() == [
        {"rows": 1},
        {"rows": 2},
    ]


def test_a_dag_that_nothing_manages_publishes_nothing_of_a_displaced_asset(release):
    release.commit("sha3", late=producer("late", OLD))

    succeed(release, task_of(release, "late"))

    assert published(release) == []


def test_an_asset_that_is_inactive_for_another_reason_stays_so_for_a_managed_version(release, client):
    ti = task_of(release, "producer")
    release.session.execute(delete(AssetActive))
    release.session.commit()

    succeed(release, ti)

    assert published(release) == []
    assert inactive(client, ti) == [("raw", "x://b/old")]


def test_a_displaced_outlet_costs_no_statement_more_than_an_active_one(lab):
    lab.commit("sha1", producer=producer("producer", OLD))
    lab.pin("producer", 1)
    counts = []
    for commit in ("sha2", "sha3"):
        ti = task_of(lab, "producer")
        with counted_parameters(lab.session) as statements:
            succeed(lab, ti)
        counts.append(len(statements))
        lab.commit(commit, producer=producer("producer", NEW), other=producer("other", NEW))
        activate_what_goes_before(session=lab.session)
        lab.session.commit()

    assert published(lab) == ["x://b/old", "x://b/old"]
    assert counts[1] <= counts[0]
