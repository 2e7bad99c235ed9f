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
A run's own version decides whether it stops at the first failure.

Before stopping the remaining tasks of a run, Airflow checks ``fail_fast`` in ``DagModel``, which describes the active
version. For a canary run, or a run in progress while the pin moves, that is another version's setting. If versions of
the Dag are managed, the run's own version decides.

Shown by ``tests/unit/enforcement/runs/test_fail_fast.py``.
"""

from __future__ import annotations

import logging
from typing import Any

from airflow_providers_pinning.enforcement.call import Call

log = logging.getLogger(__name__)


def handle_fail_fast_for_dag(call: Call) -> None:
    """Stop the remaining tasks of a run if its own version says so."""
    from airflow.api_fastapi.execution_api.routes import task_instances

    from airflow_providers_pinning.domain.resolution.fail_fast import read_fail_fast

    ti, dag_bag, session = call.ti, call.dag_bag, call.session
    # Airflow's own query, extended by whether its answer applies.
    of_dag = read_fail_fast(call.dag_id, ti.dag_run.created_dag_version_id, session=session)
    if of_dag.holds_for_run:
        dag = dag_bag.get_dag_for_run(dag_run=ti.dag_run, session=session) if of_dag.fail_fast else None
    elif (dag := _dag_of_run(ti, dag_bag, session=session)) is None:
        call.proceed()
    if dag is not None and (of_dag.holds_for_run or dag.fail_fast):
        teardowns = {task_id: task.is_teardown for task_id, task in dag.task_dict.items()}
        routes: Any = task_instances
        routes._stop_remaining_tasks(task_instance=ti, task_teardown_map=teardowns, session=session)


def _dag_of_run(ti: Any, dag_bag: Any, *, session: Any) -> Any:
    """Read the Dag of the run's version, if possible."""
    from sqlalchemy.exc import SQLAlchemyError

    try:
        return dag_bag.get_dag_for_run(dag_run=ti.dag_run, session=session)
    except SQLAlchemyError:
        raise
    except Exception:
        # Airflow rarely reads it either. The end of the task must be recorded in any case.
        log.exception("The version of run %s of Dag %s cannot be deserialized", ti.run_id, ti.dag_id)
        return None
