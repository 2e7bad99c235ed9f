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
Release a commit that another Airflow has tested: wait for its soak, record evidence, run canaries, approve, pin.

Trigger it with the Dag and the full commit hash. It needs two connections: ``pinning_default`` for this Airflow, and
``pinning_staging`` for the other one, whose bundle tracks the same repository. The same commit is tested there and
recorded, tried and pinned here, even if the two Airflows number its version differently.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from airflow.providers.standard.exceptions import HITLRejectException
from airflow.sdk import DAG, ExceptionRetryPolicy, Param, RetryAction, RetryRule, task

from airflow_providers_pinning.operators.approval import ApproveDagVersionOperator
from airflow_providers_pinning.operators.canary import TriggerCanaryRunOperator
from airflow_providers_pinning.operators.pin import PinDagVersionOperator
from airflow_providers_pinning.operators.policy import RecordEvidenceOperator
from airflow_providers_pinning.sensors.bundle_version import BundleVersionSensor
from airflow_providers_pinning.sensors.remote_version import RemoteVersionSensor

# Not a param: users who can trigger this Dag must not choose which Airflow to trust.
STAGING = "pinning_staging"

WAIT_FOR_COMMIT = timedelta(hours=1)
WAIT_FOR_STAGING = timedelta(days=7)
WAIT_FOR_CANARY = timedelta(days=1)
WAIT_FOR_APPROVAL = timedelta(days=2)
EVIDENCE_COUNTS = timedelta(days=14)

TARGET = "{{ params.target_dag_id }}"
COMMIT = "{{ params.bundle_version }}"
# The sensor stores the answer even if it fails because of it.
TOLD = "{% set told = ti.xcom_pull(task_ids='staging', key='remote_version') or {} %}"
# The approved version, or the registered one if approval is off. They only differ if tasks were cleared in between.
CHOSEN = "{{ (ti.xcom_pull(task_ids='approval') or ti.xcom_pull(task_ids='here'))['%s'] }}"

EVIDENCE = (
    TOLD
    + """
Staging: **{{ told.verdict }}**. {{ told.message }} [See it there]({{ told.url }})

Canary runs here: {{ ti.xcom_pull(task_ids='canary')['states'].values() | list | join(', ') }}.
"""
)

with DAG(
    "example_promote_between_deployments",
    schedule=None,
    start_date=datetime(2026, 1, 1, tzinfo=timezone.utc),
    catchup=False,
    max_active_runs=16,
    tags=["example", "pinning"],
    default_args={"retries": 2, "retry_delay": timedelta(minutes=1)},
    doc_md=__doc__,
    # [START howto_between_deployments_params]
    params={
        "target_dag_id": Param("orders", type="string", title="Dag to release"),
        "bundle_version": Param(type="string", minLength=1, title="Commit", description="Full hash"),
        "staging_runs": Param(
            None, type=["integer", "null"], minimum=1, title="Runs required on staging (default: its own criteria)"
        ),
        "canary_runs": Param(3, type="integer", minimum=1, maximum=100, title="Live runs to replay, or canary runs"),
        "approval": Param(True, type="boolean", title="Require approval before the pin"),
        "poke_seconds": Param(30, type="number", minimum=1, title="Poll interval in seconds"),
    },
    # [END howto_between_deployments_params]
):
    # The sensor marks the version as a candidate, so it cannot change between the test and the pin.
    here = BundleVersionSensor(
        task_id="here",
        target_dag_id=TARGET,
        bundle_version=COMMIT,
        timeout=WAIT_FOR_COMMIT.total_seconds(),
        poke_interval="{{ params.poke_seconds }}",
        deferrable=True,
    )

    # [START howto_sensor_remote_version]
    staging = RemoteVersionSensor(
        task_id="staging",
        target_dag_id=TARGET,
        pinning_conn_id=STAGING,
        bundle_version=COMMIT,
        wait_for="soak",
        criteria={"min_runs": "{{ params.staging_runs or '' }}"},
        # Require the same structure. Leave this out if the Dag is meant to look different on staging.
        expected_dag_hash=here.output["dag_hash"],
        timeout=WAIT_FOR_STAGING.total_seconds(),
        poke_interval="{{ params.poke_seconds }}",
        deferrable=True,
    )
    # [END howto_sensor_remote_version]

    # [START howto_operator_record_evidence]
    record = RecordEvidenceOperator(
        task_id="record",
        target_dag_id=TARGET,
        version_number=here.output["version_number"],
        # Record it only for the commit that staging tested.
        expected_dag_hash=here.output["dag_hash"],
        expected_bundle_version=COMMIT,
        name="staging",
        verdict=TOLD + "{{ told.get('verdict', 'inconclusive') }}",
        url=TOLD + "{{ told.get('url', '') }}",
        expires_at=f"{{{{ (ti.start_date + macros.timedelta(days={EVIDENCE_COUNTS.days})).isoformat() }}}}",
        details={
            "reason": TOLD + "{{ told.get('reason', 'no_answer') }}",
            "message": TOLD + "{{ told.get('message', 'Staging did not answer.')[:1000] }}",
            "remote_version_number": TOLD + "{{ told.get('remote_version_number') or '' }}",
        },
        reason="Staging's soak of the commit, recorded by run {{ run_id }}",
        # Record a failed soak too, so an earlier success no longer counts.
        trigger_rule="all_done",
    )
    # [END howto_operator_record_evidence]

    canary = TriggerCanaryRunOperator(
        task_id="canary",
        target_dag_id=TARGET,
        version_number=here.output["version_number"],
        expected_dag_hash=here.output["dag_hash"],
        expected_bundle_version=COMMIT,
        replay={"last": "{{ params.canary_runs }}"},
        on_nothing_to_replay="run",
        count="{{ params.canary_runs }}",
        poke_interval="{{ params.poke_seconds }}",
        timeout=WAIT_FOR_CANARY.total_seconds(),
        deferrable=True,
    )

    # [START howto_optional_approval]
    @task.branch
    def ask(params=None):
        """Ask for approval, or pin without it."""
        return "approval" if params["approval"] else "pin"

    approval = ApproveDagVersionOperator(
        task_id="approval",
        target_dag_id=TARGET,
        version=here.output,
        body=EVIDENCE,
        response_timeout=WAIT_FOR_APPROVAL,
        defaults=ApproveDagVersionOperator.REJECT,
        fail_on_reject=True,
        # Retries are for lost attempts only. An answer is final.
        retry_policy=ExceptionRetryPolicy([RetryRule(HITLRejectException, RetryAction.FAIL)]),
    )
    # [END howto_optional_approval]

    pin = PinDagVersionOperator(
        task_id="pin",
        target_dag_id=TARGET,
        version_number=CHOSEN % "version_number",
        expected_dag_hash=CHOSEN % "dag_hash",
        expected_bundle_version=COMMIT,
        # A manual pin or rollback since then beats this one.
        expected_revision=CHOSEN % "revision",
        reason="Tested by staging, promoted by run {{ run_id }}",
        # The approval may be skipped.
        trigger_rule="none_failed",
    )

    asked = ask()
    here >> staging >> record
    # A failed soak is recorded and ends the run.
    [staging, record] >> canary >> asked >> [approval, pin]
    approval >> pin
