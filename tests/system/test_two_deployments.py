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
"""One commit goes through two Airflows, whose processes, databases and version numbers are their own."""

from __future__ import annotations

import shutil

import pytest

from demo.deployment import BUNDLE
from demo.promotion_run import EXAMPLES, PROMOTION_BUNDLE, connection
from demo.rest import RestError
from tests.system.promotions import TARGET, finished_run, pin, run_of, source, trigger, wait_for_version

pytestmark = pytest.mark.system

EXAMPLE = "example_promote_between_deployments"
COMPONENTS = ("api-server", "scheduler", "dag-processor")
"""What is needed if no task waits in the triggerer."""

RULES = {"policies": [{"name": "tested", "match": {"dag_ids": [TARGET]}, "requires": {"evidence": ["staging"]}}]}
ALIKE = {
    # A part of each Dag's hash, although no Dag is in it.
    "core": {"dags_folder": "/opt/airflow/dags"},
    # Files that changed are parsed at once whatever it is.
    "dag_processor": {"min_file_process_interval": 30},
}


@pytest.fixture
def staging(make_deployment):
    """Return the Airflow where commits are tested, which had one more of them than the other."""
    airflow = make_deployment(users=("admin:admin", "viewer:viewer"), config=ALIKE)
    airflow.repository.commit({"orders.py": source("v0")})
    airflow.migrate()
    return airflow


@pytest.fixture
def production(make_deployment, staging):
    """Return the Airflow that follows the same repository, and knows the other one as ``pinning_staging``."""
    airflow = make_deployment(bundles=(PROMOTION_BUNDLE,), follows={BUNDLE: staging.repository}, config=ALIKE)
    # A second migration would take as long as the first one.
    shutil.copy(staging.home / "airflow.db", airflow.home)
    example = (EXAMPLES / f"{EXAMPLE}.py").read_text().replace("deferrable=True", "deferrable=False")
    airflow.repository.commit({f"{EXAMPLE}.py": example})
    (there,) = connection(staging, "viewer").values()
    airflow.env |= {**connection(airflow), "AIRFLOW_CONN_PINNING_STAGING": there}
    for deployment, names in ((staging, COMPONENTS), (airflow, COMPONENTS[:2])):
        for name in names:
            deployment.start_component(name)
    staging.wait_until_healthy(COMPONENTS)
    wait_for_registered(staging, TARGET)
    pin(staging, TARGET, 1)
    wait_for_version(staging, TARGET, 2, staging.repository.commit({"orders.py": source("v1")}))
    pin(staging, TARGET, 2)
    airflow.start_component("dag-processor")
    airflow.wait_until_healthy(COMPONENTS)
    for dag_id in (TARGET, EXAMPLE):
        wait_for_registered(airflow, dag_id)
    pin(airflow, TARGET, 1)
    return airflow


def wait_for_registered(airflow, dag_id):
    airflow.wait_until(lambda: airflow.database.dag(dag_id), what=f"Dag {dag_id} is registered")


def test_commit_that_soaked_in_staging_is_tried_and_pinned_in_production(staging, production):
    commit = staging.repository.commit({"orders.py": source("v2")})
    wait_for_version(staging, TARGET, 3, commit)
    production.pinning.put("/policies", {"document": RULES, "reason": "staging first"})
    params = {"bundle_version": commit, "staging_runs": 1, "canary_runs": 1, "approval": False, "poke_seconds": 1}
    trigger(production, EXAMPLE, "release", **params)

    def state(task_id):
        return {task.task_id: task.state for task in run_of(production, EXAMPLE, "release").tasks}[task_id]

    def log():
        return production.task_log(EXAMPLE, "release", "staging")

    production.wait_until(lambda: state("staging") == "running", what="staging is asked")
    with pytest.raises(RestError) as refused:
        pin(production, TARGET, 2)
    assert refused.value.reason == "policy"

    # Staging is gone for a while, and what waits for it goes on.
    staging.stop_component("api-server", grace=0)
    production.wait_until(lambda: "Checking again in 1.0 seconds" in log(), what="it is noticed that staging is down")
    staging.start_component("api-server")
    staging.wait_until_healthy(("api-server",))
    staging.pinning.post(f"/dags/{TARGET}/canaryRuns", {"version_number": 3, "note": "soak"})

    run = finished_run(production, EXAMPLE, "release")
    assert run.state == "success", production.logs(60)
    assert {task.task_id: task.state for task in run.tasks}["approval"] == "skipped"
    released = production.pinning.get(f"/dags/{TARGET}")["active"]
    assert (released["version_number"], released["bundle_version"]) == (2, commit)
    [found] = production.pinning.get(f"/dags/{TARGET}/versions/2/evidence")["evidence"]
    assert (found["name"], found["verdict"]) == ("staging", "successful")
    assert found["url"] == f"{staging.url}/dags/{TARGET}/plugin/pinning"
    assert found["details"]["remote_version_number"] == "3"
    # Nothing was changed there.
    assert staging.pinning.get(f"/dags/{TARGET}")["active"]["version_number"] == 2
