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
A canary run that is cleared keeps its version.

Airflow moves a run to the latest version if the user, the Dag (``rerun_with_latest_version``) or the configuration
says so. While the Dag is pinned, that is the pinned version: a canary run would become evidence for a candidate that
it no longer uses, and its failure would be lost. So canary runs always keep their version when they are cleared, even
together with live runs that do move, and they get no tasks that only the latest version has.

Clearing tasks by dates, or those of a live run with its past or future, skips canary runs: repairing the live past
must not restart trials. A canary run is included if its own date is given. Clearing runs by partition, or the
partitions of runs, skips them too, unless a canary run is named.

Shown by ``tests/unit/enforcement/canaries/test_clearing.py`` and
``tests/unit/enforcement/canaries/test_partitions.py``.
"""

from __future__ import annotations

from typing import Any

from airflow_providers_pinning.enforcement.call import Call


def dry_run_clear_dag_run(call: Call) -> Any:
    """List what will be cleared; for a canary run, without new tasks."""
    from airflow_providers_pinning.domain.canaries.isolation import is_recorded_canary

    if call.only_new and is_recorded_canary(call.dag_id, call.dag_run_id, session=call.session):
        return []
    return call.proceed()


def clear_task_instances(call: Call) -> Any:
    """Clear the tasks of canary runs with their own version, then the others as requested."""
    from airflow_providers_pinning.domain.canaries.isolation import is_recorded_canary

    if not call.run_on_latest_version:
        return call.proceed()
    tis, session = call.tis, call.session
    runs = {(ti.dag_id, ti.run_id) for ti in tis}
    canaries = {run for run in runs if is_recorded_canary(*run, session=session)}
    if not canaries:
        return call.proceed()
    of_canaries = [ti for ti in tis if (ti.dag_id, ti.run_id) in canaries]
    cleared = call.proceed(tis=of_canaries, run_on_latest_version=False)
    if others := [ti for ti in tis if (ti.dag_id, ti.run_id) not in canaries]:
        of_others = call.proceed(tis=others)
        cleared = None if cleared is None else [*cleared, *of_others]
    return cleared


def get_task_instances(call: Call) -> Any:
    """Find the tasks to clear; if selected by dates, only those of live runs."""
    if call.run_id:
        return call.proceed()
    from airflow.models.dagrun import DagRun
    from airflow.models.taskinstance import TaskInstance

    from airflow_providers_pinning.domain.canaries.routed_runs import only_live

    # No live run has the date of a canary run, which has a fraction of a second.
    own = [date for date in (call.start_date, call.end_date) if date is not None and date.microsecond]
    with only_live(TaskInstance, session=call.session, named=DagRun.logical_date.in_(own) if own else None):
        return call.proceed()


def get_new_task_ids(call: Call) -> list[str]:
    """Find no new tasks for a canary run, because adding them would change its version."""
    from airflow_providers_pinning.domain.canaries.isolation import is_recorded_canary

    if is_recorded_canary(call.dag_id, call.run_id, session=call.session):
        return []
    found: list[str] = call.proceed()
    return found


def clear_dag_runs(call: Call) -> Any:
    """Clear several runs: the named ones, or the live ones of partitions."""
    return call.proceed() if call.body.dag_runs else _of_live_runs(call)


def clear_partition_runs(call: Call) -> Any:
    """Take the partition from the named run, or from the live runs that have it."""
    return call.proceed() if call.run_id is not None else _of_live_runs(call)


def _of_live_runs(call: Call) -> Any:
    from airflow.models.dagrun import DagRun

    from airflow_providers_pinning.domain.canaries.routed_runs import only_live

    with only_live(DagRun, session=call.session):
        return call.proceed()
