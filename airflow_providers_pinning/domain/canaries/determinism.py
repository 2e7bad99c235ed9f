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
Ignore outputs that are not deterministic when comparing versions.

The active version can replay a run too. Where that replay differs from its original, the output changes each time,
like a timestamp or a random number. When a candidate's replay of the same original is compared, these outputs are
ignored by name. This happens on reading, so it does not matter which replay finishes first.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from airflow.models.dagrun import DagRun
from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from airflow_providers_pinning.models import RoutedRun

Output = tuple[str, str, str | None]
"""Kind of a difference, task, and key of the XCom or name of the asset."""


def baselines(dag_id: str, run_ids: Collection[str], *, session: Session) -> dict[str, RoutedRun]:
    """
    Return the records of replays by the active version, by run id.

    A replay that was deleted before it finished is left out, because it will never have a result.
    """
    if not run_ids:
        return {}
    query = (
        select(RoutedRun)
        .outerjoin(DagRun, and_(DagRun.dag_id == RoutedRun.dag_id, DagRun.run_id == RoutedRun.run_id))
        .where(
            RoutedRun.dag_id == dag_id,
            RoutedRun.run_id.in_(run_ids),
            or_(RoutedRun.state.is_not(None), DagRun.id.is_not(None)),
        )
    )
    return {run.run_id: run for run in session.scalars(query)}


def without_chance(compared: Mapping[str, Any], baseline: RoutedRun | None) -> dict[str, Any]:
    """
    Return the differences of a replay, without the outputs in which the active version differs from itself.

    The result also has ``set_aside``, the names of these outputs. Until the other replay has finished, there are no
    differences, and ``problem`` says so.

    :param compared: what was found when the replay finished
    :param baseline: the replay of the same run by the active version, if there is one
    """
    if baseline is None or compared.get("differences") is None:
        return dict(compared)
    if baseline.state is None:
        problem = "The replay by the active version has not finished."
        return {**compared, "differences": None, "shown": [], "problem": problem}
    by_chance = set(_counted((baseline.outcome or {}).get("replay") or {}))
    counted = _counted(compared)
    set_aside = counted.keys() & by_chance
    return {
        **compared,
        "differences": sum(number for output, number in counted.items() if output not in by_chance),
        "shown": [shown for shown in compared["shown"] if _output(shown) not in by_chance],
        "set_aside": sorted(map(_name, set_aside)),
    }


def _counted(compared: Mapping[str, Any]) -> dict[Output, int]:
    return {(what, task_id, key): number for what, task_id, key, number in compared.get("counted") or ()}


def _output(shown: Mapping[str, Any]) -> Output:
    return (shown["what"], shown["task_id"], shown["key"])


def _name(output: Output) -> str:
    what, task_id, key = output
    return f"{what} {task_id}.{key}" if key else f"{what} {task_id}"
