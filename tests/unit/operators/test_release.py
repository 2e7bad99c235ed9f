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
"""The operators that change many Dags as one, against Airflow's own API server."""

from __future__ import annotations

from datetime import datetime, timezone
from functools import partial

import pytest
from airflow.sdk.exceptions import AirflowFailException

from airflow_providers_pinning.exceptions import PolicyConflictError, RevisionConflictError
from airflow_providers_pinning.hooks.pinning import PinningHook
from airflow_providers_pinning.operators.release import ReleaseOperator, RollbackReleaseOperator
from tests.support.sources import CHANGED, STABLE
from tests.support.task_context import task_context

NAMES = ("billing", "orders")


@pytest.fixture
def hook(airflow_server, lab):
    for sha, source in (("sha1", STABLE), ("sha2", CHANGED)):
        lab.commit(sha, **{name: source.replace('"orders"', f'"{name}"') for name in NAMES})
        for name in NAMES if sha == "sha1" else ():
            lab.pin(name, 1)
    return PinningHook()


def active(hook):
    return {name: hook.get_release_state(name)["active"]["version_number"] for name in NAMES}


def run(operator, context=None):
    return operator.execute(context or task_context(operator.task_id))


def test_a_commit_is_released_once_and_rolled_back(hook):
    operator = ReleaseOperator(task_id="release", bundle_version="sha2")
    made = run(operator)
    assert active(hook) == dict.fromkeys(NAMES, 2)
    assert run(operator, task_context("release", try_number=2))["repeated"] is True
    assert hook.get_release(made["release_id"])["reason"] == "Task release of Dag promote, run manual__1"
    run(RollbackReleaseOperator(task_id="back", release_id=made["release_id"]))
    assert active(hook) == dict.fromkeys(NAMES, 1)
    assert hook.list_releases(dag_id="orders")["total_entries"] == 2


def test_what_blocks_fails_the_task_at_once(hook, lab):
    lab.reject("orders", 2)
    with pytest.raises(AirflowFailException, match=r"orders \(version_rejected\)"):
        run(ReleaseOperator(task_id="release", bundle_version="sha2"))
    assert active(hook) == dict.fromkeys(NAMES, 1)


def test_names_may_be_a_rendered_text(hook):
    run(ReleaseOperator(task_id="release", bundle_version="sha2", dag_ids="orders, "))
    assert active(hook) == {"billing": 1, "orders": 2}


@pytest.mark.parametrize(
    "given", [{"dag_ids": "None"}, {"dag_ids": []}, {"tags": 5}, {"versions": "orders=2"}], ids=str
)
def test_what_a_template_leaves_empty_or_wrong_is_refused(hook, given):
    with pytest.raises(ValueError, match=next(iter(given))):
        run(ReleaseOperator(task_id="release", bundle_version="sha2", **given))


def test_a_rollback_needs_a_release(hook):
    with pytest.raises(ValueError, match="release_id is empty"):
        run(RollbackReleaseOperator(task_id="back", release_id=""))


def test_a_rollback_takes_back_only_what_a_plan_showed(hook):
    made = hook.release(bundle_version="sha2", reason="release day")
    plan = hook.roll_back_release(made["release_id"], reason="bad", dry_run=True)
    back = partial(hook.roll_back_release, made["release_id"], reason="bad")

    with pytest.raises(RevisionConflictError):
        back(expected_plan="0" * 64)
    with pytest.raises(PolicyConflictError):
        back(expected_plan=plan["plan_hash"], expected_policy_revision=7)

    assert back(expected_plan=plan["plan_hash"], expected_policy_revision=0)["counts"]["changed"] == 2


def test_a_release_is_read_page_by_page(hook):
    release_id = hook.release(bundle_version="sha2", reason="release day")["release_id"]

    page = hook.get_release(release_id, limit=1, offset=1)

    assert ([dag["dag_id"] for dag in page["dags"]], page["total_entries"]) == (["orders"], 2)


def test_the_overview_of_policies_is_read(hook):
    policy = {"name": "critical", "match": {"dag_ids": ["ord*"]}, "requires": {"approvals": 1}}
    hook.apply_policies(document={"policies": [policy]}, reason="rules")

    overview = hook.get_policies_overview()

    assert overview["revision"] == 1
    assert [(one["name"], one["examples"]) for one in overview["policies"]] == [("critical", ["orders"])]


@pytest.mark.parametrize("moment", ["2126-01-31T13:00:00+00:00", datetime(2126, 1, 31, 13, tzinfo=timezone.utc)])
def test_a_release_takes_effect_at_a_given_time(hook, moment):
    made = run(ReleaseOperator(task_id="release", bundle_version="sha2", effective_from=moment))

    assert (made["status"], made["effective_from"]) == ("scheduled", "2126-01-31T13:00:00Z")
    assert active(hook) == dict.fromkeys(NAMES, 1)


def test_a_time_that_a_template_leaves_empty_does_not_mean_now(hook):
    with pytest.raises(ValueError, match="effective_from is empty"):
        run(ReleaseOperator(task_id="release", bundle_version="sha2", effective_from=""))

    assert active(hook) == dict.fromkeys(NAMES, 1)
