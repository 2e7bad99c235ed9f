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

from datetime import datetime, timedelta, timezone
from types import SimpleNamespace

import pytest
from airflow.api.common.trigger_dag import trigger_dag
from airflow.utils.types import DagRunTriggeredByType

from airflow_providers_pinning.exceptions import NothingToRollBackToError
from airflow_providers_pinning.hooks.pinning import PinningHook
from airflow_providers_pinning.notifications.rollback import RollbackNotifier


@pytest.fixture
def hook(airflow_server, lab):
    lab.pin_first_of_two()
    return PinningHook()


@pytest.fixture
def run(session):
    def new_run(run_id, state="failed"):
        created = trigger_dag("orders", run_id=run_id, triggered_by=DagRunTriggeredByType.REST_API, session=session)
        created.state = state
        created.start_date = created.end_date = datetime.now(timezone.utc)
        session.commit()
        return run_id

    return new_run


def notify(run_id, **parameters):
    RollbackNotifier(**parameters)({"dag": SimpleNamespace(dag_id="orders", get_template_env=None), "run_id": run_id})


@pytest.fixture(autouse=True)
def plain_templates(monkeypatch):
    """The stand-in for a Dag has no template environment."""
    monkeypatch.setattr(RollbackNotifier, "render_template_fields", lambda *_, **__: None)


def active(hook):
    return hook.get_release_state("orders")["active"]["version_number"]


def test_failing_version_is_rolled_back_rejected_and_held_once(hook, run):
    hook.pin("orders", version_number=2, reason="next")
    first = run("first")
    notify(first)
    state = hook.get_release_state("orders")
    assert (state["active"]["version_number"], bool(state["hold"])) == (1, True)
    assert {v["version_number"]: v["state"] for v in hook.list_versions("orders")["versions"]}[2] == "rejected"
    assert "1 failed run of version 2" in state["pin"]["reason"]
    event = hook.list_events("orders")["events"][0]
    assert event["source"] == {"dag_id": "orders", "run_id": "first", "notifier": "rollback"}
    notify(first)
    assert hook.get_release_state("orders")["revision"] == state["revision"]


def test_it_waits_for_enough_failures(hook, run):
    hook.pin("orders", version_number=2, reason="next")
    notify(run("first"), failures=2)
    assert active(hook) == 2
    notify(run("second"), failures=2)
    assert active(hook) == 1


def test_run_whose_task_failed_counts_while_it_still_runs(hook, run):
    hook.pin("orders", version_number=2, reason="next")
    notify(run("first", state="running"))
    assert active(hook) == 1


def test_runs_of_another_version_and_of_the_time_before_do_not_count(hook, run):
    old = run("old")
    hook.pin("orders", version_number=2, reason="next")
    notify(old)
    assert active(hook) == 2


@pytest.mark.parametrize("case", ["not pinned", "on hold", "pinned long ago"])
def test_it_leaves_alone_what_is_no_failed_release(hook, run, case):
    hook.pin("orders", version_number=2, reason="next")
    if case == "not pinned":
        hook.unpin("orders", reason="r")
    if case == "on hold":
        hook.roll_back("orders", reason="r", hold=True)
    failed = run("first")
    before = hook.get_release_state("orders")
    notify(failed, within=timedelta(0) if case == "pinned long ago" else 3600)
    assert hook.get_release_state("orders") == before


def test_nothing_to_roll_back_to_is_raised(hook, run):
    hook.pin("orders", version_number=2, reason="next")
    hook.reject("orders", 1, reason="r")
    with pytest.raises(NothingToRollBackToError):
        notify(run("first"))


def test_another_change_meanwhile_wins(stub):
    pinned_at = datetime.now(timezone.utc).isoformat()
    stub.answer(
        "GET",
        "/pinning/api/v1/dags/orders",
        {
            "pinned": True,
            "hold": None,
            "revision": 3,
            "pin": {"pinned_at": pinned_at},
            "active": {"version_number": 2, "dag_hash": "h", "bundle_version": "sha2"},
        },
    )
    stub.answer("GET", "/api/v2/dags/orders/dagRuns/r", {"state": "failed", "dag_versions": [{"version_number": 2}]})
    stub.answer("GET", "/pinning/api/v1/dags/orders/versions/2/soak", {"evidence": {"failures": 1}})
    conflict = (409, {"detail": {"reason": "revision_conflict", "message": "m", "state": {}}})
    stub.answer("POST", "/pinning/api/v1/dags/orders/rollback", conflict)
    notify("r")
    sent = stub.received[-1].body
    assert (sent["expected_revision"], sent["hold"], sent["reject_current"]) == (3, True, True)
    notify("r")
    assert stub.received[-1].body["idempotency_key"] == sent["idempotency_key"]


def test_failures_must_be_positive():
    with pytest.raises(ValueError, match="at least 1"):
        RollbackNotifier(failures=0)
