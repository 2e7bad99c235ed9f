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
A failing canary run does not pause the Dag.

Airflow pauses a Dag when its last ``max_consecutive_failed_dag_runs`` runs of any kind failed, with the limit from
the version of the last failed run. Canary runs that fail would pause the live Dag, and one that succeeds would hide
that the live runs fail. So canary runs neither pause a Dag nor count among its last runs.

Shown by ``tests/unit/enforcement/canaries/test_failure_limit.py``.
"""

from __future__ import annotations

from airflow_providers_pinning.enforcement.call import Call


def check_last_n_dagruns_failed(call: Call) -> None:
    """Count failed live runs like Airflow; after a failed canary run, count nothing."""
    from airflow.models.dagrun import DagRun

    from airflow_providers_pinning.domain.canaries.isolation import is_recorded_canary
    from airflow_providers_pinning.domain.canaries.routed_runs import only_live

    run, session = call.instance, call.session
    if is_recorded_canary(run.dag_id, run.run_id, session=session):
        return
    with only_live(DagRun, session=session):
        call.proceed()
