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
Canary runs push no rendered templates of live runs out.

Airflow keeps what the templates of a task were rendered to for the newest runs of its Dag (``[core]
num_dag_runs_to_retain_rendered_fields``), and deletes the others when a task starts. A row of canary runs would leave
nothing of live ones. So those of as many live runs stay as if there were no canary run.

Shown by ``tests/unit/enforcement/canaries/test_rendered_fields.py``.
"""

from __future__ import annotations

from airflow_providers_pinning.enforcement.call import Call


def delete_old_records(call: Call) -> None:
    """Delete the rendered templates of older runs, but not those of the newest live ones."""
    number = call.num_to_keep
    if number <= 0:
        return
    from airflow.models.dagrun import DagRun
    from airflow.models.renderedtifields import RenderedTaskInstanceFields
    from sqlalchemy import or_, select

    from airflow_providers_pinning.domain.canaries.routed_runs import of_canary_runs

    session, of_dag = call.session, DagRun.dag_id == call.dag_id
    newest = select(DagRun.run_id).where(of_dag).order_by(DagRun.run_after.desc()).limit(number)
    kept = or_(DagRun.run_id.in_(newest), DagRun.run_id.in_(newest.where(~of_canary_runs())))
    # Airflow's own statement, which is another one in 3.4.
    RenderedTaskInstanceFields._do_delete_old_records(
        dag_id=call.dag_id,
        task_id=call.task_id,
        run_ids_to_keep=select(DagRun.run_id).where(of_dag, kept).scalar_subquery(),
        session=session,
    )
    session.flush()
