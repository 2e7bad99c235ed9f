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

from datetime import datetime, timedelta, timezone

import pytest
from airflow.models.dagrun import DagRun
from airflow.models.serialized_dag import SerializedDagModel
from airflow.sdk.exceptions import AirflowFailException, AirflowSensorTimeout, TaskDeferred
from sqlalchemy import update

from airflow_providers_pinning.domain.versions.bundle_versions import note_bundle_version
from airflow_providers_pinning.domain.versions.parsed_commits import note_all_parsed
from airflow_providers_pinning.exceptions import RemoteVersionRefusedError
from airflow_providers_pinning.hooks.pinning import PinningHook
from airflow_providers_pinning.operators.links import RemotePinningTabLink
from airflow_providers_pinning.sensors.remote_version import RemoteVersionSensor
from tests.support.lab import BUNDLE
from tests.support.sources import CHANGED
from tests.support.task_context import task_context

API = "/pinning/api/v1"
REGISTRATION = f"{API}/dags/orders/registration"
VERSIONS = f"{API}/dags/orders/versions"
SOAK = f"{VERSIONS}/2/soak"
VERSION = {
    "dag_version_id": "id-2",
    "version_number": 2,
    "bundle_name": "b",
    "bundle_version": "sha2",
    "dag_hash": "h",
    "relative_fileloc": "orders.py",
}


def sensor(commit="sha2", **parameters):
    parameters = {"deferrable": False, "poke_interval": 0.02, "timeout": 20, "pinning_conn_id": "staging", **parameters}
    return RemoteVersionSensor(task_id="staging", target_dag_id="orders", bundle_version=commit, **parameters)


def refusal(made):
    context = task_context()
    with pytest.raises(RemoteVersionRefusedError) as refused:
        made.execute(context)
    assert context["ti"].pushed["remote_version"] == refused.value.told
    assert refused.value.told["verdict"] == refused.value.told["verdict"] != "successful"
    return refused.value


def finish(session, state):
    now = datetime.now(timezone.utc)
    session.execute(update(DagRun).values(state=state, start_date=now, end_date=now))
    session.commit()


@pytest.fixture
def staging(airflow_server, connect, lab):
    """Return a lab whose API server is the other Airflow, where ``sha1`` is pinned and ``sha2`` is new."""
    connect(airflow_server, conn_id="staging", login="viewer")
    lab.pin_first_of_two()
    lab.url = airflow_server
    return lab


@pytest.fixture
def telling(stub, connect):
    """Return a stub of the other Airflow, which says that the soak of the commit is successful."""
    connect(stub.url, conn_id="staging")
    stub.answer("GET", REGISTRATION, {"registration": "registered", "version": VERSION})
    stub.answer("GET", VERSIONS, {"versions": [{**VERSION, "state": "candidate", "rejection_held": None}]})
    stub.answer("GET", SOAK, {"verdict": "successful", "reason": "r", "message": "Fine.", "evidence": {"runs": 3}})
    return stub


@pytest.mark.parametrize(("state", "verdict"), [("success", "successful"), ("failed", "failed")])
def test_soak_of_the_version_of_the_commit_decides(staging, session, state, verdict):
    created = PinningHook().trigger_canary_runs("orders", 2, count=2)
    finish(session, state)
    made = sensor(criteria={"min_runs": "2"})
    told = made.execute(task_context()) if verdict == "successful" else refusal(made).told
    assert told["verdict"] == verdict
    assert (told["remote_version_number"], told["bundle_version"]) == (2, "sha2")
    assert told["dag_hash"] == created["version"]["dag_hash"]
    assert told["url"] == f"{staging.url}/dags/orders/plugin/pinning"
    assert told["evidence"]["runs"] == 2


@pytest.mark.parametrize("wait_for", ["registered", "soak", "pinned"])
def test_commit_that_is_pinned_there_is_found_by_its_name(staging, session, wait_for):
    PinningHook().trigger_canary_runs("orders", 2, count=1)
    finish(session, "success")
    staging.pin("orders", 2)
    told = sensor(wait_for=wait_for, criteria={"min_runs": 1}).execute(task_context())
    assert (told["wait_for"], told["verdict"], told["remote_version_number"]) == (wait_for, "successful", 2)


@pytest.mark.parametrize("wait_for", ["soak", "pinned"])
def test_version_that_nobody_took_up_there_is_waited_for(staging, wait_for):
    with pytest.raises(AirflowSensorTimeout):
        sensor(wait_for=wait_for, timeout=0.1).execute(task_context())


@pytest.mark.parametrize("wait_for", ["registered", "soak", "pinned"])
def test_version_that_was_rejected_there_is_not_waited_for(staging, wait_for):
    staging.reject("orders", 2, reason="loses orders")
    refused = refusal(sensor(wait_for=wait_for))
    assert refused.reason == "rejected"
    assert "loses orders" in str(refused)


def rewrite_hash(lab, number):
    lab.session.execute(
        update(SerializedDagModel)
        .where(SerializedDagModel.dag_version_id == lab.version("orders", number).id)
        .values(dag_hash="0" * 32)
    )
    lab.session.commit()


def test_version_that_was_rewritten_there_is_refused(staging):
    PinningHook().trigger_canary_runs("orders", 2, count=1)
    rewrite_hash(staging, 2)
    assert refusal(sensor()).reason == "version_drifted"


def test_pin_that_is_broken_there_is_refused(staging):
    staging.pin("orders", 2)
    rewrite_hash(staging, 2)
    refused = refusal(sensor(wait_for="pinned"))
    assert refused.reason == "version_drifted"
    assert "The pin to version 2 is broken" in str(refused)


def test_structure_that_differs_there_is_refused(staging):
    refused = refusal(sensor(wait_for="registered", expected_dag_hash="another"))
    assert refused.reason == "other_hash"
    assert f"has hash {refused.told['dag_hash']}, not another" in str(refused)


def test_version_that_moved_on_to_a_later_commit_there_is_refused(staging, session):
    # Airflow 3.4 takes a Dag's source for written when its file is in another folder.
    staging.keeps_checkout = True
    for sha in ("sha3", "sha4"):
        note_bundle_version(BUNDLE, sha, session=session)
        staging.commit(sha, orders=CHANGED)
        note_all_parsed(BUNDLE, sha, gone=(), session=session)
    session.commit()
    refused = refusal(sensor("sha3", wait_for="registered"))
    assert refused.reason == "moved"
    assert "later commit sha4" in str(refused)


def test_commit_without_the_dag_is_refused(staging, session):
    note_bundle_version(BUNDLE, "sha3", session=session)
    note_all_parsed(BUNDLE, "sha3", gone=["orders.py"], session=session)
    session.commit()
    assert refusal(sensor("sha3", timeout=600)).reason == "absent"


@pytest.mark.parametrize("registration", ["broken", "overtaken"])
def test_commit_that_will_not_be_registered_there_is_refused(telling, registration):
    version = None if registration == "broken" else {**VERSION, "bundle_version": "sha3"}
    telling.answer("GET", REGISTRATION, {"registration": registration, "version": version, "remedy": "Fix it."})
    assert refusal(sensor()).reason == registration


def test_rejection_of_an_older_version_that_holds_is_one(telling):
    held = {"version_number": 1, "reason": "loses orders"}
    telling.answer("GET", VERSIONS, {"versions": [{**VERSION, "state": "candidate", "rejection_held": held}]})
    refused = refusal(sensor())
    assert refused.reason == "rejected"
    assert "nothing related from version 1" in str(refused)


def test_version_is_found_however_many_are_newer(telling):
    newer = [{**VERSION, "version_number": number, "state": "registered"} for number in range(9, 4, -1)]
    older = [{**VERSION, "state": "rejected", "state_reason": "bad"}]
    telling.answer("GET", VERSIONS, {"versions": newer}, {"versions": older})
    assert refusal(sensor()).reason == "rejected"
    assert [asked.params["offset"] for asked in telling.asked("GET", VERSIONS)] == ["0", "5"]


def test_soak_is_asked_for_exactly_the_version_that_was_found_and_by_the_criteria_given(telling):
    sensor(criteria={"min_runs": "5", "min_duration": timedelta(hours=1), "run_kinds": "canary"}).execute(
        task_context()
    )
    assert telling.asked("GET", SOAK)[0].params == {
        "min_runs": "5",
        "min_duration": "3600.0",
        "run_kinds": "canary",
        "expected_dag_hash": "h",
        "expected_bundle_version": "sha2",
    }


def test_inconclusive_soak_is_no_success(telling):
    telling.answer("GET", SOAK, {"verdict": "inconclusive", "reason": "time_over", "message": "m", "evidence": {}})
    refused = refusal(sensor())
    assert (refused.reason, refused.told["verdict"]) == ("time_over", "inconclusive")


@pytest.mark.parametrize("fault", [(503, {}), (500, ""), (429, {}), "drop"])
def test_remote_that_is_down_is_outlasted(telling, fault):
    answers = telling.answers["GET", REGISTRATION]
    telling.answer("GET", REGISTRATION, fault, *answers)
    assert sensor().execute(task_context())["verdict"] == "successful"


def test_remote_that_stays_down_times_out(connect):
    connect("http://127.0.0.1:1", conn_id="staging")
    with pytest.raises(AirflowSensorTimeout):
        sensor(timeout=0.1).execute(task_context())


def test_wrong_password_there_fails_at_once(telling):
    telling.answer("POST", "/auth/token", (401, {"detail": "Invalid credentials"}))
    with pytest.raises(AirflowFailException, match=r"Logging in to .* was refused \(status 401\)"):
        sensor().execute(task_context())


def test_dag_that_is_not_registered_there_fails_at_once(staging):
    made = RemoteVersionSensor(
        task_id="staging",
        target_dag_id="unknown",
        bundle_version="sha2",
        pinning_conn_id="staging",
        deferrable=False,
    )
    with pytest.raises(AirflowFailException, match="unknown_dag"):
        made.execute(task_context())


@pytest.mark.parametrize(
    ("health", "told"),
    [
        ({"components": []}, r"older release of airflow-providers-pinning.*Upgrade.*\[route_missing\]"),
        ((403, {"detail": "Forbidden"}), r"\[route_missing\]"),
        ((404, {"detail": "Not Found"}), r"base path, and that the API server runs.*\[http_404\]"),
    ],
    ids=["older", "older and shut", "something else"],
)
def test_remote_without_the_route_fails_at_once_and_says_what_is_there(telling, health, told):
    telling.answer("GET", REGISTRATION, (404, {"detail": "Not Found"}))
    telling.answer("GET", f"{API}/health", health)
    with pytest.raises(AirflowFailException, match=told):
        sensor().execute(task_context())


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"wait_for": "released"}, "released"),
        ({"criteria": {"min_run": 3}}, "unknown entries 'min_run'"),
        ({"criteria": {"since": "2026-01-01"}}, "since belongs to one question"),
        ({"expected_dag_hash": "None"}, "expected_dag_hash is empty"),
    ],
)
def test_values_that_make_no_sense_are_refused(telling, wrong, told):
    with pytest.raises(ValueError, match=told):
        sensor(**wrong).execute(task_context())


@pytest.mark.parametrize("commit", ["", "None"])
def test_commit_that_renders_to_nothing_is_refused(telling, commit):
    with pytest.raises(AirflowFailException, match="bundle_version is empty"):
        sensor(commit).execute(task_context())


def test_wait_goes_on_in_the_triggerer_and_the_task_decides(telling):
    answers = telling.answers["GET", REGISTRATION]
    telling.answer("GET", REGISTRATION, {"registration": "waiting", "version": None})
    made = sensor(deferrable=True, criteria={"min_runs": 2}, expected_dag_hash="h")
    with pytest.raises(TaskDeferred) as deferred:
        made.execute(task_context())
    path, parameters = deferred.value.trigger.serialize()
    assert path.endswith("triggers.remote_version.RemoteVersionTrigger")
    assert (parameters["criteria"], parameters["expected_dag_hash"]) == ({"min_runs": 2}, "h")
    telling.answer("GET", REGISTRATION, *answers)
    told = made.question().ask(PinningHook("staging").call)
    assert made.execute_complete(task_context(), {"result": told, "error": None})["url"].startswith(telling.url)
    with pytest.raises(RemoteVersionRefusedError, match=r"\(rejected\)"):
        made.execute_complete(
            task_context(), {"result": {**told, "verdict": "failed", "reason": "rejected"}, "error": None}
        )


def test_link_leads_to_the_other_airflow(connect, monkeypatch):
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "https://here.example.com")
    connect("http://there:8080", conn_id="staging")
    assert RemotePinningTabLink().get_link(sensor(), ti_key=None) == "http://there:8080/dags/orders/plugin/pinning"
