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
Release weekly: the latest versions are up for approval on Monday, and the approved ones go live together on Tuesday.

Versions that nobody approves before the window opens are skipped, and come up again next week.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from airflow.sdk import DAG, Param, task, task_group
from airflow.sdk.exceptions import AirflowSkipException

from airflow_providers_pinning.operators.approval import ApproveDagVersionOperator
from airflow_providers_pinning.operators.pin import PinDagVersionOperator
from airflow_providers_pinning.sensors.version import NewDagVersionSensor
from airflow_providers_pinning.sensors.window import DeploymentWindowSensor
from airflow_providers_pinning.windows import DeploymentWindow, WindowRule

# [START howto_deployment_window]
RELEASES = DeploymentWindow(
    allow=[WindowRule("0 10 * * 2", timedelta(hours=2), "Europe/Berlin", name="Tuesday release")],
    deny=[WindowRule("0 0 20 12 *", timedelta(days=14), "Europe/Berlin", name="end of year freeze")],
)
# [END howto_deployment_window]

with DAG(
    "example_deployment_window",
    schedule="0 9 * * 1",
    start_date=datetime(2026, 1, 1, tzinfo=timezone.utc),
    catchup=False,
    max_active_runs=1,
    tags=["example", "pinning"],
    default_args={"retries": 2, "retry_delay": timedelta(minutes=1)},
    params={"dags": Param(["orders", "billing"], type="array", items={"type": "string"}, title="Dags to release")},
    doc_md=__doc__,
):

    @task
    def dags_to_release(params: dict) -> list[str]:
        """Return the Dags to release."""
        return params["dags"]

    # [START howto_release_in_a_window]
    @task_group
    def release(target_dag_id: str):
        """Release one Dag."""
        new_version = NewDagVersionSensor(
            task_id="new_version",
            target_dag_id=target_dag_id,
            timeout=60,
            poke_interval=30,
            soft_fail=True,  # without a new version there is nothing to release
        )

        @task
        def only_if_not_held(candidate: dict) -> None:
            """Skip the rest while the Dag is on hold, so nobody approves a pin that would be refused."""
            if candidate["hold_reason"]:
                raise AirflowSkipException(f"The Dag is on hold: {candidate['hold_reason']}")

        approval = ApproveDagVersionOperator(
            task_id="approval",
            target_dag_id=target_dag_id,
            version=new_version.output,
            subject="Release version "
            "{{ ti.xcom_pull(task_ids='release.new_version', map_indexes=ti.map_index)['version_number'] }} of "
            "Dag {{ params.dags[ti.map_index] }} on Tuesday?",
            response_timeout=timedelta(hours=23),
            defaults=ApproveDagVersionOperator.REJECT,  # a timeout skips the version; it is not marked as rejected
        )

        @task
        def only_if_approved(answer: dict) -> None:
            """Skip the rest unless approved: in a mapped task group, Airflow 3.3 continues after a rejection."""
            if answer["chosen_options"] != [ApproveDagVersionOperator.APPROVE]:
                raise AirflowSkipException("Not approved; it comes up again next week.")

        window = DeploymentWindowSensor(
            task_id="window", window=RELEASES, timeout=timedelta(days=15).total_seconds(), deferrable=True
        )
        pin = PinDagVersionOperator(
            task_id="pin",
            target_dag_id=target_dag_id,
            version_number=approval.output["version_number"],
            expected_dag_hash=approval.output["dag_hash"],
            expected_bundle_version=approval.output["bundle_version"],
            # Do not overwrite a manual pin or rollback made since Monday.
            expected_revision=approval.output["revision"],
            reason="Released by run {{ run_id }}",
        )
        (
            new_version
            >> only_if_not_held(new_version.output)
            >> approval
            >> only_if_approved(approval.output)
            >> window
            >> pin
        )

    release.expand(target_dag_id=dags_to_release())
    # [END howto_release_in_a_window]
