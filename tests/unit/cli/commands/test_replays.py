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
from airflow.models.xcom import XComModel
from airflow.utils.types import DagRunTriggeredByType, DagRunType
from sqlalchemy import select

from airflow_providers_pinning.domain.canaries.outcomes import record_outcome

WHY = ("--reason", "try it", "--yes")


@pytest.fixture
def original(orders):
    """Return the id of a finished live run of the pinned version."""
    orders.pin("orders", 1)
    run = trigger_dag("orders", run_id="live", triggered_by=DagRunTriggeredByType.REST_API, session=orders.session)
    run.state, run.run_type = "success", DagRunType.SCHEDULED
    orders.session.commit()
    return "live"


def finish(session, run_id):
    run = session.scalars(select(DagRun).where(DagRun.run_id == run_id)).one()
    run.state = "success"
    for ti in run.task_instances:
        ti.state, ti.try_number = "success", 1
        # Without a serializer, as a worker hands the value over; there is more than one table of them since 3.4.
        XComModel.set(
            "return_value",
            4,
            dag_id=run.dag_id,
            task_id=ti.task_id,
            run_id=run_id,
            serialize=False,
            session=session,
        )
    session.flush()
    record_outcome(run, session=session)
    session.commit()


@pytest.mark.parametrize("how", [("--replay-last", 3), ("--replay", "live")])
def test_live_runs_are_replayed_and_shown_with_what_differs(pinning, orders, original, session, how):
    started = pinning("canary", "orders", "-V", 2, *how, *WHY, "-o", "json")
    [(run_id, of)] = started.json["replays"].items()
    assert of == original
    assert pinning("replays", "orders", "-V", 2, "-o", "json").json[0]["state"] is None
    finish(session, run_id)

    [pair] = pinning("replays", "orders", "-V", 2, "-o", "json").json
    assert (pair["run_id"], pair["original_run_id"], pair["state"]) == (run_id, original, "success")
    assert pair["differences"] == len(pair["shown"]) > 0
    table = pinning("replays", "orders", "-V", 2).out
    for part in (run_id[:20], original, "return_value", "nothing", "4"):
        assert part in table


@pytest.mark.parametrize(
    "how",
    [
        ("--replay-last", 1, "--replay", "live"),
        ("--replay-last", 1, "--count", 2),
        ("--replay", "live", "--conf", "{}"),
        ("--replay", "live", "--partition-key", "eu"),
    ],
)
def test_replay_that_is_not_clear_is_refused(pinning, orders, original, how):
    done = pinning("canary", "orders", "-V", 2, *how, *WHY)
    assert done.code == 2
    assert "either --replay or --replay-last" in done.err


@pytest.mark.parametrize(
    ("runs", "said"),
    [
        (["live", "live"], "The same run is given twice"),
        ([f"run{number}" for number in range(101)], "at most 100 runs"),
    ],
)
def test_the_runs_to_replay_have_the_limits_of_the_rest_api(pinning, orders, original, runs, said):
    done = pinning("canary", "orders", "-V", 2, *(word for run_id in runs for word in ("--replay", run_id)), *WHY)
    assert (done.code, said in done.err) == (2, True)


def test_active_version_replays_the_same_and_what_differs_in_both_is_set_aside(pinning, orders, original, session):
    replays = ("--replay-last", 1, "--replay-baseline")
    told = pinning("canary", "orders", "-V", 2, *replays, "--reason", "try it", "--dry-run")
    started = pinning("canary", "orders", "-V", 2, *replays, *WHY, "-o", "json")
    [run_id], [baseline] = started.json["run_ids"], started.json["baseline_replays"]
    for of in (run_id, baseline):
        finish(session, of)

    assert "1 run of Dag 'orders' with version 2" in told.out + told.err
    assert "and 1 replay of the same runs by the active version" in told.out + told.err
    [pair] = pinning("replays", "orders", "-V", 2, "-o", "json").json
    assert (pair["baseline_run_id"], "counted" in pair) == (baseline, False)
    assert "xcom extract.return_value" in pair["set_aside"]
    table = pinning("replays", "orders", "-V", 2).out
    assert "set aside)" in table
    assert "xcom extract.return_value" in pinning("soak", "orders", "-V", 2, "-o", "yaml").out


def test_nothing_to_replay_is_a_refusal(pinning, orders):
    orders.pin("orders", 1)
    done = pinning("canary", "orders", "-V", 2, "--replay-last", 1, *WHY)
    assert (done.code, "nothing_to_replay" in done.err) == (3, True)


def test_rehearsal_says_how_many_runs_there_will_be_and_refuses_what_is_not_there(pinning, orders, original):
    told = pinning("canary", "orders", "-V", 2, "--replay-last", 3, "--reason", "try it", "--dry-run")
    assert "This starts 1 run of Dag 'orders'" in told.out + told.err
    refused = pinning("canary", "orders", "-V", 2, "--replay", "nonesuch", "--reason", "try it", "--dry-run")
    assert (refused.code, "nothing_to_replay" in refused.err) == (3, True)
