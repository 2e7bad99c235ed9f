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

Stock takes any run of the Dag for the previous one. A canary run between two live runs would be what the later one
waits for (``depends_on_past``), reads an XCom of (``include_prior_dates``), or takes its deadline from (average
runtime). Each of these statements gets one more condition, a probe of a primary key, so that it passes over canary
runs. A canary run has the live past as its own, and does not see other canary runs either.

What live runs can ask over the Execution API is in ``enforcement.history_routes``. Look-ups by the type of a run need
nothing, such as those of the last scheduled run: a canary run is a manual one.

Shown by ``tests/unit/enforcement/test_history.py`` and ``tests/integration/test_history.py``.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

from airflow_providers_pinning.enforcement.contract import wrap


def install_on_dag_run(module: ModuleType) -> None:
    """Patch ``airflow.models.dagrun``."""
    wrap(module, "DagRun.get_previous_dagrun", _passing_over_canary_runs(lambda: module.DagRun))


def install_on_dependencies(module: ModuleType) -> None:
    """Patch ``airflow.ti_deps.deps.prev_dagrun_dep``, which also asks whether a task ever ran before."""
    wrap(module, "PrevDagrunDep._has_any_prior_tis", _passing_over_canary_runs(lambda: module.TI))


def install_on_deadlines(module: ModuleType) -> None:
    """Patch ``airflow.serialization.definitions.deadline``."""

    def dag_run() -> Any:
        from airflow.models.dagrun import DagRun

        return DagRun

    name = "SerializedReferenceModels.AverageRuntimeDeadline._evaluate_with"
    wrap(module, name, _passing_over_canary_runs(dag_run))


def install_on_xcom(module: ModuleType) -> None:
    """Patch ``airflow.models.xcom``."""

    def get_many(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        from sqlalchemy import or_

        from airflow_providers_pinning.domain.canaries.routed_runs import is_canary

        query = wrapped(*args, **kwargs)
        if not kwargs.get("include_prior_dates"):
            return query
        return query.where(or_(instance.run_id == kwargs["run_id"], ~is_canary(instance)))

    wrap(module, "XComModel.get_many", get_many)


def _passing_over_canary_runs(model: Any) -> Any:
    """Return a wrapper whose function, which takes a session by name, does not see what belongs to canary runs."""
    from airflow.utils.session import NEW_SESSION, provide_session

    @provide_session
    def ask(wrapped: Any, args: Any, kwargs: Any, *, session: Any = NEW_SESSION) -> Any:
        from airflow_providers_pinning.domain.canaries.routed_runs import only_live

        with only_live(model(), session=session):
            return wrapped(*args, session=session, **kwargs)

    def wrapper(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        given = {"session": kwargs.pop("session")} if "session" in kwargs else {}
        return ask(wrapped, args, kwargs, **given)

    return wrapper
