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

DAG = f"{PINNING}/dags/orders"


@pytest.fixture(autouse=True)
@remembered
def pinned(lab):
    lab.pin_first_of_two()


class TestPermissions:
    @pytest.mark.parametrize(
        ("role", "may", "rules"),
        [("viewer", False, False), ("user", True, False), ("op", True, True), ("admin", True, True)],
    )
    def test_are_those_that_the_routes_ask_for(self, role, may, rules, api):
        told = api(role).get(f"{DAG}/permissions").json()

        assert told == {
            "change": may,
            "start_canary": may,
            "edit_runs": may,
            "release": may,
            "override_policies": rules,
            "set_rules": rules,
        }
        assert (api(role).put(f"{DAG}/pin", json={"version_number": 2, "reason": "x"}).status_code == 200) is may
        assert (api(role).post(f"{DAG}/canaryRuns", json={"version_number": 2}).status_code == 201) is may

    def test_of_an_unknown_dag_are_not_found(self, api):
        assert api().get(f"{PINNING}/dags/unknown/permissions").status_code == 404
