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
Promote one version after another, without a manual trigger.

Each run triggers ``example_promote_dag_version`` and waits for it to finish; then the next run starts. So one promotion
is always waiting for the next version. A run fails if its promotion fails.
"""

from __future__ import annotations

from datetime import datetime, timezone

from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import DAG

# [START howto_promote_continuously]
TARGETS = {
    "orders": {"canary_runs": 3, "window_cron": "0 9 * * 1-4", "window_timezone": "Europe/Berlin"},
}

with DAG(
    "example_promote_continuously",
    schedule="@continuous",
    start_date=datetime(2026, 1, 1, tzinfo=timezone.utc),
    catchup=False,
    max_active_runs=1,
    # Pause the Dag after three failures in a row, such as a hold, a wrong password, or bad candidates.
    max_consecutive_failed_dag_runs=3,
    tags=["example", "pinning"],
    doc_md=__doc__,
):
    for target, choices in TARGETS.items():
        TriggerDagRunOperator(
            task_id=f"promote_{target}",
            trigger_dag_id="example_promote_dag_version",
            conf={"target_dag_id": target, **choices},
            wait_for_completion=True,
            deferrable=True,
            poke_interval=60,
            allowed_states=["success"],
            failed_states=["failed"],
        )
# [END howto_promote_continuously]
