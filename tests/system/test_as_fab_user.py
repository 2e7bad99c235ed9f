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
"""
Promotions as users of FAB's auth manager.

The name puts it before the tests that share a deployment, which would run at the same time otherwise.
"""

from __future__ import annotations

import shlex

import pytest

from demo.deployment import BUNDLE
from demo.promotion_run import PROMOTION_BUNDLE, PROMOTION_DAG_ID, PromotionRun
from demo.rest import RestError
from tests.support.python import ROOT
from tests.system.promotions import (
    TARGET,
    deploy,
    pin,
    run_tools,
    source,
    wait_for_dags,
    wait_for_states,
    wait_for_version,
)
from tests.system.shared import SHORT_TOKENS

pytestmark = pytest.mark.system

FAB = {"core": {"auth_manager": "airflow.providers.fab.auth_manager.fab_auth_manager.FabAuthManager"}}


@pytest.fixture(scope="module")
def fab(make_deployment):
    users = {"admin": "Admin", "releaser": "Releaser", "approver": "Approver", "viewer": "Viewer"}
    made = make_deployment(
        bundles=(BUNDLE, PROMOTION_BUNDLE),
        users=[f"{name}:{role}" for name, role in users.items()],
        config={**SHORT_TOKENS, **FAB},
    )
    deploy(
        made,
        {
            "pinning_default": ("releaser", made.passwords["releaser"]),
            "pinning_viewer": ("viewer", made.passwords["viewer"]),
        },
    )
    for command in commands_of_the_documentation():
        made.cli(*command)
    names = {name: {"username": name, "password": made.passwords[name]} for name in users}
    admin = names.pop(made.username)
    made.cli(
        *("users", "create", "--role", users[made.username], "--email", "admin@example.invalid"),
        *("--firstname", "admin", "--lastname", "admin", *(f"--{key}={value}" for key, value in admin.items())),
    )
    # Each command takes seconds of CPU to import Airflow, so that the others are made through the API.
    for name, account in names.items():
        person = {"first_name": name, "last_name": name, "email": f"{name}@example.invalid"}
        made.client("/auth/fab/v1").post("/users", {**account, **person, "roles": [{"name": users[name]}]})
    wait_for_dags(made)
    pin(made, TARGET, 1)
    yield made
    made.close()


def commands_of_the_documentation():
    """Return the commands that make roles, from the page that tells which roles there should be."""
    text = (ROOT / "docs" / "security.md").read_text().partition("## Roles for FAB")[2].split("```")[1]
    assert PROMOTION_DAG_ID in text
    return [shlex.split(line)[1:] for line in text.strip().splitlines()]


def test_operators_and_sensors_promote_as_a_user_of_fab(fab):
    run = PromotionRun(fab, "fab", report=print)
    run.start(TARGET, canary_runs=1, bake_inconclusive_after=1)
    fab.repository.commit({"orders.py": source("v2")})
    wait_for_version(fab, TARGET, 2)
    wait_for_states(fab, [run], "approval", "awaiting_input")
    seen = fab.client("/api/v2", "approver").get("/dags/~/dagRuns/~/hitlDetails")
    assert [question["subject"] for question in seen["hitl_details"]] == [run.question()["subject"]]
    assert run.answer("Approve", username="approver")["responded_by"]["name"]
    fab.wait_until(run.finished, what="the promotion is finished")
    assert run.run.state == "success"
    events = fab.pinning.get(f"/dags/{TARGET}/events")["events"]
    assert (events[0]["kind"], events[0]["actor"]) == ("pinned", "releaser")


def test_approver_of_fab_may_not_pin(fab):
    with pytest.raises(RestError, match="can edit on DAGs"):
        fab.client("/pinning/api/v1", "approver").put(
            f"/dags/{TARGET}/pin", {"version_number": 1, "reason": "not mine to pin"}
        )


def test_viewer_of_fab_may_not_pin(fab):
    outcome = run_tools(fab, {"viewer pins": ("pin", {"connection": "pinning_viewer"})})["viewer pins"]
    assert (outcome.state, outcome.tries) == ("failed", 1)
    assert "The user of the connection is not permitted to do this." in outcome.log
    assert "edit the Dag (FAB: 'can edit on DAGs')" in outcome.log
