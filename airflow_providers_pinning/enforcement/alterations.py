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
What people do to canary runs is written down, with who did it.

Stock lets the state of a run or of its tasks be set, and both be cleared or deleted. A verdict on a version must not
change by that: a hanging canary run that is set to success was not one, and a failed one that is cleared or
deleted did fail. So each of these is noted beside the recorded outcome. Stock's functions do not know
who asks; the API server's authentication does, so it leaves the name for them.

Other runs are told by their run ids, so they cost nothing.

Shown by ``tests/unit/enforcement/test_alterations.py``.
"""

from __future__ import annotations

from collections import defaultdict
from contextvars import ContextVar
from types import ModuleType
from typing import Any

from airflow_providers_pinning.domain.canaries.run_ids import may_be_canary
from airflow_providers_pinning.enforcement.contract import wrap

_failed_before: ContextVar[dict[str, set[str]] | None] = ContextVar("pinning_failed_before", default=None)
"""What failed in canary runs before tasks are set, while they are."""

DELETED_RUNS = "pinning_deleted_runs"
"""Key in a session's ``info`` of the runs that its transaction deletes."""


def install_on_mark_tasks(module: ModuleType) -> None:
    """Patch ``airflow.api.common.mark_tasks``."""
    from airflow.utils.session import NEW_SESSION, provide_session

    @provide_session
    def set_tasks(wrapped: Any, *, run_id: str, state: Any, session: Any = NEW_SESSION, **kwargs: Any) -> Any:
        from airflow_providers_pinning.domain.canaries.alterations import note_state

        failed: dict[str, set[str]] = {}
        token = _failed_before.set(failed)
        try:
            altered = wrapped(run_id=run_id, state=state, session=session, **kwargs)
        finally:
            _failed_before.reset(token)
        for key, task_ids in _by_canary(altered).items():
            note_state(*key, str(state), tasks=task_ids, failed=failed.get(key[1], ()), session=session)
        return altered

    def set_state(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        if not kwargs.get("commit") or not _may_reach_canaries(kwargs) or _is_decided_here():
            return wrapped(*args, **kwargs)
        return set_tasks(wrapped, **{"state": "success", **kwargs})

    def set_dag_run_terminal_state(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        from airflow_providers_pinning.domain.canaries.alterations import decided_here, failed_tasks, note_state

        dag, run_id, session = kwargs["dag"], kwargs["run_id"], kwargs["session"]
        if not kwargs["commit"] or not dag or not may_be_canary(run_id) or _is_decided_here():
            return wrapped(*args, **kwargs)
        failed = failed_tasks(dag.dag_id, run_id, session=session)
        with decided_here():
            updated, killed = wrapped(*args, **kwargs)
        task_ids = {ti.task_id for ti in updated}
        state = str(kwargs["run_state"])
        note_state(dag.dag_id, run_id, state, tasks=task_ids, failed=failed, of_run=True, session=session)
        return updated, killed

    def set_dag_run_state(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> None:
        from airflow_providers_pinning.domain.canaries.alterations import failed_tasks, note_state

        dag_id, run_id, state, session = args
        if not may_be_canary(run_id) or _is_decided_here():
            wrapped(*args, **kwargs)
            return
        failed = failed_tasks(dag_id, run_id, session=session)
        wrapped(*args, **kwargs)
        note_state(dag_id, run_id, str(state), tasks=(), failed=failed, of_run=True, session=session)

    wrap(module, "set_state", set_state)
    wrap(module, "get_run_ids", _get_run_ids)
    wrap(module, "_set_dag_run_terminal_state", set_dag_run_terminal_state)
    wrap(module, "_set_dag_run_state", set_dag_run_state)


def install_on_task_instance(module: ModuleType) -> None:
    """Patch ``airflow.models.taskinstance``, and listen to deletions of its task instances."""
    from sqlalchemy import event

    def clear_task_instances(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> None:
        tis = args[0] if args else kwargs["tis"]
        canaries = _by_canary(tis)
        if not canaries:
            wrapped(*args, **kwargs)
            return
        from airflow_providers_pinning.domain.canaries.alterations import failed_tasks, note_clearing

        session = kwargs["session"] if "session" in kwargs else args[1]
        failed = {key: failed_tasks(*key, session=session) for key in canaries}
        wrapped(*args, **kwargs)
        for key, task_ids in canaries.items():
            note_clearing(*key, tasks=task_ids, failed=failed[key], session=session)

    wrap(module, "clear_task_instances", clear_task_instances)

    @event.listens_for(module.TaskInstance, "after_delete")
    def note_deletion(mapper: Any, connection: Any, ti: Any) -> None:
        if may_be_canary(ti.run_id) and not _is_deleted_with_run(ti):
            from airflow_providers_pinning.domain.canaries.alterations import note_task_deletion

            note_task_deletion(ti, connection)


def install_on_dag_run(module: ModuleType) -> None:
    """Listen to deletions of ``airflow.models.dagrun.DagRun``."""
    from sqlalchemy import event

    @event.listens_for(module.DagRun, "after_delete")
    def note_deletion(mapper: Any, connection: Any, run: Any) -> None:
        if may_be_canary(run.run_id):
            from airflow_providers_pinning.domain.canaries.alterations import note_deletion

            note_deletion(run, connection)


def install_on_security(module: ModuleType) -> None:
    """Patch ``airflow.api_fastapi.core_api.security``."""

    async def resolve_user_from_token(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        from airflow_providers_pinning.domain.canaries.alterations import actor

        user = await wrapped(*args, **kwargs)
        actor.set(user.get_name())
        return user

    wrap(module, "resolve_user_from_token", resolve_user_from_token)


def _get_run_ids(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
    """Read what failed in canary runs whose tasks stock is about to set, if it is about any."""
    run_ids = list(wrapped(*args, **kwargs))
    failed = _failed_before.get()
    # Those of earlier or later runs may be set along with the run's.
    if failed is not None and any(map(may_be_canary, run_ids)):
        from airflow_providers_pinning.domain.canaries.alterations import failed_tasks_of_canaries

        dag = kwargs["dag"] if "dag" in kwargs else args[0]
        failed.update(failed_tasks_of_canaries(dag.dag_id, session=kwargs["session"]))
    return run_ids


def _may_reach_canaries(asked: dict[str, Any]) -> bool:
    return may_be_canary(asked.get("run_id")) or bool(asked.get("past") or asked.get("future"))


def _is_decided_here() -> bool:
    from airflow_providers_pinning.domain.canaries.alterations import is_decided_here

    return is_decided_here()


def _is_deleted_with_run(ti: Any) -> bool:
    from airflow.models.dagrun import DagRun
    from sqlalchemy.orm import object_session

    if (session := object_session(ti)) is None:
        return False
    transaction, runs = session.info.get(DELETED_RUNS, (None, set()))
    if transaction is not session.get_transaction():
        runs = set()
        session.info[DELETED_RUNS] = (session.get_transaction(), runs)
    if (ti.dag_id, ti.run_id) not in runs:
        # Kept, since the session lists all that it deletes each time, and a run may have very many tasks.
        runs.update((one.dag_id, one.run_id) for one in session.deleted if isinstance(one, DagRun))
    return (ti.dag_id, ti.run_id) in runs


def _by_canary(tis: Any) -> dict[tuple[str, str], set[str]]:
    """Return the tasks of those task instances that belong to canary runs, by Dag and run."""
    found: dict[tuple[str, str], set[str]] = defaultdict(set)
    for ti in tis:
        if may_be_canary(ti.run_id):
            found[ti.dag_id, ti.run_id].add(ti.task_id)
    return found
