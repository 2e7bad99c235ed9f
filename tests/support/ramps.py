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
"""Live runs of a Dag that a ramp is about, and how they end."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from airflow.api.common.trigger_dag import trigger_dag
from airflow.utils.types import DagRunTriggeredByType

from airflow_providers_pinning.domain.changes import pins, ramp
from airflow_providers_pinning.domain.ramp_steps import Plan, Step
from airflow_providers_pinning.vocabulary import RampAction

HALF = Step(Decimal("0.5"), runs=1)
ALL = Step(Decimal(1), runs=2)


def start_ramp(lab: Any, number: int, *steps: Step, max_failures: int = 0, **conditions: Any) -> Any:
    """Start a ramp of ``orders``, or of another Dag, and commit."""
    plan = Plan(steps or (HALF, ALL), max_failures, **{k: conditions.pop(k) for k in ("promotion",) if k in conditions})
    target = pins.Target(version_number=number)
    dag_id = conditions.pop("dag_id", "orders")
    state = ramp.start(dag_id, target, plan, lab.change(**conditions), session=lab.session)
    lab._commit()
    return state


def act_on_ramp(lab: Any, action: str, **conditions: Any) -> Any:
    """Pause, resume, abort or promote it and commit."""
    state = ramp.act("orders", RampAction(action), lab.change(**conditions), session=lab.session)
    lab._commit()
    return state


def make_run(lab: Any, state: str = "success", **more: Any) -> int:
    """Create a live run, let its tasks and it end, and return the number of its version."""
    run = trigger_dag("orders", triggered_by=DagRunTriggeredByType.REST_API, session=lab.session, **more)
    lab.session.commit()
    lab.session.expire_all()
    run = lab.session.merge(run)
    end_run(lab, run, state)
    [number] = lab.used_versions(run)
    return int(number)


def end_run(lab: Any, run: Any, state: str) -> None:
    """Let the tasks of a run end, and the run with them."""
    for ti in run.task_instances:
        ti.state = state
        ti.start_date = ti.end_date = run.run_after
        ti.duration = 1.0
    run.state = state
    lab._commit()
