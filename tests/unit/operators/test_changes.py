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
"""The operators that make one change, against Airflow's own API server."""

from __future__ import annotations

import json
from datetime import datetime, timezone

import pytest
from airflow.exceptions import AirflowProviderDeprecationWarning
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from airflow_providers_pinning.exceptions import ApiUnreachableError
from airflow_providers_pinning.hooks.pinning import PinningHook
from airflow_providers_pinning.operators.pin import PinDagVersionOperator, UnpinDagVersionOperator
from airflow_providers_pinning.operators.rollback import RejectDagVersionOperator, RollbackDagVersionOperator
from tests.support.sources import CHANGED, STABLE
from tests.support.task_context import task_context


@pytest.fixture
def hook(airflow_server, lab):
    lab.commit("sha1", orders=STABLE)
    lab.candidate("orders", 1)
    lab.commit("sha2", orders=CHANGED)
    return PinningHook()


def run(operator_class, context=None, **parameters):
    operator = operator_class(task_id="change", target_dag_id="orders", **parameters)
    return operator.execute(context or task_context("change"))


def kinds(hook):
    return [e["kind"] for e in hook.list_events("orders")["events"] if e["kind"] != "candidate"][::-1]


def test_pin_returns_the_release_state_as_plain_json_and_says_who_did_it(hook):
    state = run(PinDagVersionOperator, version_number="1")
    assert json.loads(json.dumps(state)) == state == hook.get_release_state("orders") | {"warnings": state["warnings"]}
    assert state["active"]["version_number"] == 1
    assert state["pin"]["reason"] == "Task change of Dag promote, run manual__1"
    event = hook.list_events("orders")["events"][0]
    # To the API, a task is the user of its connection; which task it is stands in the source.
    assert (event["actor"], event["actor_kind"]) == ("op", "user")
    assert event["source"] == {
        "dag_id": "promote",
        "run_id": "manual__1",
        "task_id": "change",
        "map_index": -1,
        "try_number": 1,
    }


@pytest.mark.parametrize("named", [{"bundle_version": "sha2"}, {"version_number": 2, "dag_version_id": "None"}])
def test_version_is_named_in_one_way(hook, named):
    assert run(PinDagVersionOperator, **named)["active"]["version_number"] == 2


@pytest.mark.parametrize("named", [{}, {"version_number": 1, "bundle_version": "sha1"}, {"version_number": "newest"}])
def test_version_must_be_named_in_one_way(hook, named):
    with pytest.raises(ValueError, match="version_number"):
        run(PinDagVersionOperator, **named)


def test_retry_repeats_nothing_even_if_another_pinned_since_and_says_so(hook, capsys):
    run(PinDagVersionOperator, version_number=1)
    hook.pin("orders", version_number=2, reason="somebody else")
    state = run(PinDagVersionOperator, task_context("change", try_number=2), version_number=1)
    (warning,) = state["warnings"]
    assert "no change was made" in warning and warning in capsys.readouterr().out
    assert state["active"]["version_number"] == 2
    assert kinds(hook) == ["pinned", "pinned"]


def test_cleared_task_makes_the_change_again(hook):
    run(PinDagVersionOperator, version_number=1)
    hook.pin("orders", version_number=2, reason="somebody else")
    cleared = task_context("change", try_number=2, max_tries=3)
    assert run(PinDagVersionOperator, cleared, version_number=1)["active"]["version_number"] == 1


def test_conflict_fails_at_once_with_the_current_state(hook):
    hook.pin("orders", version_number=1, reason="quarter end")
    with pytest.raises(AirflowFailException, match=r"Now: revision 1, version 1, pinned by op at .*: quarter end"):
        run(PinDagVersionOperator, version_number=2, expected_revision="0")


@pytest.mark.parametrize("condition", ["expected_dag_hash", "expected_bundle_version"])
def test_version_that_is_not_the_approved_one_is_not_pinned(hook, condition):
    with pytest.raises(AirflowFailException, match="version_drifted"):
        run(PinDagVersionOperator, version_number=2, **{condition: "another"})


def test_version_with_the_approved_commit_is_pinned(hook):
    assert run(PinDagVersionOperator, version_number=2, expected_bundle_version="sha2")["pinned"]


def test_rejected_version_needs_an_override(hook):
    run(RejectDagVersionOperator, version_number="2", reason="fails")
    with pytest.raises(AirflowFailException, match="version_rejected"):
        run(PinDagVersionOperator, version_number=2)
    assert run(PinDagVersionOperator, version_number=2, override_reason="hotfix")["active"]["version_number"] == 2


@pytest.mark.parametrize("condition", ["expected_dag_hash", "expected_bundle_version"])
def test_version_that_is_not_the_evaluated_one_is_not_rejected(hook, condition):
    with pytest.raises(AirflowFailException, match="version_drifted"):
        run(RejectDagVersionOperator, version_number=2, **{condition: "another"})


@pytest.mark.parametrize("missing", [None, "", "None"])
def test_reject_without_a_version_is_skipped(hook, missing):
    with pytest.raises(AirflowSkipException, match="no version"):
        run(RejectDagVersionOperator, version_number=missing)


def test_unpin_fails_on_a_dag_that_is_not_pinned_unless_told_otherwise(hook):
    with pytest.raises(AirflowFailException, match="not_pinned"):
        run(UnpinDagVersionOperator)
    assert run(UnpinDagVersionOperator, missing_ok=True)["pinned"] is False
    hook.pin("orders", version_number=1, reason="r")
    assert run(UnpinDagVersionOperator)["active"]["version_number"] == 2


@pytest.mark.parametrize(
    ("seen", "reason"),
    [
        ({"expected_version": "1"}, "revision_conflict"),
        ({"expected_dag_hash": "another"}, "version_drifted"),
        ({"expected_bundle_version": "another"}, "version_drifted"),
    ],
    ids=str,
)
def test_unpin_fails_if_the_latest_version_is_not_the_expected_one(hook, seen, reason):
    hook.pin("orders", version_number=1, reason="r")
    with pytest.raises(AirflowFailException, match=reason):
        run(UnpinDagVersionOperator, **seen)
    assert hook.get_release_state("orders")["pinned"]


def test_user_without_permission_fails_at_once(hook, airflow_server, connect):
    connect(airflow_server, login="viewer")
    with pytest.raises(AirflowFailException, match="not permitted"):
        run(PinDagVersionOperator, version_number=1)


def test_user_who_may_edit_the_dag_and_not_release_fails_at_once(hook, airflow_server, connect, option):
    option("release_permission", "True")
    connect(airflow_server, login="user")
    with pytest.raises(AirflowFailException, match=r"\[release_not_permitted\]"):
        run(PinDagVersionOperator, version_number=1)
    assert kinds(hook) == []


def test_fault_of_the_line_is_left_to_the_retries_of_the_task(connect, serve, monkeypatch):
    with serve() as gone:
        connect(gone.url)
    monkeypatch.setattr("airflow_providers_pinning.operators.base.PinningHook", lambda *a, **k: PinningHook(attempts=1))
    with pytest.raises(ApiUnreachableError):
        run(PinDagVersionOperator, version_number=1)


def test_rollback_returns_to_the_version_before_and_rejects_with_hold(hook):
    hook.pin("orders", version_number=1, reason="stable")
    hook.pin("orders", version_number=2, reason="next")
    state = run(RollbackDagVersionOperator, expected_version="2", hold=True, reason="bake failed")
    assert state["active"]["version_number"] == 1
    assert state["hold"]["reason"] == "bake failed"
    assert {v["version_number"]: v["state"] for v in hook.list_versions("orders")["versions"]}[2] == "rejected"


@pytest.mark.parametrize("expected_version", ["2", "None", None, ""])
def test_rollback_is_skipped_if_the_promoted_version_is_not_the_pinned_one(hook, expected_version):
    hook.pin("orders", version_number=1, reason="another promotion won")
    with pytest.raises(AirflowSkipException, match="version 1 is active"):
        run(RollbackDagVersionOperator, expected_version=expected_version)
    assert kinds(hook) == ["pinned"]


@pytest.mark.parametrize("given", ["argument", "default_args"])
def test_rollback_takes_the_condition_by_the_name_that_it_had_in_0_1_0(hook, given):
    hook.pin("orders", version_number=1, reason="another promotion won")
    former = {"from_version": 2} if given == "argument" else {"default_args": {"from_version": 2}}
    with pytest.warns(AirflowProviderDeprecationWarning, match="from_version is now called expected_version"):
        operator = RollbackDagVersionOperator(task_id="t", target_dag_id="orders", **former)
    with pytest.raises(AirflowSkipException, match="version 1 is active"):
        operator.execute(task_context("change"))


def test_rollback_from_any_version_checks_nothing_as_in_0_1_0():
    with pytest.warns(AirflowProviderDeprecationWarning, match="from_version is now called expected_version"):
        operator = RollbackDagVersionOperator(task_id="t", target_dag_id="orders", from_version="any")
    assert not operator.checks_version


def test_rollback_takes_the_condition_by_one_name_only():
    with pytest.raises(ValueError, match="from_version is the former name of expected_version"):
        RollbackDagVersionOperator(task_id="t", target_dag_id="orders", from_version=1, expected_version=1)


def test_rollback_whose_answer_was_lost_succeeds_in_the_retry(hook):
    hook.pin("orders", version_number=1, reason="stable")
    hook.pin("orders", version_number=2, reason="next")
    run(RollbackDagVersionOperator, expected_version=2)
    again = run(RollbackDagVersionOperator, task_context("change", try_number=2), expected_version=2)
    assert again["active"]["version_number"] == 1
    assert kinds(hook).count("rolled_back") == 1


def test_rollback_without_anything_before_fails_at_once(hook):
    with pytest.raises(AirflowFailException, match="nothing_to_roll_back_to"):
        run(RollbackDagVersionOperator)


def test_rollback_to_a_named_version(hook):
    hook.pin("orders", version_number=2, reason="next")
    state = run(RollbackDagVersionOperator, to_version="1", reject_current=False)
    assert state["active"]["version_number"] == 1


@pytest.mark.parametrize(
    ("operator_class", "parameters"),
    [
        (PinDagVersionOperator, {"version_number": 2, "expected_dag_hash": "None"}),
        (PinDagVersionOperator, {"version_number": 2, "expected_bundle_version": "None"}),
        (UnpinDagVersionOperator, {"expected_version": ""}),
        (UnpinDagVersionOperator, {"expected_bundle_version": ""}),
        (UnpinDagVersionOperator, {"expected_dag_hash": ""}),
        (RejectDagVersionOperator, {"version_number": 2, "expected_dag_hash": ""}),
    ],
)
def test_condition_that_renders_to_nothing_allows_nothing(hook, operator_class, parameters):
    hook.pin("orders", version_number=1, reason="stable")

    with pytest.raises(ValueError, match="is empty, which would allow any"):
        run(operator_class, **parameters)

    assert kinds(hook) == ["pinned"]


LATER = datetime(2100, 1, 1, tzinfo=timezone.utc)


def test_changes_for_later_are_pending(hook):
    state = run(PinDagVersionOperator, version_number=1, effective_from=LATER)
    assert state["pending"]["version"]["version_number"] == 1
    assert hook.list_pending_changes()["total_entries"] == 1
    state = run(PinDagVersionOperator, version_number=1, supersede=True, context=task_context("change", map_index=2))
    assert (state["pending"], state["active"]["version_number"]) == (None, 1)
    state = run(UnpinDagVersionOperator, effective_from=LATER.isoformat(), context=task_context("change", map_index=3))
    assert state["pending"]["action"] == "unpin"
    assert hook.get_pending_change("orders")["pending"] == state["pending"]
    assert hook.cancel_pending_change("orders", reason="no")["pending"] is None


@pytest.mark.parametrize("moment", ["", datetime(2100, 1, 1)])
def test_a_time_that_says_nothing_changes_nothing(moment, hook):
    with pytest.raises(ValueError, match="effective_from"):
        run(PinDagVersionOperator, version_number=1, effective_from=moment)
    assert not hook.get_release_state("orders")["pinned"]
