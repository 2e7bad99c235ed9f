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
A canary run is never the past of a live run.

For Airflow, any run of the Dag can be the previous one. After a canary run between two live runs, the later one would
wait for it (``depends_on_past``), read its XComs (``include_prior_dates``), or derive its deadline from it (average
runtime). Each of these statements gets one more condition, a primary key lookup, to ignore canary runs. A canary run
sees the live past, and no other canary runs. A replay sees the past of its original run. Queries over the Execution
API are handled in ``enforcement.canaries.history_routes``. Lookups by run type, such as the last scheduled run, need
no patch, because a canary run is a manual run.

Shown by ``tests/unit/enforcement/canaries/test_history.py`` and ``tests/integration/test_history.py``.
"""

from __future__ import annotations

from typing import Any

from airflow_providers_pinning.enforcement.call import Call


def get_previous_dagrun(call: Call) -> Any:
    """Find the previous live run."""
    from airflow.models.dagrun import DagRun

    from airflow_providers_pinning.domain.canaries.routed_runs import replayed_by_run

    run = call.dag_run
    return _among_live(DagRun, call, replayed_by_run(run.dag_id, run.run_id) if run else None)


def get_previous_scheduled_dagrun(call: Call) -> Any:
    """Find the previous scheduled run; for a replay, the one before its original."""
    from airflow.models.dagrun import DagRun

    from airflow_providers_pinning.domain.canaries.routed_runs import replayed_by_run

    session = call.session
    # Airflow reads it right away; now it is already in the session.
    run = session.get(DagRun, call.dag_run_id)
    if run is None or (replayed := replayed_by_run(run.dag_id, run.run_id)) is None:
        return call.proceed()
    return _among_live(DagRun, call, replayed)


def has_any_prior_tis(call: Call) -> Any:
    """Find out whether the task has run before in a live run."""
    from airflow_providers_pinning.domain.canaries.routed_runs import only_live_before, replayed_by_run

    ti = call.ti
    with only_live_before(ti.logical_date, session=call.session, replayed=replayed_by_run(ti.dag_id, ti.run_id)):
        return call.proceed()


def evaluate_with(call: Call) -> Any:
    """Compute a deadline from the average runtime of live runs."""
    from airflow.models.dagrun import DagRun

    return _among_live(DagRun, call)


def get_many(call: Call) -> Any:
    """Select the XComs of the run, and those of earlier live runs."""
    from sqlalchemy import or_

    from airflow_providers_pinning.domain.canaries.routed_runs import of_canary_runs, replayed_by_run

    query = call.proceed()
    if not call.include_prior_dates:
        return query
    xcom = query.column_descriptions[0]["entity"]
    if isinstance(call.run_id, str) and (replayed := replayed_by_run(xcom.dag_id, call.run_id)) is not None:
        query = query.where(xcom.run_id.is_distinct_from(replayed))
    return query.where(or_(xcom.run_id == call.run_id, ~of_canary_runs(xcom)))


def _among_live(model: Any, call: Call, replayed: Any = None) -> Any:
    """Call Airflow's function with statements that see no canary runs, nor the original of the requesting replay."""
    from airflow_providers_pinning.domain.canaries.routed_runs import only_live

    with only_live(model, session=call.session, replayed=replayed):
        return call.proceed()
