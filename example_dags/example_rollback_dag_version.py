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
Roll back one or more Dags. Trigger it and fill in the form; nothing else to know at three in the morning.

Each Dag is rolled back in its own task, so a Dag that cannot be rolled back does not block the others.
"""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import DAG, Param, task

from airflow_providers_pinning.operators.rollback import RollbackDagVersionOperator

with DAG(
    "example_rollback_dag_version",
    schedule=None,
    catchup=False,
    tags=["example", "pinning"],
    doc_md=__doc__,
    # [START howto_rollback_form]
    params={
        "dags": Param(
            ["orders"],
            type="array",
            items={"type": "string"},
            minItems=1,
            title="Dags to roll back",
            description="One Dag ID per line.",
        ),
        "to_version": Param(
            None,
            type=["integer", "null"],
            minimum=1,
            title="Version to return to",
            description="Default: the previously active version.",
        ),
        "unfinished": Param(
            "keep",
            enum=["keep", "cancel"],
            title="Queued and running runs of the bad version",
            description="cancel stops them and marks them as failed.",
        ),
        "finished": Param(
            "keep",
            enum=["keep", "rerun"],
            title="Finished runs of the bad version",
            description="rerun clears them, and they run with the restored version.",
        ),
        "only_failed": Param(False, type="boolean", title="Rerun only failed runs"),
        "skip_blocked": Param(False, type="boolean", title="Skip runs that cannot be repaired"),
        "reason": Param("", type="string", minLength=3, title="Reason", description="Shown in the history."),
    },
    # [END howto_rollback_form]
):

    @task
    def dags_to_roll_back(params: dict) -> list[str]:
        """Return the Dags of the form, without duplicates."""
        return sorted(set(params["dags"]))

    # [START howto_operator_rollback_dag_version]
    RollbackDagVersionOperator.partial(
        task_id="roll_back",
        to_version="{{ params.to_version }}",
        reason="{{ params.reason }} ({{ dag_run.triggering_user_name }})",
        reject_current=True,
        hold=True,  # block promotions of the bad version until someone lifts the hold
        repair={
            "unfinished": "{{ params.unfinished }}",
            "finished": "{{ params.finished }}",
            "only_failed": "{{ params.only_failed }}",
            "skip_blocked": "{{ params.skip_blocked }}",
        },
        retries=3,
        retry_delay=timedelta(seconds=10),
        map_index_template="{{ task.target_dag_id }}",
    ).expand(target_dag_id=dags_to_roll_back())
    # [END howto_operator_rollback_dag_version]
