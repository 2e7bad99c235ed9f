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
No live run has a canary run as its past.

Airflow takes any run of the Dag for the previous one. A canary run between two live runs would be what the later one
waits for (``depends_on_past``), reads an XCom of (``include_prior_dates``), or takes its deadline from (average
runtime). Each of these statements gets one more condition, a probe of a primary key, so that it passes over canary
runs. A canary run has the live past as its own, and does not see other canary runs either. A replay has the past of the
run that it replays.

What live runs can ask over the Execution API is in ``enforcement.canaries.history_routes``. Look-ups by the type of a
run need nothing, such as those of the last scheduled run: a canary run is a manual one.

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
    # Airflow reads it in a moment; the session has it by then.
    run = session.get(DagRun, call.dag_run_id)
    if run is None or (replayed := replayed_by_run(run.dag_id, run.run_id)) is None:
        return call.proceed()
    return _among_live(DagRun, call, replayed)


def has_any_prior_tis(call: Call) -> Any:
    """Find out whether the task ever ran before in a live run."""
    from airflow.models.taskinstance import TaskInstance

    from airflow_providers_pinning.domain.canaries.routed_runs import replayed_by_run

    return _among_live(TaskInstance, call, replayed_by_run(call.ti.dag_id, call.ti.run_id))


def evaluate_with(call: Call) -> Any:
    """Compute a deadline from the average runtime of live runs."""
    from airflow.models.dagrun import DagRun

    return _among_live(DagRun, call)


def get_many(call: Call) -> Any:
    """Select the XComs of the run, and among those of earlier runs the ones of live runs."""
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
    """Proceed, in statements that see nothing of canary runs, nor of the run that the asking one replays."""
    from airflow_providers_pinning.domain.canaries.routed_runs import only_live

    with only_live(model, session=call.session, replayed=replayed):
        return call.proceed()
