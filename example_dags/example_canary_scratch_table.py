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
"""A Dag that is safe to canary: canary runs load a scratch table, message no customers and page nobody."""

from __future__ import annotations

from datetime import datetime, timezone

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG, task

from airflow_providers_pinning.canary import LiveRunsOnly, skip_in_canary


def page(context: dict) -> None:
    """Alert the person on call; in a deployment, use a notifier."""
    print(f"Run {context['run_id']} failed")


# [START howto_canary_aware_dag]
with DAG(
    "example_canary_scratch_table",
    schedule="@daily",
    start_date=datetime(2026, 1, 1, tzinfo=timezone.utc),
    catchup=False,
    tags=["example", "pinning"],
):
    TABLE = "{{ 'orders_canary' if macros.pinning.is_canary(dag_run) else 'orders' }}"

    load = BashOperator(
        task_id="load",
        bash_command=f"echo Loading into table {TABLE}",
        on_failure_callback=LiveRunsOnly(page),
    )

    @task
    @skip_in_canary
    def tell_customers() -> None:
        """Send messages that cannot be recalled."""

    load >> tell_customers()
# [END howto_canary_aware_dag]
