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
A run keeps the version that it was created with.

Stock ``DBDagBag`` gives a run without a bundle version the latest version, in whatever process asks
next. While the Dag is pinned, "latest" is the pinned version, and a run that was created before the pin
would change its tasks half way. And stock ``TaskMap.expand_mapped_task`` gives task instances that are
added to a mapped task the latest version, which need not be their run's once the pin has moved.

Clearing "on the latest version" looks the version up for each task instance, for the run, and in ``DagModel``
for the bundle's version. So does adding only the new tasks, which begins with ``_get_new_task_ids``. The pin is held
from the first of these look-ups on: one that moves in between would mix two versions in a run.

Shown by ``tests/unit/enforcement/test_run_version.py``.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

from airflow_providers_pinning.enforcement.contract import check_signature, wrap


def install_on_dag_bag(module: ModuleType) -> None:
    """Patch ``airflow.models.dagbag``."""

    def version_from_dag_run(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        from airflow_providers_pinning.domain.resolution.run_versions import answered, read_latest

        run = args[0] if args else kwargs["dag_run"]
        if run.bundle_version or not run.created_dag_version_id:
            return wrapped(*args, **kwargs)
        # Instead of the look-up that stock is about to make, not beside it.
        latest = read_latest(run.dag_id, session=kwargs["session"])
        if latest.is_pinned:
            return run.created_dag_version_id
        with answered(latest):
            return wrapped(*args, **kwargs)

    def get_latest_version_of_dag(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        from airflow.models.serialized_dag import SerializedDagModel

        from airflow_providers_pinning.domain.resolution import holding

        if not holding.is_holding():
            return wrapped(*args, **kwargs)
        dag_id, session = args[0] if args else kwargs["dag_id"], kwargs["session"]
        query = SerializedDagModel.latest_item_select_object(dag_id)
        serialized = holding.scalar(query, dag_id, session=session)
        return serialized and instance._read_dag(serialized)

    check_signature(module, "DBDagBag._read_dag")
    wrap(module, "DBDagBag._version_from_dag_run", version_from_dag_run)
    wrap(module, "DBDagBag.get_latest_version_of_dag", get_latest_version_of_dag)


def install_on_task_instance(module: ModuleType) -> None:
    """Patch ``airflow.models.taskinstance``."""

    def hold_pins(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        from airflow_providers_pinning.domain.resolution.holding import holding_pins

        with holding_pins():
            return wrapped(*args, **kwargs)

    wrap(module, "clear_task_instances", hold_pins)
    wrap(module, "_get_new_task_ids", hold_pins)


def install_on_task_map(module: ModuleType) -> None:
    """Patch ``airflow.models.taskmap``."""

    def expand_mapped_task(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        from airflow_providers_pinning.domain.resolution.run_versions import begin_expansion, end_expansion

        task = args[0] if args else kwargs["task"]
        # Airflow calls this for every ready task, mapped or not, so a context manager would be felt.
        token = begin_expansion(task.dag_id, args[1] if len(args) > 1 else kwargs["run_id"])
        try:
            return wrapped(*args, **kwargs)
        finally:
            end_expansion(token)

    wrap(module, "TaskMap.expand_mapped_task", expand_mapped_task)
