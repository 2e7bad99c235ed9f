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
"""Hold a Dag at one version while something depends on it, and let it go afterwards, whatever happens."""

from __future__ import annotations

from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import DAG, Param

from airflow_providers_pinning.operators.pin import PinDagVersionOperator, UnpinDagVersionOperator

with DAG(
    "example_pin_setup_teardown",
    schedule=None,
    catchup=False,
    max_active_runs=1,
    tags=["example", "pinning"],
    doc_md=__doc__,
    params={
        "target_dag_id": Param("orders", type="string", title="Dag to pin"),
        "version_number": Param(1, type="integer", minimum=1, title="Version to pin it to"),
    },
):
    # [START howto_operator_unpin_dag_version]
    pin = PinDagVersionOperator(
        task_id="pin",
        target_dag_id="{{ params.target_dag_id }}",
        version_number="{{ params.version_number }}",
        reason="Held for the month-end close",
    )
    close_the_month = TriggerDagRunOperator(
        task_id="close_the_month",
        trigger_dag_id="{{ params.target_dag_id }}",
        wait_for_completion=True,
        poke_interval=10,
    )
    unpin = UnpinDagVersionOperator(
        task_id="unpin", target_dag_id="{{ params.target_dag_id }}", reason="The month is closed", missing_ok=True
    )
    pin.as_setup() >> close_the_month >> unpin.as_teardown(setups=pin)
    # [END howto_operator_unpin_dag_version]
