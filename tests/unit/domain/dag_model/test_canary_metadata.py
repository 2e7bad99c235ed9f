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
from airflow.models.asset import AssetAliasModel, AssetModel, TaskOutletAssetReference
from airflow.models.dagrun import DagRun
from airflow.utils.state import DagRunState
from sqlalchemy import select

from airflow_providers_pinning.domain.changes import canary
from airflow_providers_pinning.domain.changes.canary import CanaryRequest
from tests.support.sources import dag_file


def publishing(asset):
    source = dag_file("orders", body=f"EmptyOperator(task_id='publish', outlets=[{asset}])")
    return "from airflow.sdk import AssetAccessControl, AssetAlias\n" + source


@pytest.fixture
def canaried(lab, session):
    """Return a function that pins a version with one outlet, and starts a canary run of one with another."""

    def start(pinned, candidate):
        lab.commit("sha1", orders=publishing(pinned))
        lab.pin("orders", 1)
        lab.commit("sha2", orders=publishing(candidate))
        canary.create_canary_runs("orders", CanaryRequest(2), lab.change(), session=session)
        session.commit()
        session.expire_all()

    return start


def test_an_asset_that_the_pinned_version_has_too_stays_as_that_has_it(canaried, lab, session):
    canaried(
        "Asset('report', extra={'env': 'production'}, group='a')",
        "Asset('report', extra={'env': 'candidate'}, group='b')",
    )
    described = select(AssetModel.group, AssetModel.extra)

    assert session.execute(described).one() == ("a", {"env": "production"})
    lab.parse("sha2")
    assert session.execute(described).one() == ("a", {"env": "production"})


def test_an_alias_that_the_pinned_version_has_too_is_as_head_has_it(canaried, session):
    canaried("AssetAlias('report', group='a')", "AssetAlias('report', group='b')")

    assert session.scalars(select(AssetAliasModel.group)).one() == "b"


def test_a_new_alias_is_known(canaried, session):
    canaried("Asset('report')", "AssetAlias('new')")

    assert session.scalars(select(AssetAliasModel.name)).one() == "new"


def test_a_new_outlet_is_for_the_teams_that_it_is_meant_for(canaried, session):
    canaried(
        "Asset('report')",
        "Asset('new', access_control=AssetAccessControl(consumer_teams=['blue'], allow_global=False))",
    )

    outlet = session.scalars(select(TaskOutletAssetReference).join(AssetModel).where(AssetModel.name == "new")).one()
    assert (outlet.allow_consumer_teams, outlet.allow_global_consumers) == (["blue"], False)


def test_limits_of_the_candidates_tasks_are_looked_at_while_its_canary_is_unfinished(lab, session):
    lab.commit("sha1", orders=dag_file("orders"))
    lab.pin("orders", 1)
    lab.commit("sha2", orders=dag_file("orders", body="EmptyOperator(task_id='a', max_active_tis_per_dag=1)"))
    [run_id] = canary.create_canary_runs("orders", CanaryRequest(2), lab.change(), session=session).run_ids
    session.commit()

    lab.parse("sha2")
    assert lab.dag_model("orders").has_task_concurrency_limits

    session.scalars(select(DagRun).where(DagRun.run_id == run_id)).one().state = DagRunState.SUCCESS
    session.commit()
    lab.parse("sha2")
    assert not lab.dag_model("orders").has_task_concurrency_limits
