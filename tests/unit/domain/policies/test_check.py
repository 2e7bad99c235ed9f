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
"""A check of policies tells which Dags the automatic rollback would roll back at once."""

from __future__ import annotations

import pytest

from airflow_providers_pinning.domain.clocks import database_clock
from airflow_providers_pinning.domain.policies.check import check
from airflow_providers_pinning.domain.policies.model import PolicySet
from airflow_providers_pinning.schemas.policies import validated
from tests.support.ramps import make_run
from tests.support.remembered import remembered
from tests.support.sources import dag_file


@pytest.fixture
@remembered
def pinned(lab):
    lab.commit("sha1", orders=dag_file("orders"), billing=dag_file("billing"))
    lab.pin("billing", 1)
    lab.pin("orders", 1)
    lab.commit("sha2", orders=dag_file("orders", tasks="extract load"))
    lab.pin("orders", 2)


@pytest.fixture
def doubts(session):
    """Return a function that checks an automatic rollback, and returns its findings."""

    def find(max_failures, within_runs, dag_ids=("*",)):
        rules = {"max_failures": max_failures, "within_runs": within_runs}
        document = validated(
            {"policies": [{"name": "careful", "match": {"dag_ids": list(dag_ids)}, "auto_rollback": rules}]}
        )
        found = check(PolicySet.from_dict(0, document), database_clock(session=session), session=session)
        return {doubt.reason: doubt for doubt in found}

    return find


def test_a_dag_that_fails_more_than_is_tolerated_is_found(pinned, lab, doubts):
    for state in ("failed", "success", "failed"):
        make_run(lab, state)

    found = doubts(1, 5)["failing_already"]
    assert found.policies == ("careful",)
    assert "Dag 'orders': 2 of the last 3 live runs of version 2 failed" in found.message
    assert "billing" not in found.message


@pytest.mark.parametrize(("max_failures", "within_runs"), [(2, 5), (1, 2)])
def test_a_dag_that_fails_as_much_as_is_tolerated_is_not(pinned, lab, doubts, max_failures, within_runs):
    for state in ("failed", "success", "failed"):
        make_run(lab, state)

    assert doubts(max_failures, within_runs) == {}


def test_neither_is_one_that_no_rule_is_about_or_that_failed_before_its_pin(pinned, lab, doubts):
    for state in ("failed", "failed"):
        make_run(lab, state)
    assert "failing_already" not in doubts(0, 5, ["billing"])

    lab.pin("orders", 1)
    assert doubts(0, 5) == {}


def test_neither_is_one_that_is_not_rolled_back_by_itself_any_more(pinned, lab, doubts):
    lab.roll_back("orders", reject_current=False)
    make_run(lab, "failed")

    assert lab.pin_row("orders").breaker == "spent"
    assert doubts(0, 5) == {}
