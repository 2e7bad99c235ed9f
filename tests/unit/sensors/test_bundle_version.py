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
from airflow.sdk.exceptions import AirflowFailException, TaskDeferred

from airflow_providers_pinning.domain.versions.broken_files import note_parse
from airflow_providers_pinning.domain.versions.bundle_versions import note_bundle_version
from airflow_providers_pinning.domain.versions.parsed_commits import note_all_parsed
from airflow_providers_pinning.exceptions import CommitBrokenError
from airflow_providers_pinning.hooks.pinning import PinningHook
from airflow_providers_pinning.sensors.bundle_version import BundleVersionSensor
from tests.support.lab import BUNDLE
from tests.support.sources import STABLE
from tests.support.task_context import task_context

REGISTRATION = "/pinning/api/v1/dags/orders/registration"
VERSION = {
    "dag_version_id": "id-2",
    "version_number": 2,
    "bundle_name": "b",
    "bundle_version": "sha2",
    "dag_hash": "h",
    "relative_fileloc": "orders.py",
}

NOTHING = dict.fromkeys(("equals_rejected", "equals_rejected_reason", "hold_reason"))


def sensor(commit="sha2", **parameters):
    parameters = {"deferrable": False, "poke_interval": 0.02, "timeout": 20, **parameters}
    return BundleVersionSensor(task_id="commit", target_dag_id="orders", bundle_version=commit, **parameters)


def answer(registration, **version):
    return {"registration": registration, "version": {**VERSION, **version} if version is not None else None}


@pytest.fixture
def answering(stub):
    stub.answer("POST", "/pinning/api/v1/dags/orders/candidates", {"revision": 4, "hold": None})
    listed = {**VERSION, "equals_rejected": None, "equals_rejected_reason": None}
    stub.answer("GET", "/pinning/api/v1/dags/orders/versions", {"versions": [listed], "total_entries": 1})
    return stub


def test_version_of_the_commit_becomes_a_candidate_and_its_identity_the_result(airflow_server, lab):
    lab.pin_first_of_two()

    found = sensor().execute(task_context("commit"))

    hook = PinningHook()
    state = hook.get_release_state("orders")
    assert found == {**state["latest"], "revision": state["revision"], **NOTHING}
    assert {v["version_number"]: v["state"] for v in hook.list_versions("orders")["versions"]}[2] == "candidate"


def test_commit_that_changes_nothing_of_the_dag_finds_its_version(airflow_server, lab, session):
    # Airflow 3.4 takes a Dag's source for written when its file is in another folder.
    lab.keeps_checkout = True
    for sha in ("sha1", "sha2"):
        note_bundle_version(BUNDLE, sha, session=session)
        lab.commit(sha, orders=STABLE)
        note_all_parsed(BUNDLE, sha, gone=(), session=session)
    session.commit()
    found = sensor("sha1").execute(task_context("commit"))
    assert (found["version_number"], found["bundle_version"]) == (1, "sha2")


def test_commit_is_waited_for(answering):
    answering.answer("GET", REGISTRATION, answer("unseen"), answer("waiting"), answer("registered"))
    assert sensor().execute(task_context()) == {**VERSION, "revision": 4, **NOTHING}
    assert answering.asked("GET", REGISTRATION)[0].params == {"bundle_version": "sha2"}


def test_commit_that_was_overtaken_fails_at_once(answering):
    answering.answer("GET", REGISTRATION, answer("overtaken", bundle_version="sha3"))
    with pytest.raises(AirflowFailException, match="version 2 at commit sha3 includes it and later changes"):
        sensor().execute(task_context())
    assert answering.asked("POST", "/pinning/api/v1/dags/orders/candidates") == []


@pytest.mark.parametrize("overtaken_ok", [False, True])
def test_commit_at_which_the_file_is_broken_fails_at_once(overtaken_ok, airflow_server, lab, session):
    lab.commit("sha1", orders=STABLE)
    note_bundle_version(BUNDLE, "sha2", session=session)
    note_parse(BUNDLE, "sha2", was={}, now={"orders.py": "SyntaxError: bad"}, session=session)
    session.commit()
    with pytest.raises(CommitBrokenError, match=r"'orders.py' \(SyntaxError: bad\). Fix it") as error:
        sensor(overtaken_ok=overtaken_ok, timeout=600).execute(task_context())
    assert error.value.broken_files == [{"relative_fileloc": "orders.py", "message": "SyntaxError: bad"}]


def test_commit_that_does_not_have_the_dag_fails_at_once(airflow_server, lab, session):
    lab.commit("sha1", orders=STABLE)
    note_bundle_version(BUNDLE, "sha2", session=session)
    note_all_parsed(BUNDLE, "sha2", gone=["orders.py"], session=session)
    session.commit()
    with pytest.raises(
        AirflowFailException, match=r"gives Dag orders no version\. A dag processor has parsed all files"
    ):
        sensor(timeout=600).execute(task_context())


def test_commit_that_was_overtaken_may_be_taken(answering):
    answering.answer("GET", REGISTRATION, answer("overtaken", bundle_version="sha3"))
    assert sensor(overtaken_ok=True).execute(task_context())["bundle_version"] == "sha3"


@pytest.mark.parametrize(
    ("afterwards", "message"),
    [(answer("overtaken"), "was overtaken"), (answer("registered", version_number=3), "was rewritten")],
    ids=["content", "number"],
)
def test_version_that_is_rewritten_before_it_is_a_candidate_fails(answering, afterwards, message):
    answering.answer("GET", REGISTRATION, answer("registered"), afterwards)
    with pytest.raises(AirflowFailException, match=message):
        sensor().execute(task_context())


@pytest.mark.parametrize("commit", ["", "None"])
def test_commit_that_renders_to_nothing_is_refused(answering, commit):
    with pytest.raises(AirflowFailException, match="bundle_version is empty"):
        sensor(commit).execute(task_context())


def test_wait_goes_on_in_the_triggerer(answering):
    answering.answer("GET", REGISTRATION, answer("waiting"))
    with pytest.raises(TaskDeferred) as deferred:
        sensor(deferrable=True).execute(task_context())
    path, parameters = deferred.value.trigger.serialize()
    assert path.endswith("triggers.version.BundleVersionTrigger")
    assert parameters["bundle_version"] == "sha2"
