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
Record what people do to canary runs, and who did it.

In Airflow, users can set the state of a run or its tasks, and clear or delete both. That must not change the verdict
on a version: a hanging canary run that is set to success did not succeed, and a failed one that is cleared or deleted
did fail. So each action is recorded with the outcome. Airflow's functions do not know the user; the API server's
authentication does, and stores the name for them. Other runs are recognized by their run IDs, so they cost nothing.

Shown by ``tests/unit/enforcement/canaries/test_alterations.py``.
"""

from __future__ import annotations

from collections import defaultdict
from contextvars import ContextVar
from types import ModuleType
from typing import Any

from airflow_providers_pinning.domain.canaries.run_ids import may_be_canary
from airflow_providers_pinning.enforcement.call import Call

_failed_before: ContextVar[dict[str, set[str]] | None] = ContextVar("pinning_failed_before", default=None)
"""Failures in canary runs before their tasks are set, while that happens."""

DELETED_RUNS = "pinning_deleted_runs"
"""Key in a session's ``info`` for the runs that its transaction deletes."""


def set_state(call: Call) -> Any:
    """Set the state of tasks, and record it for canary runs."""
    if not call.commit or not _may_reach_canaries(call) or _is_decided_here():
        return call.proceed()
    from airflow_providers_pinning.domain.canaries.alterations import note_state

    session = call.session
    failed: dict[str, set[str]] = {}
    token = _failed_before.set(failed)
    try:
        altered = call.proceed()
    finally:
        _failed_before.reset(token)
    for key, task_ids in _by_canary(altered).items():
        note_state(*key, str(call.state), tasks=task_ids, failed=failed.get(key[1], ()), session=session)
    return altered


def get_run_ids(call: Call) -> Any:
    """Find the runs whose tasks will be set, and read the failures of canary runs among them."""
    if (failed := _failed_before.get()) is None:
        return call.proceed()
    session = call.session
    run_ids = list(call.proceed())
    # Tasks of earlier or later runs may be set along with those of the run.
    if any(map(may_be_canary, run_ids)):
        from airflow_providers_pinning.domain.canaries.alterations import failed_tasks_of_canaries

        failed.update(failed_tasks_of_canaries(call.dag.dag_id, session=session))
    return run_ids


def set_dag_run_terminal_state(call: Call) -> Any:
    """Set the final state of a run, and record it for a canary run."""
    from airflow_providers_pinning.domain.canaries.alterations import decided_here, failed_tasks, note_state

    dag, run_id = call.dag, call.run_id
    if not call.commit or not dag or not may_be_canary(run_id) or _is_decided_here():
        return call.proceed()
    session = call.session
    failed = failed_tasks(dag.dag_id, run_id, session=session)
    with decided_here():
        updated, killed = call.proceed()
    task_ids = {ti.task_id for ti in updated}
    state = str(call.run_state)
    note_state(dag.dag_id, run_id, state, tasks=task_ids, failed=failed, of_run=True, session=session)
    return updated, killed


def set_dag_run_state(call: Call) -> None:
    """Set the state of a run, and record it for a canary run."""
    if not may_be_canary(call.run_id) or _is_decided_here():
        call.proceed()
        return
    from airflow_providers_pinning.domain.canaries.alterations import failed_tasks, note_state

    dag_id, run_id, session = call.dag_id, call.run_id, call.session
    failed = failed_tasks(dag_id, run_id, session=session)
    call.proceed()
    note_state(dag_id, run_id, str(call.state), tasks=(), failed=failed, of_run=True, session=session)


def clear_task_instances(call: Call) -> Any:
    """Clear tasks, and record it for canary runs."""
    canaries = _by_canary(call.tis)
    if not canaries:
        return call.proceed()
    from airflow_providers_pinning.domain.canaries.alterations import failed_tasks, note_clearing

    session = call.session
    failed = {key: failed_tasks(*key, session=session) for key in canaries}
    cleared = call.proceed()
    for key, task_ids in canaries.items():
        note_clearing(*key, tasks=task_ids, failed=failed[key], session=session)
    return cleared


def listen_to_task_instances(module: ModuleType) -> None:
    """Record the deletion of a task instance of a canary run."""
    from sqlalchemy import event

    @event.listens_for(module.TaskInstance, "after_delete")
    def note_deletion(mapper: Any, connection: Any, ti: Any) -> None:
        if may_be_canary(ti.run_id) and not _is_deleted_with_run(ti):
            from airflow_providers_pinning.domain.canaries.alterations import note_task_deletion

            note_task_deletion(ti.dag_id, ti.run_id, ti.task_id, ti.state == "failed", connection)


def delete_attempts(call: Call) -> None:
    """Record the deletion of a task of a canary run."""
    if may_be_canary(call.run_id):
        from airflow_providers_pinning.domain.canaries.alterations import note_deletion_of_attempts

        note_deletion_of_attempts(
            call.dag_id, call.run_id, call.task_id, call.map_index, call.region_id, session=call.session
        )
    call.proceed()


def listen_to_runs(module: ModuleType) -> None:
    """Record the deletion of a canary run."""
    from sqlalchemy import event

    @event.listens_for(module.DagRun, "after_delete")
    def note_deletion(mapper: Any, connection: Any, run: Any) -> None:
        if may_be_canary(run.run_id):
            from airflow_providers_pinning.domain.canaries.alterations import note_deletion

            note_deletion(run, connection)


async def resolve_user_from_token(call: Call) -> Any:
    """Authenticate the user, and keep the name for the records."""
    from airflow_providers_pinning.domain.canaries.alterations import actor

    user = await call.proceed()
    actor.set(user.get_name())
    return user


def _may_reach_canaries(call: Call) -> bool:
    return may_be_canary(call.run_id) or bool(call.past or call.future)


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
        # Cached, because the session lists everything that it deletes each time, and a run may have very many tasks.
        runs.update((one.dag_id, one.run_id) for one in session.deleted if isinstance(one, DagRun))
    return (ti.dag_id, ti.run_id) in runs


def _by_canary(tis: Any) -> dict[tuple[str, str], set[str]]:
    """Return the tasks that belong to canary runs, by Dag and run."""
    found: dict[tuple[str, str], set[str]] = defaultdict(set)
    for ti in tis:
        if may_be_canary(ti.run_id):
            found[ti.dag_id, ti.run_id].add(ti.task_id)
    return found
