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
What a task can ask of other runs, over the Execution API, passes over canary runs.

Stock answers with any run of the Dag. A canary run would be the "previous successful run" of the next live one, and an
incremental load that goes by ``prev_data_interval_end_success`` would skip what lay before it, silently. So these
routes pass over canary runs, in the statements that they send anyway. Counts and states include those that are
asked for by their run id or their very logical date, which no live run shares: whoever waits for a canary run gets
its state, and a canary run finds itself.

FastAPI keeps the function that it was given when the route was declared, so the route is given another as well.

Shown by ``tests/unit/enforcement/test_history.py``.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

from airflow_providers_pinning.enforcement.contract import wrap_route


def install_on_dag_runs(module: ModuleType) -> None:
    """Patch ``airflow.api_fastapi.execution_api.routes.dag_runs``."""

    def get_previous(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        # An older route calls it too.
        session = kwargs["session"] if "session" in kwargs else args[2]
        return _among_live(module.DagRunModel, wrapped, args, kwargs, session=session)

    def count(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        return _unless_named(module.DagRunModel, wrapped, args, kwargs)

    wrap_route(module, "get_previous_dagrun", get_previous)
    wrap_route(module, "get_dr_count", count)


def install_on_task_instances(module: ModuleType) -> None:
    """Patch ``airflow.api_fastapi.execution_api.routes.task_instances``."""

    def get_previous_successful(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        return _among_live(module.DR, wrapped, args, kwargs, session=kwargs["session"])

    def get_previous(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        return _among_live(module.TI, wrapped, args, kwargs, session=kwargs["session"])

    def find(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        return _unless_named(module.TI, wrapped, args, kwargs)

    wrap_route(module, "get_previous_successful_dagrun", get_previous_successful)
    wrap_route(module, "get_previous_task_instance", get_previous)
    wrap_route(module, "get_task_instance_count", find)
    wrap_route(module, "get_task_instance_states", find)


def _unless_named(model: Any, wrapped: Any, args: Any, kwargs: Any) -> Any:
    if kwargs.get("run_ids") or kwargs.get("logical_dates"):
        return wrapped(*args, **kwargs)
    return _among_live(model, wrapped, args, kwargs, session=kwargs["session"])


def _among_live(model: Any, wrapped: Any, args: Any, kwargs: Any, *, session: Any) -> Any:
    from airflow_providers_pinning.domain.canaries.routed_runs import only_live

    with only_live(model, session=session):
        return wrapped(*args, **kwargs)
