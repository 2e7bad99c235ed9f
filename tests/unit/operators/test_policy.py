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

from functools import partial

import pytest
from airflow.sdk.exceptions import AirflowFailException

from airflow_providers_pinning.exceptions import PolicyNotMetError
from airflow_providers_pinning.hooks.pinning import PinningHook
from airflow_providers_pinning.operators.pin import PinDagVersionOperator, UnpinDagVersionOperator
from airflow_providers_pinning.operators.policy import ApplyReleasePolicyOperator, RecordEvidenceOperator
from airflow_providers_pinning.operators.ramp import RampDagVersionOperator
from airflow_providers_pinning.operators.release import ReleaseOperator
from airflow_providers_pinning.operators.rollback import RollbackDagVersionOperator
from tests.support.task_context import task_context

DOCUMENT = {"policies": [{"name": "a", "match": {"dag_ids": ["orders"]}, "requires": {"evidence": ["regression"]}}]}


@pytest.fixture
def hook(airflow_server, lab):
    lab.pin_first_of_two()
    lab.candidate("orders", 2)
    return PinningHook(attempts=1)


def run(operator_class, **parameters):
    return operator_class(task_id="change", **parameters).execute(task_context("change"))


def test_an_operator_is_bound_until_evidence_is_recorded(hook):
    assert run(ApplyReleasePolicyOperator, document=DOCUMENT)["revision"] == 1
    with pytest.raises(AirflowFailException, match=r"There is no evidence 'regression'.*\[policy\]"):
        run(PinDagVersionOperator, target_dag_id="orders", version_number=2)

    recorded = run(
        RecordEvidenceOperator,
        target_dag_id="orders",
        version_number="2",
        name="regression",
        url="https://ci.example.com/1",
        expected_bundle_version="sha2",
        details={"rows": 7},
    )

    assert (recorded["verdict"], recorded["details"], recorded["actor"]) == ("successful", {"rows": 7}, "op")
    pinned = run(PinDagVersionOperator, target_dag_id="orders", version_number=2, reason="again")
    assert pinned["active"]["version_number"] == 2


def test_policies_are_applied_from_a_file(hook, tmp_path):
    path = tmp_path / "rules.yaml"
    path.write_text("policies: [{name: b, match: {tags: [x]}}]")

    applied = run(ApplyReleasePolicyOperator, path=str(path))

    assert applied["document"]["policies"][0]["name"] == "b"
    assert run(ApplyReleasePolicyOperator, path=str(path))["revision"] == 1


def test_policies_are_given_in_one_way():
    with pytest.raises(ValueError, match="either document or path"):
        ApplyReleasePolicyOperator(task_id="a")


def test_evidence_on_another_commit_fails_the_task(hook):
    with pytest.raises(AirflowFailException, match="version_drifted"):
        run(
            RecordEvidenceOperator,
            target_dag_id="orders",
            version_number=2,
            name="regression",
            expected_bundle_version="another",
        )


def test_hooks_do_the_rest(hook):
    hook.apply_policies(document=DOCUMENT, reason="because")
    assert hook.get_policies()["revision"] == 1
    assert hook.check_policies(text="policies: []")["findings"] == []
    assert hook.explain_policies("orders")["unmet"][0]["rule"] == "evidence"
    frozen = hook.freeze(match={"dag_ids": ["orders"]}, reason="incident")
    assert [one["id"] for one in hook.list_freezes()["freezes"]] == [frozen["id"]]
    with pytest.raises(PolicyNotMetError) as refused:
        hook.pin("orders", version_number=2, reason="because")
    assert [one["rule"] for one in refused.value.data["unmet"]] == ["freeze", "evidence"]
    hook.thaw(frozen["id"], reason="over")
    hook.approve("orders", 2, reason="looks good")
    assert hook.list_evidence("orders", 2)["approvals"][0]["actor"] == "op"
    assert hook.revoke_approval("orders", 2, reason="wrong")["revoked_by"] == "op"


OVERRIDE = {"override_reason": "incident", "expected_policy_revision": "7"}
"""Of policies that are not in force."""


@pytest.mark.parametrize(
    "operator",
    [
        partial(PinDagVersionOperator, target_dag_id="orders", version_number=2),
        partial(UnpinDagVersionOperator, target_dag_id="orders"),
        partial(RollbackDagVersionOperator, target_dag_id="orders", to_version=2),
        partial(RampDagVersionOperator, target_dag_id="orders", version_number=2, steps=[{"share": 1, "runs": 1}]),
        partial(ReleaseOperator, versions={"orders": 2}),
    ],
    ids=lambda made: made.func.__name__,
)
def test_an_override_of_other_policies_than_those_that_were_seen_fails(hook, operator):
    hook.apply_policies(document=DOCUMENT, reason="rules")

    with pytest.raises(AirflowFailException, match=r"at revision 1, not 7.*\[policy_conflict\]"):
        run(operator, **OVERRIDE)

    assert run(operator, **{**OVERRIDE, "expected_policy_revision": 1})
