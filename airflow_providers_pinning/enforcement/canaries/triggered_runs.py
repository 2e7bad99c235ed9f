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
A task of a canary run cannot trigger Dag runs, unless the request allowed it.

Airflow's Execution API triggers any run that a task requests. It would be a live run of the other Dag's active
version, on the data of a candidate, and its effects could not be distinguished from those of other live runs. So the
request is refused, with a message that names the remedy. Airflow reads the requesting task anyway, so this costs no
statement.

Shown by ``tests/unit/enforcement/canaries/test_triggered_runs.py``.
"""

from __future__ import annotations

from typing import Any

from airflow_providers_pinning.domain.canaries.run_ids import may_be_canary
from airflow_providers_pinning.enforcement.call import Call
from airflow_providers_pinning.enforcement.canaries.asking import asking_run, isolation_of_asking, refusal
from airflow_providers_pinning.vocabulary import TaskRefusal, Triggers


def trigger_dag_run(call: Call) -> Any:
    """Trigger a run for a task of a live run; refuse it for a canary run."""
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
        f"Task {asking.task_id!r} of canary run {asking.run_id!r} may not trigger Dag {call.dag_id!r}: that would "
        f"create a live run. {_REMEDY}",
    )


def clear_dag_run(call: Call) -> None:
    """Clear a run for a task of a live run; refuse it for a canary run."""
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
