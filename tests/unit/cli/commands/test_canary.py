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
from airflow.models.connection import Connection
from airflow.models.variable import Variable
from airflow.utils.platform import getuser
from airflow.utils.state import DagRunState
from airflow.utils.types import DagRunTriggeredByType

from airflow_providers_pinning.cli import waiting
from tests.support.sources import dag_file

WHY = ("--reason", "try it", "--yes")


@pytest.fixture(autouse=True)
def pinned(orders):
    orders.pin("orders", 1)


@pytest.fixture
def finish(orders, monkeypatch):
    """Return a function that lets the runs reach states while somebody waits."""

    def finish_as(*states):
        def instead_of_waiting(seconds):
            for run, state in zip(orders.runs("orders"), states, strict=True):
                run.state = state
            orders.session.commit()

        monkeypatch.setattr(waiting.time, "sleep", instead_of_waiting)

    return finish_as


def test_starts_runs_of_the_version(pinning, orders):
    done = pinning("canary", "orders", "-V", 2, "--count", 2, *WHY, "-o", "json")

    runs = orders.runs("orders")
    assert done.code == 0
    assert done.json["run_ids"] == [run.run_id for run in runs]
    assert [orders.used_versions(run) for run in runs] == [{2}, {2}]


def test_runs_say_who_started_them_and_how(pinning, orders):
    pinning("canary", "orders", "-V", 2, *WHY)

    [run] = orders.runs("orders")
    assert (run.triggered_by, run.triggering_user_name) == (DagRunTriggeredByType.CLI, getuser())
    assert run.note == "try it"


def test_runs_have_the_given_configuration_and_note(pinning, lab):
    lab.commit("sha9", sized=dag_file("sized", arguments="schedule=None, params={'size': Param(1, type='integer')}"))

    pinning("canary", "sized", "-V", 1, "--conf", '{"size": 7}', "--note", "seven", *WHY)

    [run] = lab.runs("sized")
    assert (run.conf, run.note) == ({"size": 7}, "seven")


def test_runs_have_the_given_partition_and_lack_what_is_said(pinning, lab):
    lab.commit("sha9", split=dag_file("split", "schedule=PartitionedAssetTimetable(assets=Asset('raw'))"))

    refused = pinning("canary", "split", "-V", 1, *WHY)
    rehearsed = pinning("canary", "split", "-V", 1, "--partition-key", "eu", "--reason", "try it", "--dry-run")
    done = pinning("canary", "split", "-V", 1, "--partition-key", "eu", *WHY)

    assert (refused.code, "invalid_partition_key" in refused.err) == (2, True)
    assert "Warning: No live run of partition 'eu' was triggered by assets" in rehearsed.err
    assert (done.code, [run.partition_key for run in lab.runs("split")]) == (0, ["eu"])


def test_a_configuration_that_does_not_fit_is_wrong_usage(pinning, lab):
    lab.commit("sha9", sized=dag_file("sized", arguments="schedule=None, params={'size': Param(1, type='integer')}"))

    done = pinning("canary", "sized", "-V", 1, "--conf", '{"size": "big"}', *WHY)
    assert (done.code, "invalid_conf" in done.err) == (2, True)
    assert lab.runs("sized") == []


def test_with_a_key_they_are_started_once(pinning, orders):
    for _ in range(2):
        assert pinning("canary", "orders", "-V", 2, *WHY, "--idempotency-key", "k1").code == 0

    assert len(orders.runs("orders")) == 1


def test_what_delays_them_is_told(pinning, orders):
    orders.dag_model("orders").is_paused = True
    orders.session.commit()

    assert "Warning: Dag 'orders' is paused" in pinning("canary", "orders", "-V", 2, *WHY).err


def test_of_a_rejected_version_are_refused_before_it_is_asked(pinning, orders):
    orders.reject("orders", 2)

    done = pinning("canary", "orders", "-V", 2, "--reason", "try it", typed="y\n")
    assert (done.code, "version_rejected" in done.err, "Make this change?" in done.err) == (3, True, False)


class TestWaiting:
    @pytest.mark.parametrize(
        ("states", "code"),
        [
            ((DagRunState.SUCCESS, DagRunState.SUCCESS), 0),
            ((DagRunState.SUCCESS, DagRunState.FAILED), 11),
        ],
        ids=["all succeed", "one fails"],
    )
    def test_ends_as_the_runs_do(self, states, code, pinning, finish):
        finish(*states)

        done = pinning("canary", "orders", "-V", 2, "--count", 2, "--wait", *WHY, "-o", "json")
        assert done.code == code
        assert list(done.json["states"].values()) == [str(state) for state in states]

    def test_gives_up_after_the_timeout(self, pinning):
        done = pinning("canary", "orders", "-V", 2, "--wait", "--timeout", 0, *WHY)

        assert (done.code, "queued" in done.out) == (10, True)

    def test_does_not_go_on_for_a_run_that_was_deleted(self, pinning, orders, monkeypatch):
        def delete(seconds):
            for run in orders.runs("orders"):
                orders.session.delete(run)
            orders.session.commit()

        monkeypatch.setattr(waiting.time, "sleep", delete)

        done = pinning("canary", "orders", "-V", 2, "--wait", *WHY)
        assert (done.code, "deleted" in done.out) == (11, True)


def test_runs_are_kept_apart_as_it_is_said(pinning, orders):
    apart = (
        "--assets",
        "publish",
        "--alerts",
        "send",
        "--triggers",
        "allow",
        "--slots",
        "gap",
        "--pool",
        "default_pool",
        "--queue",
        "spare",
        "--state",
        "write",
    )

    done = pinning("canary", "orders", "-V", 2, *apart, *WHY, "-o", "json")

    assert done.json["isolation"] == {
        "assets": "publish",
        "alerts": "send",
        "triggers": "allow",
        "slots": "gap",
        "pool": "default_pool",
        "queue": "spare",
        "state": "write",
    }


def test_substitutes_are_given_by_name(pinning, orders, session):
    session.add_all([Connection(conn_id="trial", conn_type="http"), Variable(key="trial", val="1")])
    session.commit()
    names = ("--connection", "warehouse=trial", "--connection", "lake=trial", "--variable", "bucket=trial")

    done = pinning("canary", "orders", "-V", 2, *names, *WHY, "-o", "json")

    assert done.json["isolation"]["connections"] == {"warehouse": "trial", "lake": "trial"}
    assert done.json["isolation"]["variables"] == {"bucket": "trial"}
    assert "AIRFLOW_CONN_WAREHOUSE" in done.err


def test_a_substitute_without_a_name_is_not_understood(pinning, orders):
    done = pinning("canary", "orders", "-V", 2, "--connection", "warehouse", *WHY)

    assert done.code == 2
    assert "NAME=SUBSTITUTE" in done.err


@pytest.mark.parametrize("how", [("--dry-run", *WHY), WHY])
def test_pool_that_is_not_there_is_refused(pinning, orders, how):
    done = pinning("canary", "orders", "-V", 2, "--pool", "nowhere", *how)

    assert done.code == 2
    assert "There is no pool 'nowhere'" in done.err
    assert orders.runs("orders") == []
