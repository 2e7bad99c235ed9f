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
"""Count the live runs of a Dag with a ramp in progress, with one statement."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from airflow.models.dag import DagModel
from airflow.models.dagrun import DagRun
from airflow.utils.state import DagRunState
from airflow.utils.types import DagRunTriggeredByType
from sqlalchemy import Integer, Select, Uuid, bindparam, case, func, select
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.canaries.routed_runs import live_types, of_canary_runs
from airflow_providers_pinning.domain.ramp_steps import Step, steps_of
from airflow_providers_pinning.models import Ramp


@dataclass(frozen=True)
class Counts:
    """The live runs of a Dag since the current step of its ramp began."""

    all_runs: int
    """Runs of either version, except those created on purpose."""
    had_it: int
    """Number of these that have the ramp's version."""
    finished: int
    """Finished runs of the ramp's version."""
    failed: int
    """Failed runs of the ramp's version since the ramp began."""
    unfinished: int


def present_step(ramp: Ramp) -> Step:
    """Return the current step of a ramp."""
    return steps_of(ramp.steps)[ramp.step]


def count_runs(ramp: Ramp, *, session: Session) -> Counts:
    """Count the runs that decide a ramp, with one statement."""
    types = live_types(session.get_one(DagModel, ramp.dag_id))
    row = session.execute(
        _counts(),
        {
            "dag_id": ramp.dag_id,
            "version_id": ramp.dag_version_id,
            "started_after": ramp.started_after,
            "step_after": ramp.step_after,
            "types": list(types),
        },
    ).one()
    return Counts(*(number or 0 for number in row))


@cache
def _counts() -> Select:
    is_ours = DagRun.created_dag_version_id == bindparam("version_id", type_=Uuid())
    in_step = DagRun.id > bindparam("step_after", type_=Integer())
    is_finished = DagRun.state.in_((DagRunState.SUCCESS, DagRunState.FAILED))

    def number(*conditions: Any) -> Any:
        condition = conditions[0]
        for other in conditions[1:]:
            condition = condition & other
        return func.sum(case((condition, 1), else_=0))

    return select(
        number(in_step),
        number(in_step, is_ours),
        number(in_step, is_ours, is_finished),
        number(is_ours, DagRun.state == DagRunState.FAILED),
        number(is_ours, ~is_finished),
    ).where(
        DagRun.dag_id == bindparam("dag_id"),
        DagRun.id > bindparam("started_after", type_=Integer()),
        DagRun.run_type.in_(bindparam("types", expanding=True)),
        DagRun.triggered_by.is_distinct_from(DagRunTriggeredByType.TEST),
        ~of_canary_runs(),
    )
