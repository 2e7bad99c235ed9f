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
Promote the next version of a Dag: replays of live runs, soak, approval, window, pin, bake, rollback.

Requires the connection ``pinning_default`` and a pinned target Dag. Trigger it with the Dag to promote: it waits for
the next version, replays the latest live runs with exactly that version, and pins exactly that version. A Dag without
live runs gets canary runs that replay nothing.
"""

from __future__ import annotations

from datetime import timedelta

from airflow.providers.standard.exceptions import HITLRejectException
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, ExceptionRetryPolicy, Param, RetryAction, RetryRule, task
from airflow.sdk.exceptions import AirflowFailException

from airflow_providers_pinning.client.comparison import as_markdown, objections_as_markdown
from airflow_providers_pinning.client.replays import replays_as_markdown
from airflow_providers_pinning.hooks.pinning import PinningHook
from airflow_providers_pinning.operators.approval import ApproveDagVersionOperator
from airflow_providers_pinning.operators.canary import TriggerCanaryRunOperator
from airflow_providers_pinning.operators.pin import PinDagVersionOperator
from airflow_providers_pinning.operators.rollback import RejectDagVersionOperator, RollbackDagVersionOperator
from airflow_providers_pinning.sensors.soak import VersionSoakSensor
from airflow_providers_pinning.sensors.version import NewDagVersionSensor
from airflow_providers_pinning.sensors.window import DeploymentWindowSensor

# Templates cannot reach these, so they are constants.
WAIT_FOR_VERSION = timedelta(days=30)
WAIT_FOR_CANARY = timedelta(days=1)
WAIT_FOR_APPROVAL = timedelta(days=2)

TARGET = "{{ params.target_dag_id }}"
# The candidate if its canary or soak failed, or the version that a person or the timeout rejected. Empty if another
# task failed, such as the one that compares versions.
REJECTED_NUMBER = (
    "{% set candidate = (ti.xcom_pull(task_ids='new_version') or {}).get('version_number') %}"
    "{% set judges = ti.get_task_states(ti.dag_id, task_ids=['canary', 'soak'], run_ids=[run_id]) %}"
    "{% set rejected = ti.xcom_pull(task_ids='approval', key='rejected_version') %}"
    "{{ candidate if 'failed' in judges[run_id].values() else rejected or '' }}"
)
# The approved version if this run pinned it. Empty if it came too late, or if a repeated request found another pin.
PINNED_NUMBER = (
    "{% set pinned = ((ti.xcom_pull(task_ids='pin') or {}).get('active') or {}).get('version_number') %}"
    "{% set approved = (ti.xcom_pull(task_ids='approval') or {}).get('version_number') %}"
    "{{ pinned if pinned == approved else '' }}"
)

# The operator adds the version, commit and structure that are up for approval.
EVIDENCE = """
{% set soak = ti.xcom_pull(task_ids='soak') %}
Soak: **{{ soak.verdict }}**. {{ soak.message }}
{%- set withheld = soak.evidence.withheld_effects %}
{%- if withheld %} Withheld from live runs: {{ withheld }} effects.{% endif %}
{%- set canaries = ti.xcom_pull(task_ids='canary')['run_ids'] | length %}
{%- if canaries < params.canary_runs %} **Only {{ canaries }} of {{ params.canary_runs }} live runs could be replayed,
so the verdict rests on fewer runs than requested.**{% endif %}

{{ ti.xcom_pull(task_ids='difference') }}
"""

with DAG(
    "example_promote_dag_version",
    schedule=None,
    catchup=False,
    max_active_runs=16,
    tags=["example", "pinning"],
    default_args={"retries": 2, "retry_delay": timedelta(minutes=1)},
    doc_md=__doc__,
    # [START howto_promotion_params]
    params={
        "target_dag_id": Param("orders", type="string", title="Dag to promote"),
        "debounce_seconds": Param(120, type="number", minimum=0, title="Seconds without a newer commit"),
        "poke_seconds": Param(30, type="number", minimum=1, title="Seconds between checks of versions and runs"),
        "canary_runs": Param(3, type="integer", minimum=1, maximum=100, title="Live runs to replay, or canary runs"),
        "canary_conf": Param(None, type=["object", "null"], title="Conf of canary runs; if set, they replay nothing"),
        "canary_isolation": Param({}, type="object", title="Isolation of canary runs, by field; safest if empty"),
        # If empty, differing outputs are shown for approval, and do not affect the verdict.
        "soak_max_output_differences": Param(
            None, type=["integer", "null"], minimum=0, title="Tolerated outputs of replays that differ"
        ),
        "soak_seconds": Param(0, type="number", minimum=0, title="Minimum soak time in seconds"),
        "soak_max_failures": Param(0, type="integer", minimum=0, title="Tolerated failed canary runs"),
        "soak_inconclusive_after": Param(86400, type="number", minimum=0, title="Seconds until a soak is inconclusive"),
        "on_inconclusive": Param(
            "fail", enum=["fail", "skip", "succeed"], title="Inconclusive soak: reject, leave it, or let people decide"
        ),
        "window_cron": Param("0 9 * * 1-4", type="string", title="When the window opens (cron)"),
        "window_seconds": Param(6 * 3600, type="integer", minimum=1, title="Seconds that the window stays open"),
        "window_timezone": Param("UTC", type="string", title="Time zone of the window"),
        "override_reason": Param(None, type=["string", "null"], title="Reason for lifting a hold, as after a rollback"),
        "bake_runs": Param(3, type="integer", minimum=1, title="Minimum live runs after the pin"),
        "bake_seconds": Param(0, type="number", minimum=0, title="Minimum bake time in seconds"),
        "bake_max_failures": Param(0, type="integer", minimum=0, title="Tolerated failed live runs"),
        "bake_inconclusive_after": Param(
            7 * 86400, type="number", minimum=0, title="Seconds until a bake is inconclusive"
        ),
    },
    # [END howto_promotion_params]
):
    # [START howto_sensor_new_dag_version]
    new_version = NewDagVersionSensor(
        task_id="new_version",
        target_dag_id=TARGET,
        debounce="{{ params.debounce_seconds }}",
        timeout=WAIT_FOR_VERSION.total_seconds(),
        poke_interval="{{ params.poke_seconds }}",
        deferrable=True,
    )
    # [END howto_sensor_new_dag_version]

    # [START howto_operator_trigger_canary_run]
    canary = TriggerCanaryRunOperator(
        task_id="canary",
        target_dag_id=TARGET,
        version_number=new_version.output["version_number"],
        expected_dag_hash=new_version.output["dag_hash"],
        expected_bundle_version=new_version.output["bundle_version"],
        # Rerun the latest successful live runs of the active version on their inputs, and compare the results.
        replay={"last": "{{ '' if params.canary_conf else params.canary_runs }}"},
        # A Dag without live runs gets as many canary runs instead; the task's log says so.
        on_nothing_to_replay="run",
        count="{{ params.canary_runs }}",
        conf="{{ params.canary_conf | tojson }}",
        isolation="{{ params.canary_isolation | tojson }}",
        poke_interval="{{ params.poke_seconds }}",
        deferrable=True,
        # The soak below judges the runs, with its own limit on failures.
        fail_on_failed_run=False,
        # Without a limit, it would wait forever for runs of a paused Dag, or of one at its run limit.
        timeout=WAIT_FOR_CANARY.total_seconds(),
    )
    # [END howto_operator_trigger_canary_run]

    # [START howto_sensor_version_soak]
    soak = VersionSoakSensor(
        task_id="soak",
        target_dag_id=TARGET,
        version_number=new_version.output["version_number"],
        expected_dag_hash=new_version.output["dag_hash"],
        expected_bundle_version=new_version.output["bundle_version"],
        run_kinds="canary",
        # A new Dag may have fewer live runs to replay than requested; the approval says so.
        min_runs="{{ ti.xcom_pull(task_ids='canary')['run_ids'] | length }}",
        min_duration="{{ params.soak_seconds }}",
        max_failures="{{ params.soak_max_failures }}",
        max_output_differences="{{ params.soak_max_output_differences }}",
        inconclusive_after="{{ params.soak_inconclusive_after }}",
        on_inconclusive="{{ params.on_inconclusive }}",
        poke_interval="{{ params.poke_seconds }}",
        deferrable=True,
    )
    # [END howto_sensor_version_soak]

    # [START howto_promotion_difference]
    @task
    def difference(candidate, params=None):
        """Describe how the candidate's output and code differ, and any objections, as Markdown."""
        hook, number = PinningHook(), candidate["version_number"]
        replays = hook.list_replays(params["target_dag_id"], number)
        found = hook.compare(
            params["target_dag_id"],
            to_version=number,
            expected_dag_hash=candidate["dag_hash"],
            expected_bundle_version=candidate["bundle_version"],
        )
        parts = objections_as_markdown(candidate), replays_as_markdown(replays), as_markdown(found)
        return "\n\n".join(filter(None, parts))

    compared = difference(new_version.output)
    # [END howto_promotion_difference]

    # [START howto_promotion_hold]
    @task
    def not_held(params=None):
        """Fail while the Dag is on hold, before anyone approves, or waits for, a pin that would be refused."""
        hold = PinningHook().get_release_state(params["target_dag_id"])["hold"]
        if hold and not params["override_reason"]:
            raise AirflowFailException(
                f"Dag {params['target_dag_id']} was put on hold by {hold['actor']}: {hold['reason']}. Lift the hold, "
                "then clear this task and its downstream tasks, or promote again with an override_reason."
            )

    before_approval, before_pin = not_held(), not_held.override(task_id="still_not_held")()
    # [END howto_promotion_hold]

    # [START howto_promotion_approval]
    approval = ApproveDagVersionOperator(
        task_id="approval",
        target_dag_id=TARGET,
        version=new_version.output,
        body=EVIDENCE,
        response_timeout=WAIT_FOR_APPROVAL,
        # A timeout counts as a rejection: the task fails, and the candidate is rejected.
        defaults=ApproveDagVersionOperator.REJECT,
        fail_on_reject=True,
        # Retries are for lost attempts only. An answer is final.
        retry_policy=ExceptionRetryPolicy([RetryRule(HITLRejectException, RetryAction.FAIL)]),
    )
    # [END howto_promotion_approval]

    # [START howto_sensor_deployment_window]
    window = DeploymentWindowSensor(
        task_id="window",
        window={
            "allow": [
                {
                    "cron": "{{ params.window_cron }}",
                    "duration": "{{ params.window_seconds }}",
                    "timezone": "{{ params.window_timezone }}",
                    "name": "release window",
                }
            ]
        },
        timeout=timedelta(days=30).total_seconds(),
        deferrable=True,
    )
    # [END howto_sensor_deployment_window]

    # [START howto_operator_pin_dag_version]
    pin = PinDagVersionOperator(
        task_id="pin",
        target_dag_id=TARGET,
        version_number=approval.output["version_number"],
        # Pin exactly what the approval showed, or nothing.
        expected_dag_hash=approval.output["dag_hash"],
        expected_bundle_version=approval.output["bundle_version"],
        # The first of several promotions wins, and a manual pin or rollback beats this one.
        expected_revision=approval.output["revision"],
        override_reason="{{ params.override_reason or '' }}",
        reason="Promoted by run {{ run_id }}",
    )
    # [END howto_operator_pin_dag_version]

    # [START howto_promotion_bake]
    bake = VersionSoakSensor(
        task_id="bake",
        target_dag_id=TARGET,
        version_number=approval.output["version_number"],
        expected_dag_hash=approval.output["dag_hash"],
        expected_bundle_version=approval.output["bundle_version"],
        run_kinds="live",
        min_runs="{{ params.bake_runs }}",
        min_duration="{{ params.bake_seconds }}",
        max_failures="{{ params.bake_max_failures }}",
        inconclusive_after="{{ params.bake_inconclusive_after }}",
        # A version with too few runs is not faulty, so it stays.
        on_inconclusive="skip",
        poke_interval="{{ params.poke_seconds }}",
        timeout=timedelta(days=30).total_seconds(),
        deferrable=True,
    )

    roll_back = RollbackDagVersionOperator(
        task_id="roll_back",
        target_dag_id=TARGET,
        # This also runs after failures before the pin; then there is nothing to roll back.
        expected_version=PINNED_NUMBER,
        hold=True,
        reason="The bake failed in run {{ run_id }}",
        trigger_rule="one_failed",
    )
    # [END howto_promotion_bake]

    # [START howto_operator_reject_dag_version]
    reject = RejectDagVersionOperator(
        task_id="reject",
        target_dag_id=TARGET,
        version_number=REJECTED_NUMBER,
        reason="Did not pass canary, soak or approval in run {{ run_id }}",
        trigger_rule="one_failed",
    )
    # [END howto_operator_reject_dag_version]

    # The leaf tasks decide the state of the run, and the cleanup tasks succeed. This task fails if the bake or anything
    # before it failed, so a failed promotion shows as failed.
    promoted = EmptyOperator(task_id="promoted", trigger_rule="none_failed_min_one_success")

    new_version >> canary >> soak >> compared >> before_approval >> approval >> window >> before_pin >> pin >> bake
    bake >> [roll_back, promoted]
    # A promotion succeeds with its pin, even if the bake is skipped.
    pin >> promoted
    [canary, soak, approval] >> reject
