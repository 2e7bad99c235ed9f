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

import asyncio
import json
from datetime import datetime, timedelta, timezone

import pytest
import time_machine
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException, TaskDeferred

from airflow_providers_pinning.sensors.window import DeploymentWindowSensor
from airflow_providers_pinning.triggers import window as window_trigger
from airflow_providers_pinning.windows import DeploymentWindow, WindowRule
from tests.support.patience import PATIENCE
from tests.support.task_context import task_context

WINDOW = DeploymentWindow(allow=[WindowRule("0 10 * * *", timedelta(hours=2), name="mornings")])
DONE = {"result": {}, "error": None}


def sensor(window=WINDOW, **parameters):
    parameters = {"deferrable": False, "poke_interval": 0.02, "timeout": 20, **parameters}
    return DeploymentWindowSensor(task_id="window", window=window, **parameters)


def at(hour, minute=0):
    return time_machine.travel(datetime(2026, 1, 1, hour, minute, tzinfo=timezone.utc), tick=True)


@pytest.mark.parametrize("deferrable", [True, False])
@pytest.mark.parametrize("window", [WINDOW, WINDOW.to_dict(), json.dumps(WINDOW.to_dict())])
def test_open_window_lets_through_at_once(window, deferrable):
    with at(11):
        assert sensor(window, deferrable=deferrable).execute(task_context()) == {
            "reason": "open: allowed by mornings until 2026-01-01T12:00:00+00:00",
            "next_close": "2026-01-01T12:00:00+00:00",
        }


def test_sensor_pokes_until_it_opens():
    with time_machine.travel(datetime(2026, 1, 1, 9, 59, 59, 900000, tzinfo=timezone.utc), tick=True):
        assert sensor().execute(task_context())["reason"].startswith("open")


def test_deferred_sensor_waits_again_if_it_comes_back_too_late():
    operator = sensor(deferrable=True)
    with at(9), pytest.raises(TaskDeferred) as deferred:
        operator.execute(task_context())
    assert json.loads(json.dumps(deferred.value.trigger.serialize()[1])) == {"window": WINDOW.to_dict()}
    with at(11, 59):
        assert operator.execute_complete(task_context(), DONE)["next_close"] == "2026-01-01T12:00:00+00:00"
    with at(12), pytest.raises(TaskDeferred):
        operator.execute_complete(task_context(), DONE)


@pytest.mark.parametrize("least", [0.0, 0.6])
def test_trigger_fires_when_the_window_opens_but_never_at_once(monkeypatch, least):
    monkeypatch.setattr(window_trigger, "LEAST_WAIT", least)
    operator = sensor(deferrable=True)

    async def first(trigger):
        return await asyncio.wait_for(anext(trigger.run().__aiter__()), PATIENCE)

    with time_machine.travel(datetime(2026, 1, 1, 9, 59, 59, 800000, tzinfo=timezone.utc), tick=True):
        with pytest.raises(TaskDeferred) as deferred:
            operator.execute(task_context())
        event = asyncio.run(first(deferred.value.trigger))
        # It began 0.2 seconds before the window opens.
        late = datetime.now(timezone.utc) - datetime(2026, 1, 1, 10, tzinfo=timezone.utc)
        assert late.total_seconds() >= max(0, least - 0.2)
    assert event.payload == {"result": {"opened": "2026-01-01T10:00:00+00:00"}, "error": None}


@pytest.mark.parametrize("deferrable", [True, False])
def test_window_that_never_opens_fails_at_once(deferrable):
    never = DeploymentWindow(allow=[WindowRule("0 0 30 2 *", timedelta(hours=1))])
    with pytest.raises(AirflowFailException, match="does not open"):
        sensor(never, deferrable=deferrable).execute(task_context())


def test_window_that_never_opens_is_a_skip_with_soft_fail():
    never = DeploymentWindow(allow=[WindowRule("0 0 30 2 *", timedelta(hours=1))])
    with pytest.raises(AirflowSkipException, match="does not open"):
        sensor(never, deferrable=True, soft_fail=True).execute(task_context())


def test_window_that_is_none_fails_at_once():
    for wrong in ("not json", {"allow": [{"cron": "x", "duration": 1}]}, {"when": []}):
        with pytest.raises(AirflowFailException, match="not valid"):
            sensor(wrong).execute(task_context())
