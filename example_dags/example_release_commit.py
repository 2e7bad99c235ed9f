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
Release a commit of a monorepo: pin all Dags that it changes together, and roll them back together if they fail.

Trigger it with the full commit hash. The release waits until someone approves its plan. Afterwards it asks whether to
keep the release: "Reject" rolls it back.
"""

from __future__ import annotations

from datetime import datetime, timezone

from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk import DAG, Param, task

from airflow_providers_pinning.hooks.pinning import PinningHook
from airflow_providers_pinning.operators.release import ReleaseOperator, RollbackReleaseOperator

# [START howto_operator_release]
with DAG(
    "example_release_commit",
    schedule=None,
    start_date=datetime(2026, 1, 1, tzinfo=timezone.utc),
    catchup=False,
    params={
        "bundle_version": Param(type="string", minLength=1, title="Commit", description="Full hash"),
        "tags": Param(
            [], type="array", items={"type": "string"}, title="Tags", description="Only Dags with one of these tags"
        ),
    },
    render_template_as_native_obj=True,
    tags=["example", "pinning"],
    doc_md=__doc__,
):

    @task
    def plan(params: dict) -> str:
        """Describe what would change; fail if a Dag blocks the release."""
        report = PinningHook().release(
            bundle_version=params["bundle_version"], tags=params["tags"], dry_run=True, reason="Plan"
        )
        if blocked := [dag for dag in report["dags"] if dag["outcome"] == "blocked"]:
            raise ValueError(f"These Dags block the release: {blocked}")
        lines = [
            f"- {dag['dag_id']}: {dag['to_version']['version_number']}" for dag in report["dags"] if dag["to_version"]
        ]
        return "\n".join([f"{report['counts']['changed']} Dags change.", *lines, *report["warnings"]])

    approve = ApprovalOperator(
        task_id="approve",
        subject="Release {{ params.bundle_version }}?",
        body="{{ ti.xcom_pull(task_ids='plan') }}",
    )
    release = ReleaseOperator(
        task_id="release",
        bundle_version="{{ params.bundle_version }}",
        tags="{{ params.tags }}",
        reason="Approved in {{ run_id }}",
    )
    keep = ApprovalOperator(
        task_id="keep",
        subject="Keep {{ params.bundle_version }}? Reject to roll back all of its Dags.",
        fail_on_reject=True,
    )
    roll_back = RollbackReleaseOperator(
        task_id="roll_back",
        release_id="{{ ti.xcom_pull(task_ids='release')['release_id'] }}",
        trigger_rule="one_failed",
    )
    plan() >> approve >> release >> keep >> roll_back
# [END howto_operator_release]
