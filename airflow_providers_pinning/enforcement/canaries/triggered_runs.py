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
A task of a canary run triggers no runs of other Dags, unless the request for it lets it.

Airflow's Execution API triggers what a task asks for. The run would be a live one, of whatever the other Dag's active
version is, on what a candidate gave it. Nor would its effects be told apart from those of live runs. So the task is
refused, with a message that says what to do. Airflow reads the task that asks anyway, so this costs no statement.

Shown by ``tests/unit/enforcement/canaries/test_triggered_runs.py``.
"""

from __future__ import annotations

from typing import Any

from airflow_providers_pinning.domain.canaries.run_ids import may_be_canary
from airflow_providers_pinning.enforcement.call import Call
from airflow_providers_pinning.enforcement.canaries.asking import asking_run, isolation_of_asking, refusal
from airflow_providers_pinning.vocabulary import TaskRefusal, Triggers


def trigger_dag_run(call: Call) -> Any:
    """Trigger what a task of a live run asks for; refuse it to one of a canary run."""
    from airflow.models.taskinstance import TaskInstance

    session = call.session
    asking = session.get(TaskInstance, call.token.id)
    if asking is None or not may_be_canary(asking.run_id):
        return call.proceed()
    from airflow_providers_pinning.domain.canaries import isolation

    if not isolation.refuses_to_trigger(asking.dag_id, asking.run_id, session=session):
        return call.proceed()
    raise refusal(
        TaskRefusal.TRIGGERS_NO_RUN,
        f"Task {asking.task_id!r} of canary run {asking.run_id!r} may not trigger Dag {call.dag_id!r}: "
        f"that would be a live run. {_REMEDY}",
    )


def clear_dag_run(call: Call) -> None:
    """Clear a run as a task of a live run asks for; refuse it to one of a canary run."""
    asking = asking_run()
    if asking is not None and isolation_of_asking(asking)["triggers"] == Triggers.REFUSE:
        raise refusal(
            TaskRefusal.TRIGGERS_NO_RUN,
            f"A task of canary run {asking.run_id!r} may not clear run {call.run_id!r} of Dag {call.dag_id!r}. "
            f"{_REMEDY}",
        )
    call.proceed()


_REMEDY = (
    "Skip the task in canary runs with airflow_providers_pinning.canary.skip_in_canary, or start the canary run with "
    "isolation {'triggers': 'allow'}."
)
