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
from airflow.models.dagrun import DagRun
from airflow.utils.types import DagRunTriggeredByType

from airflow_providers_pinning.domain.canaries.isolation import Isolation
from airflow_providers_pinning.domain.canaries.replays import Replay
from airflow_providers_pinning.domain.canaries.withheld import EffectKind, withhold
from airflow_providers_pinning.domain.changes.canary import CanaryRequest, create_canary_runs
from airflow_providers_pinning.domain.errors import UnknownDagError
from airflow_providers_pinning.domain.monitoring.run_list import list_runs
from airflow_providers_pinning.vocabulary import Assets
from tests.support.remembered import remembered
from tests.support.sources import CHANGED, STABLE


def start(lab, run_id, triggered_by=DagRunTriggeredByType.REST_API):
    trigger_dag("orders", run_id=run_id, triggered_by=triggered_by, session=lab.session)
    lab.session.commit()


@pytest.fixture
@remembered
def ran(lab):
    """Create a run of the pinned version, then a canary run of its candidate."""
    lab.commit("sha1", orders=STABLE)
    lab.pin("orders", 1)
    start(lab, "first")
    lab.commit("sha2", orders=CHANGED)
    create_canary_runs("orders", CanaryRequest(2), lab.change(), session=lab.session)
    lab.session.commit()
    return lab


def listed(lab, limit=100, offset=0):
    return list_runs("orders", limit=limit, offset=offset, session=lab.session)


def test_runs_are_listed_newest_first_with_their_version_and_kind(ran):
    runs, total = listed(ran)

    assert [(run.version_number, run.kind) for run in runs] == [(2, "canary"), (1, "live")]
    assert (runs[1].run_id, runs[1].dag_version_id) == ("first", ran.version("orders", 1).id)
    assert total == 2


def test_a_run_tells_its_state_and_times(ran):
    [run], _ = listed(ran, limit=1, offset=1)
    stored = ran.runs("orders")[0]

    assert (run.state, run.run_type) == ("queued", "manual")
    assert (run.created_at, run.started_at, run.ended_at) == (stored.created_at, None, None)


def test_a_canary_tells_how_many_of_its_effects_were_withheld(ran):
    effects = (EffectKind.ASSET_EVENT, [{}, {}]), (EffectKind.CALLBACK, [{}])
    run_id = ran.runs("orders")[1].run_id
    for kind, payloads in effects:
        withhold(kind, payloads, dag_id="orders", run_id=run_id, session=ran.session)
    ran.session.flush()

    assert [run.withheld for run in listed(ran)[0]] == [{"asset_event": 2, "callback": 1}, {}]


def test_a_canary_tells_how_it_is_kept_apart_and_what_it_replays(ran):
    ran.session.query(DagRun).filter_by(run_id="first").update({"state": "success"})
    request = CanaryRequest(2, isolation=Isolation(assets=Assets.PUBLISH), replay=Replay(runs=("first",)))
    create_canary_runs("orders", request, ran.change(), session=ran.session)
    replay, plain, live = listed(ran)[0]

    assert (replay.isolation["assets"], replay.isolation["alerts"], replay.replay_of) == (
        "publish",
        "withhold",
        "first",
    )
    assert (plain.isolation["assets"], plain.replay_of) == ("withhold", None)
    assert (live.isolation, live.replay_of) == ({}, None)


def test_runs_can_be_paged_through(ran):
    assert [run.kind for run in listed(ran, limit=1)[0]] == ["canary"]
    assert [run.kind for run in listed(ran, limit=1, offset=1)[0]] == ["live"]
    assert listed(ran, limit=1, offset=2) == ([], 2)


def test_runs_of_dag_test_are_left_out(ran):
    start(ran, "try", DagRunTriggeredByType.TEST)

    assert "try" not in [run.run_id for run in listed(ran)[0]]
    assert listed(ran)[1] == 2


def test_a_run_whose_version_is_gone_is_listed_all_the_same(ran):
    ran.session.query(DagRun).filter_by(run_id="first").update({"created_dag_version_id": None})

    assert [run.version_number for run in listed(ran)[0]] == [2, None]


def test_runs_of_other_dags_are_not_listed(ran):
    ran.commit("sha3", invoices=STABLE.replace("orders", "invoices"))

    assert list_runs("invoices", limit=100, offset=0, session=ran.session) == ([], 0)


def test_runs_of_an_unknown_dag_are_refused(lab):
    with pytest.raises(UnknownDagError):
        listed(lab)
