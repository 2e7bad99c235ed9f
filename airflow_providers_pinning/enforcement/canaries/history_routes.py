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
Queries of tasks about other runs, over the Execution API, ignore canary runs.

Airflow returns any run of the Dag. A canary run would be the "previous successful run" of the next live one, and an
incremental load that relies on ``prev_data_interval_end_success`` would silently skip data. So these routes ignore
canary runs, within the statements that they send anyway. Counts and states include canary runs that are requested by
their run ID or exact logical date, which no live run shares: a task can wait for a canary run, and a canary run finds
itself.

A canary run has the logical date of a live run, some microseconds later. What its tasks ask for by that date, as
``ExternalTaskSensor`` does, is of the runs that the tasks of the live run would get.

FastAPI keeps the function that it was given when the route was declared, so the route is given another as well.

Shown by ``tests/unit/enforcement/canaries/test_history.py``.
"""

from __future__ import annotations

from typing import Any

from airflow_providers_pinning.enforcement.call import Call


def get_previous_dagrun(call: Call) -> Any:
    """Return the previous live run; an older route calls it too."""
    return _among_live(_runs(), call, _replayed_at(call))


def get_dr_count(call: Call) -> Any:
    """Count live runs, and canary runs requested by name."""
    return _unless_named(_runs(), call)


def get_previous_successful_dagrun(call: Call) -> Any:
    """Return the previous successful live run."""
    from airflow_providers_pinning.domain.canaries.routed_runs import replayed_by_task

    return _among_live(_runs(), call, replayed_by_task(call.task_instance_id))


async def get_dr_count_later(call: Call) -> Any:
    """Count live runs, and those that are asked for by name, over an asynchronous session."""
    asked = await call.session.run_sync(lambda session: _asked(call, session=session))
    return await (call.proceed(**asked) if _names_runs(call) else _later_among_live(_runs(), call, asked=asked))


async def get_previous_successful_dagrun_later(call: Call) -> Any:
    """Return the previous successful live run, with an async session."""
    from airflow_providers_pinning.domain.canaries.routed_runs import replayed_by_task

    return await _later_among_live(_runs(), call, replayed_by_task(call.task_instance_id))


def get_previous_task_instance(call: Call) -> Any:
    """Return the task instance of the previous live run."""
    return _among_live(_task_instances(), call, _replayed_at(call))


def get_task_instance_count(call: Call) -> Any:
    """Count the task instances of live runs, and of canary runs requested by name."""
    return _unless_named(_task_instances(), call)


def get_task_instance_states(call: Call) -> Any:
    """Return the states of task instances of live runs, and of canary runs requested by name."""
    return _unless_named(_task_instances(), call)


def _runs() -> Any:
    from airflow.models.dagrun import DagRun

    return DagRun


def _task_instances() -> Any:
    from airflow.models.taskinstance import TaskInstance

    return TaskInstance


def _unless_named(model: Any, call: Call) -> Any:
    asked = _asked(call, session=call.session)
    return call.proceed(**asked) if _names_runs(call) else _among_live(model, call, asked=asked)


def _asked(call: Call, *, session: Any) -> dict[str, Any]:
    """Return the Dag that is asked for, and the dates that are meant if a canary run asks by some."""
    from airflow_providers_pinning.enforcement.canaries.asking import asking_for

    asking, dag_id = asking_for(call.dag_id)
    if asking is None or not call.logical_dates:
        return {"dag_id": dag_id}
    from airflow_providers_pinning.domain.canaries.asked_dates import meant_dates

    dates = meant_dates(asking.dag_id, asking.run_id, dag_id, call.logical_dates, session=session)
    return {"dag_id": dag_id, "logical_dates": dates}


def _names_runs(call: Call) -> bool:
    return bool(call.run_ids or call.logical_dates)


def _replayed_at(call: Call) -> Any:
    """Return the original of the requesting replay, identified by its logical date."""
    from airflow_providers_pinning.domain.canaries.routed_runs import replayed_at

    return replayed_at(call.dag_id, call.logical_date)


def _among_live(model: Any, call: Call, replayed: Any = None, asked: dict[str, Any] | None = None) -> Any:
    from airflow_providers_pinning.domain.canaries.routed_runs import only_live

    with only_live(model, session=call.session, replayed=replayed):
        return call.proceed(**asked or {})


async def _later_among_live(model: Any, call: Call, replayed: Any = None, asked: dict[str, Any] | None = None) -> Any:
    from airflow_providers_pinning.domain.canaries.routed_runs import only_live

    # The inner session sends the statements in the same asyncio task.
    with only_live(model, session=call.session.sync_session, replayed=replayed):
        return await call.proceed(**asked or {})
