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
from tests.support.sources import CHANGED, STABLE

DAG = f"{PINNING}/dags/orders"


@pytest.fixture(autouse=True)
@remembered
def pinned(lab):
    lab.pin_first_of_two()


class TestRollbackTarget:
    def target(self, api):
        return api("viewer").get(f"{DAG}/rollback").json()["to_version"]

    def test_is_what_a_rollback_pins(self, api, lab):
        lab.pin("orders", 2)

        told = self.target(api)

        assert told["version_number"] == 1
        assert api().post(f"{DAG}/rollback", json={"reason": "x"}).json()["active"] == told

    def test_is_told_with_what_is_passed_over(self, api, lab):
        for number in (2, 3):
            lab.commit(f"sha{number}", orders=CHANGED.replace("load", f"load_{number}"))
            lab.pin("orders", number)
        lab.lose_code("orders", 2)

        told = api("viewer").get(f"{DAG}/rollback").json()

        assert told["to_version"]["version_number"] == 1
        [passed_over] = told["passed_over"]
        assert (passed_over["version_number"], passed_over["reason"]) == (2, "code_unavailable")
        [warning] = api().post(f"{DAG}/rollback", json={"reason": "x"}).json()["warnings"]
        assert passed_over["message"] in warning

    def test_is_none_if_there_is_nothing_to_roll_back_to(self, api):
        assert self.target(api) is None

    def test_is_told_of_a_dag_that_was_never_pinned(self, api, lab):
        lab.commit("sha3", invoices=STABLE.replace("orders", "invoices"))

        answer = api().get(f"{PINNING}/dags/invoices/rollback")

        told = answer.json()
        assert (answer.status_code, told["to_version"], told["passed_over"]) == (200, None, [])

    def test_is_only_told(self, api, lab):
        lab.pin("orders", 2)
        before = lab.pin_state("orders")

        self.target(api)

        assert lab.pin_state("orders") == before

    def test_of_an_unknown_dag_is_not_found(self, api):
        assert api().get(f"{PINNING}/dags/unknown/rollback").status_code == 404
