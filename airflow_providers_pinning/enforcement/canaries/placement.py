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
Place tasks of a canary run behind those of live runs, and in the requested pool, queue or executor.

Airflow copies these from the Dag when it creates a task instance, including mapped and cleared ones. They matter once
the task is scheduled, so they are set there: for every task instance, however it was created, and for every try.

Shown by ``tests/unit/enforcement/canaries/test_placement.py``.
"""

from __future__ import annotations

from typing import Any

from airflow_providers_pinning.domain.canaries.run_ids import may_be_canary
from airflow_providers_pinning.enforcement.call import Call

LAST = -1_000_000
"""Priority of tasks that go to an executor when no task of a live run is waiting for the same slots."""


def schedule_tis(call: Call) -> Any:
    """Schedule the tasks of a run; those of a canary run in the requested place."""
    run = call.instance
    if not may_be_canary(run.run_id):
        return call.proceed()
    from airflow_providers_pinning.domain.canaries.isolation import takes_slot_and_places

    session = call.session
    takes_slot, places = takes_slot_and_places(run.dag_id, run.run_id, session=session)
    if takes_slot and not places:
        return call.proceed()
    task_instances = list(call.schedulable_tis)
    for ti in task_instances:
        for place, value in places.items():
            setattr(ti, place, value)
        if not takes_slot:
            # Airflow sorts by the oldest logical date first, which a replay has.
            ti.priority_weight = LAST
    session.flush()
    return call.proceed(schedulable_tis=task_instances)
