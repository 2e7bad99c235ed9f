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
"""The operators that hold Dags, against Airflow's own API server."""

from __future__ import annotations

import pytest
from airflow.sdk.exceptions import AirflowFailException

from airflow_providers_pinning.exceptions import PinningApiError
from airflow_providers_pinning.hooks.pinning import PinningHook
from airflow_providers_pinning.operators.hold import HoldDagOperator, UnholdDagOperator
from airflow_providers_pinning.operators.pin import PinDagVersionOperator
from tests.support.task_context import task_context


@pytest.fixture
def hook(airflow_server, lab):
    lab.pin_first_of_two()
    return PinningHook()


def run(operator_class, context=None, **parameters):
    operator = operator_class(task_id="hold", target_dag_id="orders", **parameters)
    return operator.execute(context or task_context("hold"))


def kinds(hook):
    return [event["kind"] for event in hook.list_events("orders")["events"]]


def test_held_dag_is_pinned_by_no_operator_until_the_hold_is_lifted(hook):
    held = run(HoldDagOperator, reason="The warehouse moves")
    assert held["hold"]["reason"] == "The warehouse moves"
    with pytest.raises(AirflowFailException, match="The warehouse moves"):
        run(PinDagVersionOperator, version_number=2)

    lifted = run(UnholdDagOperator, reason="It has moved")
    assert lifted["hold"] is None
    assert run(PinDagVersionOperator, version_number=2)["active"]["version_number"] == 2


def test_hold_has_an_end_that_a_template_may_leave_open(hook):
    assert run(HoldDagOperator, reason="why", until="2999-01-01T00:00:00+00:00")["hold"]["until"].startswith("2999")
    again = task_context("again")
    assert run(HoldDagOperator, again, reason="why not", until="None")["hold"]["until"] is None


def test_end_that_is_over_is_refused(hook):
    with pytest.raises(AirflowFailException, match="is in the past"):
        run(HoldDagOperator, reason="why", until="2020-01-01T00:00:00+00:00")
    assert hook.get_release_state("orders")["hold"] is None


def test_retry_holds_and_lifts_once(hook):
    context = task_context("hold")
    run(HoldDagOperator, context, reason="why")
    run(UnholdDagOperator, context, reason="why")
    before = kinds(hook)
    run(HoldDagOperator, context, reason="why")
    assert kinds(hook) == before
    assert hook.get_release_state("orders")["hold"] is None


def test_dag_that_is_not_there_is_named(hook):
    with pytest.raises((AirflowFailException, PinningApiError), match="nowhere"):
        HoldDagOperator(task_id="hold", target_dag_id="nowhere").execute(task_context("hold"))
