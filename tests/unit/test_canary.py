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

from types import SimpleNamespace

import pytest
from airflow.sdk.exceptions import AirflowSkipException
from airflow.sdk.execution_time.context import set_current_context

from airflow_providers_pinning.canary import LiveRunsOnly, is_canary, skip_in_canary
from airflow_providers_pinning.domain.changes.canary import CanaryRequest, create_canary_runs

CANARY = "canary__v2__2026-01-01T00:00:00.000001+00:00__1"
LIVE = (
    "scheduled__2026-01-01T00:00:00+00:00",
    "manual__1",
    "my_canary__v2__1",
    "canary__is_what_i_call_it",
    "canary__v2__",
)


def test_runs_that_the_package_creates_are_canary_runs(lab, session):
    lab.pin_first_of_two()
    created = create_canary_runs("orders", CanaryRequest(2, count=2), lab.change(), session=session)

    assert [is_canary({"run_id": run_id}) for run_id in created.run_ids] == [True, True]


@pytest.mark.parametrize(
    "describe",
    [
        lambda run_id: {"run_id": run_id},
        lambda run_id: {"dag_run": SimpleNamespace(run_id=run_id)},
        lambda run_id: SimpleNamespace(run_id=run_id),
    ],
)
def test_run_is_told_by_its_id(describe):
    assert is_canary(describe(CANARY)) is True
    assert [is_canary(describe(run_id)) for run_id in LIVE] == [False] * len(LIVE)


@pytest.mark.parametrize("what", [None, CANARY, {}, {"run_id": None}, SimpleNamespace(run_id=None)])
def test_what_names_no_run_is_an_error_and_not_a_live_run(what):
    with pytest.raises(TypeError, match="takes a context or a Dag run"):
        is_canary(what)


def test_task_is_skipped_in_canary_runs_only():
    done = []

    @skip_in_canary
    def send(to, *, subject="hello"):
        done.append((to, subject))
        return "sent"

    with set_current_context({"run_id": LIVE[0]}):
        assert send("a", subject="b") == "sent"
    with set_current_context({"run_id": CANARY}), pytest.raises(AirflowSkipException, match="for live runs only"):
        send("a")
    assert done == [("a", "b")]


def test_callback_is_called_for_live_runs_only():
    called = []
    callback = LiveRunsOnly(called.append)

    callback({"run_id": CANARY})
    callback({"run_id": LIVE[0]})

    assert called == [{"run_id": LIVE[0]}]
