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

import json

import pytest
from airflow.sdk import Connection

from airflow_providers_pinning import exceptions as errors
from airflow_providers_pinning.client.errors import error_from_dict
from airflow_providers_pinning.client.soak import SoakCriteria
from airflow_providers_pinning.hooks.pinning import PinningHook
from tests.support.api_server import DROP

PIN = "/pinning/api/v1/dags/orders/pin"
STATE = "/pinning/api/v1/dags/orders"


@pytest.fixture
def hook():
    return PinningHook(backoff=0.01)


def refusal(status, reason, **data):
    return (status, {"detail": {"reason": reason, "message": "No.", **data}})


def test_login_is_exchanged_for_a_token_that_the_process_keeps(stub, hook):
    stub.answer("GET", STATE, {"dag_id": "orders"})
    assert hook.get_release_state("orders") == {"dag_id": "orders"}
    assert PinningHook().get_release_state("orders") == {"dag_id": "orders"}
    assert [request.body for request in stub.asked("POST", "/auth/token")] == [{"username": "op", "password": "secret"}]


def test_expired_token_is_renewed_once_and_the_request_repeated_with_its_body(stub, hook):
    stub.answer("PUT", PIN, {"revision": 1})
    hook.pin("orders", version_number=1, reason="r")
    stub.logins = 7  # the server restarted with another secret: only token-8 will do
    assert hook.pin("orders", version_number=2, reason="r") == {"revision": 1}
    first, refused, repeated = stub.asked("PUT", PIN)
    assert refused.body == repeated.body and repeated.body["version_number"] == 2
    assert [first.headers["authorization"], repeated.headers["authorization"]] == ["Bearer token-1", "Bearer token-8"]


def test_token_that_is_refused_twice_is_not_renewed_again(stub, hook):
    stub.accepted = "another"
    with pytest.raises(errors.NotAuthenticatedError, match="credentials"):
        hook.get_release_state("orders")
    assert stub.logins == 2
    assert len(stub.asked("GET", STATE)) == 2


def test_wrong_password_is_said_so_without_the_password(stub, hook):
    stub.answer("POST", "/auth/token", (401, {"detail": "Invalid credentials"}))
    with pytest.raises(errors.NotAuthenticatedError, match="user 'op'") as raised:
        hook.get_release_state("orders")
    assert "secret" not in str(raised.value)
    assert len(stub.received) == 1


def test_ready_token_is_used_and_never_renewed(stub, hook, connect):
    connect(stub.url, login=None, password=None, extra={"token": "ready"})
    stub.accepted = "ready"
    stub.answer("GET", STATE, {})
    hook.get_release_state("orders")
    stub.accepted = "another"
    with pytest.raises(errors.NotAuthenticatedError):
        hook.get_release_state("orders")
    assert stub.logins == 0


def test_connection_without_credentials_asks_an_all_admins_server_for_a_token(stub, hook, connect):
    connect(stub.url, login=None, password=None)
    stub.answer("GET", STATE, {})
    hook.get_release_state("orders")
    assert len(stub.asked("GET", "/auth/token")) == 1


def test_base_path_is_kept(stub, hook, connect):
    connect(f"{stub.url}/team-a")
    stub.answer("GET", f"/team-a{STATE}", {"dag_id": "orders"})
    assert hook.get_release_state("orders") == {"dag_id": "orders"}


def test_ids_are_quoted_in_paths(stub, hook):
    stub.answer("GET", "/api/v2/dags/a%20b/dagRuns/manual__2026-01-01T00%3A00%3A00%2B00%3A00%2Fx", {"state": "queued"})
    assert hook.get_dag_run("a b", "manual__2026-01-01T00:00:00+00:00/x") == {"state": "queued"}


def test_unknown_extras_never_become_headers(stub, hook, connect):
    connect(stub.url, extra={"X-Secret": "s3cret", "timeout": 3, "check_response": True, "headers": {"a": "b"}})
    stub.answer("GET", STATE, {})
    hook.get_release_state("orders")
    assert "s3cret" not in json.dumps([request.headers for request in stub.received])
    assert "timeout" not in stub.received[-1].headers


def test_source_travels_as_a_header(stub):
    stub.answer("GET", STATE, {})
    PinningHook(source={"dag_id": "promöte", "task_id": "pin"}).get_release_state("orders")
    assert json.loads(stub.received[-1].headers["pinning-source"]) == {"dag_id": "promöte", "task_id": "pin"}


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (refusal(404, "unknown_dag"), errors.UnknownDagError),
        (refusal(404, "unknown_version"), errors.UnknownVersionError),
        (refusal(404, "not_pinned"), errors.NotPinnedError),
        (refusal(409, "revision_conflict", state={"revision": 4}), errors.RevisionConflictError),
        (refusal(409, "version_drifted"), errors.VersionDriftedError),
        (refusal(409, "version_rejected"), errors.VersionRejectedError),
        (refusal(409, "unversioned_bundle"), errors.UnversionedBundleError),
        (refusal(409, "not_enforced", components=[]), errors.NotEnforcedError),
        (refusal(409, "held"), errors.DagHeldError),
        (refusal(409, "a_reason_of_tomorrow"), errors.ConflictError),
        (refusal(422, "invalid_conf"), errors.InvalidConfError),
        ((422, {"detail": [{"loc": ["body"], "msg": "bad"}]}), errors.InvalidRequestError),
        (refusal(422, "invalid_request", errors=[]), errors.InvalidRequestError),
        ((403, {"detail": "Forbidden"}), errors.NotPermittedError),
        (refusal(403, "forbidden"), errors.NotPermittedError),
        ((404, {"detail": "Not Found"}), errors.NotFoundError),
        ((404, "<html>no such page</html>"), errors.NotFoundError),
        ((500, "Internal Server Error"), errors.ServerFaultError),
        ((418, {}), errors.PinningApiError),
    ],
)
def test_refusals_are_typed_and_never_tried_again(stub, hook, answer, expected):
    stub.answer("PUT", PIN, answer)
    with pytest.raises(errors.PinningApiError) as raised:
        hook.pin("orders", version_number=1, reason="r")
    assert type(raised.value) is expected
    assert raised.value.status == answer[0]
    assert len(stub.asked("PUT", PIN)) == 1
    assert error_from_dict(json.loads(json.dumps(raised.value.as_dict()))).as_dict() == raised.value.as_dict()


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (refusal(403, "forbidden"), "The user of the connection is not permitted to do this."),
        ((403, {"detail": "Forbidden"}), "The user of the connection is not permitted to do this."),
        (refusal(404, "not_found"), "Check the Dag id, the address of the connection"),
        (refusal(404, "unknown_dag"), "No."),
    ],
)
def test_remedy_is_what_to_do_with_the_connection_if_that_is_at_fault(stub, hook, answer, said):
    stub.answer("GET", STATE, answer)
    with pytest.raises(errors.PinningApiError) as raised:
        hook.get_release_state("orders")
    assert said in raised.value.message


def test_conflict_carries_the_current_state(stub, hook):
    stub.answer("PUT", PIN, refusal(409, "revision_conflict", state={"revision": 4}))
    with pytest.raises(errors.RevisionConflictError) as raised:
        hook.pin("orders", version_number=1, reason="r", expected_revision=3)
    assert raised.value.state == {"revision": 4}
    assert stub.received[-1].body["expected_revision"] == 3


SEEN = {"expected_revision": 3, "expected_dag_hash": "h", "expected_bundle_version": "c"}


@pytest.mark.parametrize(
    ("method", "path", "change"),
    [
        ("PUT", PIN, lambda hook: hook.pin("orders", version_number=2, reason="r", **SEEN)),
        ("POST", f"{STATE}/candidates", lambda hook: hook.add_candidate("orders", reason="r", **SEEN)),
        ("POST", f"{STATE}/versions/2/reject", lambda hook: hook.reject("orders", 2, reason="r", **SEEN)),
        ("POST", f"{STATE}/versions/2/restore", lambda hook: hook.restore("orders", 2, reason="r", **SEEN)),
        ("POST", f"{STATE}/versions/2/repair", lambda hook: hook.repair("orders", 2, reason="r", **SEEN)),
        ("POST", f"{STATE}/canaryRuns", lambda hook: hook.trigger_canary_runs("orders", 2, **SEEN)),
    ],
)
def test_change_carries_what_the_caller_saw(stub, hook, method, path, change):
    stub.answer(method, path, {})
    change(hook)
    assert stub.received[-1].body.items() >= SEEN.items()


def test_unpin_carries_what_the_caller_saw_of_the_latest_version(stub, hook):
    stub.answer("DELETE", PIN, {})
    hook.unpin("orders", reason="r", expected_version=4, **SEEN)
    seen = {name: str(value) for name, value in {"expected_version": 4, **SEEN}.items()}
    assert stub.received[-1].params.items() >= seen.items()


def test_rollback_names_the_version_to_leave_and_why_an_objection_is_passed_over(stub, hook):
    stub.answer("POST", f"{STATE}/rollback", {})
    hook.roll_back("orders", reason="r", expected_version=3, override_reason="outage")
    assert stub.received[-1].body.items() >= {"expected_version": 3, "override_reason": "outage"}.items()


@pytest.mark.parametrize("fault", [DROP, (429, {}), (502, "bad gateway"), (503, {"detail": "starting"}), (504, "")])
def test_change_is_sent_again_after_a_fault_with_the_same_key(stub, hook, fault):
    stub.answer("PUT", PIN, fault, fault, {"revision": 1})
    assert hook.pin("orders", version_number=1, reason="r") == {"revision": 1}
    keys = {request.body["idempotency_key"] for request in stub.asked("PUT", PIN)}
    assert len(stub.asked("PUT", PIN)) == 3 and len(keys) == 1


def test_each_call_has_a_key_of_its_own_unless_one_is_given(stub, hook):
    stub.answer("PUT", PIN, {})
    stub.answer("DELETE", PIN, {})
    hook.pin("orders", version_number=1, reason="r")
    hook.pin("orders", version_number=1, reason="r")
    hook.unpin("orders", reason="r", idempotency_key="mine")
    first, second, mine = (
        (request.body or request.params)["idempotency_key"] for request in stub.received if request.path == PIN
    )
    assert first != second and mine == "mine"


def test_login_is_tried_again_while_the_server_starts(stub, hook):
    stub.answer("POST", "/auth/token", DROP, (503, {}), (201, {"access_token": "t"}))
    stub.accepted = "t"
    stub.answer("GET", STATE, {})
    assert hook.get_release_state("orders") == {}


def test_login_is_tried_again_while_the_server_has_no_database(stub, hook):
    stub.answer("POST", "/auth/token", (500, {"detail": "Internal Server Error"}), (201, {"access_token": "t"}))
    stub.accepted = "t"
    stub.answer("GET", STATE, {})
    assert hook.get_release_state("orders") == {}


@pytest.mark.parametrize(
    ("reason", "kind"),
    [("database_busy", errors.DatabaseBusyError), ("database_unavailable", errors.DatabaseUnavailableError)],
)
def test_a_database_that_is_in_trouble_is_asked_again_when_the_server_says(stub, hook, reason, kind, monkeypatch):
    paused = []
    monkeypatch.setattr("tenacity.nap.time.sleep", paused.append)
    trouble = {"detail": {"reason": reason, "message": "Nothing was changed.", "retry_after": 7}}
    stub.answer("PUT", PIN, (503, trouble), {"revision": 1})
    assert hook.pin("orders", version_number=1, reason="r") == {"revision": 1}
    assert paused == [7]
    stub.answer("PUT", PIN, (503, trouble))
    with pytest.raises(kind, match="Nothing was changed"):
        PinningHook(attempts=1).pin("orders", version_number=1, reason="r")


def test_attempts_end_and_the_last_fault_is_raised(stub):
    stub.answer("GET", STATE, (503, {}))
    with pytest.raises(errors.ServerUnavailableError):
        PinningHook(attempts=3, backoff=0.01).get_release_state("orders")
    assert len(stub.asked("GET", STATE)) == 3


def test_no_server_is_unreachable(serve, connect):
    with serve() as gone:
        connect(gone.url)
    with pytest.raises(errors.ApiUnreachableError):
        PinningHook(attempts=2, backoff=0.01).get_release_state("orders")


def test_redirect_is_not_followed_but_named(stub, hook):
    stub.answer("PUT", PIN, (301, "", {"Location": "https://airflow.example.com/pin"}))
    with pytest.raises(errors.PinningApiError, match=r"https://airflow\.example\.com"):
        hook.pin("orders", version_number=1, reason="r")
    assert len(stub.asked("PUT", PIN)) == 1


def test_login_page_is_no_answer(stub, hook):
    stub.answer("GET", STATE, (200, "<html>please log in</html>"))
    with pytest.raises(errors.PinningApiError):
        hook.get_release_state("orders")


def test_soak_sends_only_the_criteria_that_are_given(stub, hook):
    path = f"{STATE}/versions/2/soak"
    stub.answer("GET", path, {"verdict": "progressing"})
    hook.get_soak("orders", 2, SoakCriteria(min_runs=5, compare=True, expected_dag_hash="h"))
    assert stub.received[-1].params == {
        "min_runs": "5",
        "compare": "true",
        "expected_dag_hash": "h",
    }


def test_connection_test_reads_health_and_says_what_fails(stub, hook):
    stub.answer("GET", "/pinning/api/v1/health", {"enforced": True, "components": [{}]}, (403, {"detail": "Forbidden"}))
    assert hook.test_connection() == (True, f"Logged in to {stub.url}: 1 components, pins enforced: True")
    succeeded, message = hook.test_connection()
    assert not succeeded and "not permitted" in message
    assert {request.method for request in stub.received if "auth" not in request.path} == {"GET"}


def test_airflow_finds_the_hook_by_its_connection_type():
    hook = Connection(conn_id="pinning_default", conn_type="pinning").get_hook()
    assert isinstance(hook, PinningHook) and hook.pinning_conn_id == "pinning_default"


def test_acknowledgement_names_the_runs(stub):
    stub.answer("POST", f"{STATE}/acknowledgements", {"revision": 1})
    hook = PinningHook()
    hook.acknowledge_runs("orders", reason="r", run_ids=["a"])
    hook.acknowledge_runs("orders", reason="r")
    assert [request.body.get("run_ids") for request in stub.asked("POST", f"{STATE}/acknowledgements")] == [["a"], None]
