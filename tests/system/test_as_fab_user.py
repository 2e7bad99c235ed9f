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

import pytest

from demo.deployment import BUNDLE
from demo.promotion_run import PROMOTION_BUNDLE, PromotionRun
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
    users = {"admin": "Admin", "releaser": "Op", "viewer": "Viewer"}
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
    for name, role in users.items():
        made.cli(
            *("users", "create", "--username", name, "--role", role, "--password", made.passwords[name]),
            *("--firstname", name, "--lastname", name, "--email", f"{name}@example.invalid"),
        )
    wait_for_dags(made)
    pin(made, TARGET, 1)
    yield made
    made.close()


def test_operators_and_sensors_promote_as_a_user_of_fab(fab):
    run = PromotionRun(fab, "fab", report=print)
    run.start(TARGET, canary_runs=1, bake_max_wait=1)
    fab.repository.commit({"orders.py": source("v2")})
    wait_for_version(fab, TARGET, 2)
    wait_for_states(fab, [run], "approval", "awaiting_input")
    assert run.answer("Approve", username="releaser")["responded_by"]["name"]
    fab.wait_until(run.finished, timeout=120, what="the promotion is finished")
    assert run.run.state == "success"
    events = fab.pinning.get(f"/dags/{TARGET}/events")["events"]
    assert (events[0]["kind"], events[0]["actor"]) == ("pinned", "releaser")


def test_viewer_of_fab_may_not_pin(fab):
    outcome = run_tools(fab, {"viewer pins": ("pin", {"connection": "pinning_viewer"})})["viewer pins"]
    assert (outcome.state, outcome.tries) == ("failed", 1)
    assert "The user of the connection is not permitted to do this." in outcome.log
