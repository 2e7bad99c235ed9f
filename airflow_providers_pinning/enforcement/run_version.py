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
Seams C4 and M: a run keeps the version that it was created with.

C4: stock ``DBDagBag`` gives a run without a bundle version the latest version, in whatever process asks
next. While the Dag is pinned, "latest" is the pinned version, and a run that was created before the pin
would change its tasks half way. M: stock ``TaskMap.expand_mapped_task`` gives task instances that are
added to a mapped task the latest version, which need not be their run's once the pin has moved.

Clearing "on the latest version" looks the version up for each task instance, for the run, and in ``DagModel``
for the bundle's version. The pin is held from the first step of clearing, ``prepare_db_for_next_try``, on, and from
the first step of adding only the new tasks, ``_get_new_task_ids``: one that moves in between would mix two versions in
a run.

Shown by ``tests/unit/enforcement/test_run_version.py``.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

from airflow_providers_pinning.enforcement.contract import wrap


def install_on_dag_bag(module: ModuleType) -> None:
    """Patch ``airflow.models.dagbag``."""

    def version_from_dag_run(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        from airflow_providers_pinning.domain.active import is_pinned

        run = args[0] if args else kwargs["dag_run"]
        unversioned = run.created_dag_version_id and not run.bundle_version
        if unversioned and is_pinned(run.dag_id, session=kwargs["session"]):
            return run.created_dag_version_id
        return wrapped(*args, **kwargs)

    wrap(module, "DBDagBag._version_from_dag_run", version_from_dag_run)


def install_on_task_instance(module: ModuleType) -> None:
    """Patch ``airflow.models.taskinstance``."""

    def prepare_db_for_next_try(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> None:
        from airflow_providers_pinning.domain.active import hold_recorded_pin

        hold_recorded_pin(instance.dag_id, session=kwargs["session"] if "session" in kwargs else args[0])
        wrapped(*args, **kwargs)

    def get_new_task_ids(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> list[str]:
        from airflow_providers_pinning.domain.active import hold_recorded_pin

        dag_id = args[0] if args else kwargs["dag_id"]
        hold_recorded_pin(dag_id, session=kwargs["session"] if "session" in kwargs else args[2])
        return wrapped(*args, **kwargs)

    wrap(module, "TaskInstance.prepare_db_for_next_try", prepare_db_for_next_try)
    wrap(module, "_get_new_task_ids", get_new_task_ids)


def install_on_task_map(module: ModuleType) -> None:
    """Patch ``airflow.models.taskmap``."""

    def expand_mapped_task(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        from airflow_providers_pinning.domain.active import Resolution, resolved
        from airflow_providers_pinning.domain.identity import managed_run_version

        task = args[0] if args else kwargs["task"]
        run_id = args[1] if len(args) > 1 else kwargs["run_id"]
        created_with = managed_run_version(task.dag_id, run_id, session=kwargs["session"])
        if created_with is None:
            return wrapped(*args, **kwargs)
        with resolved(Resolution(task.dag_id, created_with)):
            return wrapped(*args, **kwargs)

    wrap(module, "TaskMap.expand_mapped_task", expand_mapped_task)
