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
"""Replays of live runs of Dag ``orders``."""

from __future__ import annotations

from datetime import datetime, timezone

from airflow.models.dagrun import DagRun
from airflow.models.xcom import XComModel
from sqlalchemy import select
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.canaries.pairs import Pair, list_pairs
from airflow_providers_pinning.domain.canaries.replays import Replay
from airflow_providers_pinning.domain.changes.canary import CanaryRequest, CanaryRuns, create_canary_runs
from airflow_providers_pinning.domain.versions.identity import find_version
from tests.support.canaries import Canaries

DAY = datetime(2026, 1, 5, tzinfo=timezone.utc)
TASKS = {"extract": "all_success", "load": "all_success"}


def replay(canaries: Canaries, number: int = 2, **wanted) -> CanaryRuns:
    """Let a version replay live runs."""
    request = CanaryRequest(number, replay=Replay(**wanted))
    created = create_canary_runs("orders", request, canaries.lab.change(), session=canaries.session)
    canaries.session.commit()
    return created


def push(session: Session, run_id: str, task_id: str, key: str, value, map_index: int = -1) -> None:
    """Let a task of a run have pushed an XCom."""
    run = session.scalars(select(DagRun).where(DagRun.run_id == run_id)).one()
    where = {"dag_id": run.dag_id, "task_id": task_id, "run_id": run_id, "map_index": map_index}
    XComModel.set(key, value, **where, serialize=False, session=session)
    session.commit()


def pairs(session: Session, number: int = 2) -> list[Pair]:
    """Return the replays of a version beside their originals."""
    version = find_version("orders", version_number=number, session=session)
    return list_pairs("orders", version, limit=10, offset=0, session=session)[0]


def differences(pair: Pair) -> list[tuple]:
    """Return what a replay differs in from its original."""
    return [
        (shown["what"], shown["task_id"], shown["key"], shown["original"], shown["replay"])
        for shown in pair.comparison["shown"]
    ]
