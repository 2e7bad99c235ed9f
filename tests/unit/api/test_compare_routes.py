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

from tests.support.api import PINNING
from tests.support.remembered import remembered
from tests.support.sources import dag_file

COMPARE = f"{PINNING}/dags/orders/compare"


@pytest.fixture(autouse=True)
@remembered
def versions(lab):
    """Pin version 1 and register version 2."""
    lab.pin_first_of_two()


def refusal(answer):
    return answer.status_code, answer.json()["detail"]["reason"]


def compare(client, **params):
    answer = client.get(COMPARE, params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_the_active_version_is_compared_with_the_latest(api, lab):
    body = compare(api("viewer"))

    assert body["from_version"]["dag_version_id"] == str(lab.version("orders", 1).id)
    assert body["to_version"]["bundle_version"] == "sha2"
    assert not body["identical"]
    assert body["tasks"]["added"] == ["transform"]
    assert body["schedule"]["before"].startswith("0 0 * * *")
    assert len(body["schedule"]["next_runs_after"]) == 5
    assert [change["name"] for change in body["params"]] == ["name", "size"]
    assert body["limits"] == [{"name": "max_active_runs", "kind": "changed", "before": 2, "after": 7}]
    assert '+    schedule="@hourly",' in body["source"]["diff"]


def test_versions_can_be_named(api):
    body = compare(api("viewer"), from_version=2, to_version=1)

    assert (body["from_version"]["version_number"], body["to_version"]["version_number"]) == (2, 1)
    assert body["tasks"]["removed"] == ["transform"]


def test_a_version_is_identical_with_itself(api):
    body = compare(api("viewer"), from_version=2)

    assert body["identical"]
    assert body["source"]["diff"] == ""


@pytest.mark.parametrize("params", [{"from_version": 9}, {"to_version": 9}], ids=str)
def test_an_unknown_version_is_not_found(params, api):
    assert refusal(api().get(COMPARE, params=params)) == (404, "unknown_version")


def test_another_version_than_meant_is_refused(api, lab):
    meant = lab.serialized("orders", 2).dag_hash

    assert compare(api(), expected_dag_hash=meant)["to_version"]["dag_hash"] == meant
    assert refusal(api().get(COMPARE, params={"expected_dag_hash": "another"})) == (409, "version_drifted")
    assert refusal(api().get(COMPARE, params={"expected_bundle_version": "another"})) == (409, "version_drifted")


def test_an_unknown_dag_is_not_found(api):
    assert refusal(api().get(f"{PINNING}/dags/unknown/compare")) == (404, "unknown_dag")


@pytest.mark.parametrize("params", [{"from_version": 0}, {"to_version": 2**31}, {"to_version": "x"}], ids=str)
def test_parameters_that_are_not_valid_are_refused(params, api):
    assert api().get(COMPARE, params=params).status_code == 422


class TestCode:
    """Who may not read the code sees that something changed, but not what only the code shows."""

    @pytest.fixture
    @remembered
    def secretive(self, lab):
        body = "from airflow.providers.standard.operators.bash import BashOperator\n"
        body += "BashOperator(task_id='run', bash_command='echo {}', retries={})"
        lab.candidate("orders", 2)
        lab.commit("sha3", orders=dag_file("orders", body=body.format("one", 1)))
        lab.candidate("orders", 3)
        lab.commit("sha4", orders=dag_file("orders", body=body.format("two", 2)))

    @pytest.fixture
    def without_code(self, airflow_app, monkeypatch):
        from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity

        manager = airflow_app.state.auth_manager
        allowed = type(manager).is_authorized_dag

        def is_authorized_dag(self, *, method, user, access_entity=None, details=None):
            return access_entity is not DagAccessEntity.CODE and allowed(
                self, method=method, user=user, access_entity=access_entity, details=details
            )

        monkeypatch.setattr(type(manager), "is_authorized_dag", is_authorized_dag)

    def changes(self, body):
        [task] = body["tasks"]["changed"]
        return {change["name"]: (change["before"], change["after"]) for change in task["fields"]}

    def test_is_shown_to_who_may_read_it(self, secretive, api):
        body = compare(api("viewer"), from_version=3)

        assert self.changes(body) == {"bash_command": ("echo one", "echo two"), "retries": (1, 2)}
        assert "+    BashOperator" in body["source"]["diff"]

    def test_is_not_shown_to_others(self, secretive, without_code, api):
        body = compare(api("viewer"), from_version=3)

        assert self.changes(body) == {"bash_command": (None, None), "retries": (1, 2)}
        assert body["source"]["diff"] is None
        assert "You do not have permission to view the code" in body["source"]["note"]

    def test_is_not_shown_if_the_file_has_a_dag_that_may_not_be_read(self, secretive, lab, api, monkeypatch):
        from airflow.api_fastapi.app import get_auth_manager

        lab.candidate("orders", 4)
        lab.commit("sha5", orders=dag_file("orders") + dag_file("secret", tasks="hidden"))
        monkeypatch.setattr(
            type(get_auth_manager()), "get_authorized_dag_ids", lambda self, *, user, method="GET": {"orders"}
        )

        body = compare(api("viewer"), from_version=3, to_version=4)

        assert body["source"]["diff"] is None
