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

from tests.support.api import PINNING, client
from tests.support.routes import READS, WRITES

OPENAPI = f"{PINNING}/openapi.json"


@pytest.fixture(scope="module")
def description(airflow_app):
    answer = client(airflow_app, "viewer").get(OPENAPI)
    assert answer.status_code == 200
    return answer.json()


def operation(description, route):
    return description["paths"][route.template][route.method.lower()]


def test_needs_a_login(api):
    assert api(None).get(OPENAPI).status_code == 401


@pytest.mark.parametrize("path", ["/pinning/docs", "/pinning/redoc", "/pinning/openapi.json"])
def test_is_not_where_everybody_could_read_it(path, api):
    assert api("admin").get(path).status_code == 404


@pytest.mark.parametrize("route", [*READS, *WRITES], ids=str)
class TestRoute:
    def test_has_a_type_for_its_answer(self, route, description):
        answers = operation(description, route)["responses"]
        [success] = [answer for code, answer in answers.items() if code.startswith("2")]

        [schema] = [content["schema"] for content in success["content"].values()]
        assert schema["$ref"].removeprefix("#/components/schemas/") in description["components"]["schemas"]

    def test_says_what_it_does(self, route, description):
        described = operation(description, route)

        assert described["summary"]
        assert described["description"].endswith(".")

    def test_tells_of_its_refusals(self, route, description):
        answers = operation(description, route)["responses"]

        expected = {"400", "401", "403", "422", "500", "503", *(["404"] if "{dag_id}" in route.template else [])}
        refusals = {code: answer for code, answer in answers.items() if not code.startswith("2")}
        assert expected <= set(refusals)
        for answer in refusals.values():
            assert answer["content"]["application/json"]["schema"]["$ref"].endswith("/ErrorResponse")


@pytest.mark.parametrize("route", WRITES, ids=str)
def test_a_change_tells_of_conflicts(route, description):
    assert "409" in operation(description, route)["responses"]


def test_operations_have_names_of_their_own(description):
    names = [route["operationId"] for methods in description["paths"].values() for route in methods.values()]

    assert len(names) == len(set(names))
