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
"""Who may do what under FAB's auth manager."""

from __future__ import annotations

import json

import pytest

from tests.support.python import own_airflow, run
from tests.support.routes import READS, RULES, WRITES

DONE = {200, 201, 409}
"""The request got past the authorization; a change that another one made before may be in its way."""


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    done = run(
        "-m",
        "tests.support.fab_server",
        AIRFLOW__CORE__AUTH_MANAGER="airflow.providers.fab.auth_manager.fab_auth_manager.FabAuthManager",
        **own_airflow(tmp_path_factory.mktemp("home")),
    )
    assert done.returncode == 0, done.stderr[-5000:]
    return json.loads(done.stderr.splitlines()[-1])


@pytest.mark.parametrize("route", READS, ids=str)
class TestRead:
    @pytest.mark.parametrize("role", ["Admin", "Op", "User", "Viewer", "Keeper of orders"])
    def test_is_allowed_to(self, role, route, answers):
        assert answers[role][str(route)] == 200

    def test_of_another_dag_is_not_allowed_to_the_keeper_of_one(self, route, answers):
        assert answers["another Dag"][str(route)] == (403 if "{dag_id}" in route.template else 200)

    def test_is_not_allowed_to_the_public(self, route, answers):
        assert answers["Public"][str(route)] == 403

    def test_needs_a_login(self, route, answers):
        assert answers["nobody"][str(route)] == 401


@pytest.mark.parametrize("route", WRITES, ids=str)
class TestChange:
    @pytest.mark.parametrize("role", ["Admin", "Op", "User", "Keeper of orders"])
    def test_is_allowed_to(self, role, route, answers):
        assert answers[role][str(route)] in DONE

    @pytest.mark.parametrize("role", ["Viewer", "Public"])
    def test_is_not_allowed_to(self, role, route, answers):
        assert answers[role][str(route)] == 403

    def test_needs_a_login(self, route, answers):
        assert answers["nobody"][str(route)] == 401

    def test_of_another_dag_is_not_allowed_to_the_keeper_of_one(self, route, answers):
        # What the body or the release names is the Dag that is kept.
        assert answers["another Dag"][str(route)] in ({403} if "{dag_id}" in route.template else DONE)


@pytest.mark.parametrize("route", RULES, ids=str)
class TestRules:
    @pytest.mark.parametrize("role", ["Op", "User", "Viewer", "Public"])
    def test_are_not_made_by(self, role, route, answers):
        assert answers["rules"][role][str(route)] == 403

    def test_are_made_by_a_role_with_the_resource_of_this_package(self, route, answers):
        # The freeze that is lifted is the one that was made just before.
        assert answers["rules"]["Maker of rules"][str(route)] == 200


def test_releases_need_the_resource_of_this_package_where_that_is_asked_for(answers):
    assert answers["release"] == {"User": 403, "Releaser": 200}


def test_the_keeper_of_one_dag_sees_the_pin_of_that_one_only(answers):
    assert answers["pins"] == ["orders"]


def test_the_keeper_of_one_dag_sees_the_changes_of_that_one_only(answers):
    assert answers["feed"] == {
        "every": ["invoices", "orders"],
        "kept": ["orders"],
        "single": {"invoices": 404, "orders": 200},
    }


@pytest.mark.parametrize("method", ["GET", "PUT"])
@pytest.mark.parametrize("role", ["Admin", "Op", "User", "Viewer", "Public", "Keeper of orders"])
def test_each_dag_is_seen_as_airflow_lists_it(role, method, answers):
    sight = answers["sight"][f"{role} {method}"]

    assert sight["among"] == sight["listed"]
    assert sight["everything"] == (sight["among"] == ["invoices", "orders"])


def test_the_overview_says_which_dags_their_keeper_may_change(answers):
    assert answers["editable"] == {"orders": True}


EDIT = "edit the Dag (FAB: 'can edit on DAGs')"


def test_whoever_is_refused_is_told_which_permission_is_missing(answers):
    """A route asks for its rights in turn, so the first that is missing is told, with what it consists of."""
    viewer, public = answers["missing"]["Viewer"], answers["missing"]["Public"]
    assert viewer == {str(route): [EDIT] for route in WRITES}
    for route in READS:
        assert public[str(route)] == [
            "read the Dag (FAB: 'can read on DAGs')",
            "read its versions (FAB: 'can read on DAG Versions')",
        ]
