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
"""A live run that somebody named like a canary run is a live run: identity is the row in the pin store."""

from __future__ import annotations

import pytest
from airflow.api.common.trigger_dag import trigger_dag
from airflow.models.asset import AssetEvent
from airflow.models.dagrun import DagRun
from airflow.models.taskinstance import TaskInstance
from airflow.sdk.api.datamodels._generated import AssetProfile
from airflow.utils.types import DagRunTriggeredByType
from sqlalchemy import func, select

from airflow_providers_pinning.domain.canaries.outcomes import record_outcome
from airflow_providers_pinning.domain.canaries.pairs import list_pairs
from airflow_providers_pinning.domain.canaries.replays import Replay
from airflow_providers_pinning.domain.changes.canary import CanaryRequest, create_canary_runs
from airflow_providers_pinning.domain.changes.review import add_candidate
from airflow_providers_pinning.domain.errors import NothingToReplayError
from airflow_providers_pinning.domain.resolution import creation
from airflow_providers_pinning.domain.soak.soak import SoakQuestion, soak
from airflow_providers_pinning.domain.soak.verdict import Criteria
from airflow_providers_pinning.domain.versions.identity import find_version
from airflow_providers_pinning.models import RoutedRun, WithheldEffect
from airflow_providers_pinning.vocabulary import RunKind
from tests.support.sources import dag_file

NAME = "canary__v2__2026-01-01T00:00:00+00:00__1"
PUBLISHING = "EmptyOperator(task_id='publish', outlets=[Asset('loaded')])\n"


@pytest.fixture
def run(lab, session, monkeypatch):
    lab.commit("sha1", orders=dag_file("orders", "schedule=None", "extract", PUBLISHING))
    lab.pin("orders", 1)
    lab.commit("sha2", orders=dag_file("orders", "schedule=None", "extract load", PUBLISHING))
    with monkeypatch.context() as elsewhere:
        # Such as a host without the enforcement, which refuses no id.
        elsewhere.setattr(creation, "is_managed", lambda dag_id, session: False)
        trigger_dag("orders", run_id=NAME, triggered_by=DagRunTriggeredByType.REST_API, session=session)
    session.commit()
    return session.scalars(select(DagRun).where(DagRun.run_id == NAME)).one()


def end(run, session):
    run.state = "success"
    for ti in run.task_instances:
        ti.state, ti.try_number = "success", 1
    session.commit()


@pytest.mark.parametrize("manage", ["pin", "candidate"])
def test_no_live_run_of_a_managed_dag_is_named_so_as_its_tasks_would_take_it_for_a_canary_run(lab, session, manage):
    lab.commit("sha1", orders=dag_file("orders", "schedule=None"))
    if manage == "pin":
        lab.pin("orders", 1)
        lab.unpin("orders")
    else:
        add_candidate("orders", 1, lab.change(), session=session)
    session.commit()

    with pytest.raises(ValueError, match="so tasks would treat this run as one"):
        trigger_dag("orders", run_id=NAME, triggered_by=DagRunTriggeredByType.REST_API, session=session)

    session.rollback()
    assert lab.runs("orders") == []
    # The form is what counts, not the beginning.
    trigger_dag("orders", run_id="canary__mine", triggered_by=DagRunTriggeredByType.REST_API, session=session)


def test_it_has_the_pinned_version(run, lab):
    assert lab.used_versions(run) == {1}


def test_it_takes_a_slot(run, session):
    run.state = "running"
    session.commit()

    assert DagRun.active_runs_of_dags(dag_ids=["orders"], exclude_backfill=True, session=session) == {"orders": 1}


def test_its_assets_are_published(run, session):
    [ti] = [ti for ti in run.task_instances if ti.task_id == "publish"]
    outlets = [AssetProfile(name="loaded", uri="loaded", type="Asset")]

    TaskInstance.register_asset_changes_in_db(ti, outlets, [], session=session)

    assert session.scalar(select(func.count()).select_from(AssetEvent)) == 1
    assert session.scalar(select(func.count()).select_from(WithheldEffect)) == 0


def test_it_is_evidence_as_a_live_run_only(run, session):
    end(run, session)

    assert not record_outcome(run, session=session)
    assert session.scalar(select(func.count()).select_from(RoutedRun)) == 0
    judged = soak("orders", 1, SoakQuestion(Criteria(min_runs=1), RunKind.LIVE), session=session)
    assert judged.evidence.runs == 1
    assert list_pairs(
        "orders", find_version("orders", version_number=2, session=session), limit=9, offset=0, session=session
    ) == ([], 0)


def test_it_can_be_replayed_and_what_replays_it_cannot(run, lab, session):
    end(run, session)

    created = create_canary_runs("orders", CanaryRequest(2, replay=Replay(last=1)), lab.change(), session=session)

    [(run_id, original)] = created.replays.items()
    assert original == NAME
    session.scalars(select(DagRun).where(DagRun.run_id == run_id)).one().state = "success"
    session.commit()
    with pytest.raises(NothingToReplayError, match="canary runs cannot be replayed"):
        create_canary_runs("orders", CanaryRequest(2, replay=Replay((run_id,))), lab.change(), session=session)
