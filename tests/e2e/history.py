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
"""A past that really happened: everything goes through Airflow and the pin store, only the clock is another."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import time_machine
from airflow.models.asset import AssetEvent, AssetModel
from airflow.models.dag import DagModel
from airflow.models.dagrun import DagRun
from airflow.models.taskinstance import TaskInstance
from airflow.models.xcom import XComModel
from airflow.timetables.base import DataInterval
from airflow.utils.state import DagRunState, TaskInstanceState
from airflow.utils.types import DagRunTriggeredByType, DagRunType
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.canaries.outcomes import record_outcome
from airflow_providers_pinning.domain.canaries.replays import Replay
from airflow_providers_pinning.domain.canaries.withheld import EffectKind, withhold
from airflow_providers_pinning.domain.changes import canary
from airflow_providers_pinning.domain.dag_model.stored_dags import active_dag
from airflow_providers_pinning.domain.history.events import Caller, Change
from airflow_providers_pinning.models import ManagedVersion
from tests.support.lab import Lab


def promotion(task_id: str) -> dict[str, Any]:
    """Return where a promotion Dag says that its requests come from."""
    return {"dag_id": "promote_orders", "run_id": "asset__1", "task_id": task_id, "map_index": -1, "try_number": 1}


def sha(text: str) -> str:
    """Return what looks like the id of a commit."""
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


class History(Lab):
    """
    A deployment whose commits, changes and runs are dated.

    :param root: where the commits are written
    :param session: database session
    """

    def __init__(self, root: Path, session: Session) -> None:
        super().__init__(root, session)
        self.now = datetime.now(timezone.utc)
        self.actor = "maria"
        self.source: dict[str, Any] | None = None

    @contextmanager
    def ago(self, *, actor: str = "maria", source: dict[str, Any] | None = None, **ago: float) -> Iterator[datetime]:
        """Set the clock back for a while, and say who acts."""
        before = self.actor, self.source
        self.actor, self.source = actor, source
        with time_machine.travel(self.now - timedelta(**ago)):
            yield self.now - timedelta(**ago)
        self.actor, self.source = before

    def change(self, reason: str = "because", **conditions: Any) -> Change:
        """Return a change asked for by whoever acts now."""
        return Change(Caller(self.actor, source=self.source), reason, **conditions)

    def run(self, dag_id: str, state: str = "success", *, minutes: float = 12) -> str:
        """Create a scheduled run with the active version now, and let it end in a state."""
        now = datetime.now(timezone.utc)
        dag = active_dag(dag_id, session=self.session)
        assert dag is not None, dag_id
        run = dag.create_dagrun(
            run_id=f"scheduled__{now.isoformat()}",
            logical_date=now,
            data_interval=DataInterval(now - timedelta(hours=6), now),
            run_after=now,
            run_type=DagRunType.SCHEDULED,
            triggered_by=DagRunTriggeredByType.TIMETABLE,
            state=DagRunState.QUEUED,
            session=self.session,
        )
        dag_model = self.session.get_one(DagModel, dag_id)
        dag_model.calculate_dagrun_date_fields(dag, reference_run=run)
        self._finish(run, state, minutes)
        return run.run_id

    def canaries(self, dag_id: str, number: int, *states: str, minutes: float = 9, note: str | None = None) -> None:
        """Start canary runs now, and let them end in the states."""
        request = canary.CanaryRequest(version_number=number, count=len(states), note=note)
        created = canary.create_canary_runs(dag_id, request, self.change(f"Try version {number}"), session=self.session)
        self._commit()
        for index, (run_id, state) in enumerate(zip(created.run_ids, states, strict=True)):
            self._finish(self._run(dag_id, run_id), state, minutes + index)

    def replay(self, dag_id: str, number: int, original: str, state: str = "success", *, minutes: float = 9) -> str:
        """
        Replay a live run now, let it end in a state, and return the id of the replay.

        :param dag_id: the Dag
        :param number: number of the version that replays it
        :param original: id of the live run
        :param state: state of the replay
        :param minutes: about how long its tasks take
        """
        request = canary.CanaryRequest(version_number=number, replay=Replay((original,)))
        created = canary.create_canary_runs(dag_id, request, self.change(f"Try version {number}"), session=self.session)
        self._commit()
        self._finish(self._run(dag_id, created.run_ids[0]), state, minutes)
        return created.run_ids[0]

    def push(self, dag_id: str, run_id: str, task_id: str, value: Any, key: str = "return_value") -> None:
        """Give a task of a run an XCom."""
        XComModel.set(key, value, dag_id=dag_id, task_id=task_id, run_id=run_id, serialize=False, session=self.session)
        self._commit()

    def publish(self, dag_id: str, run_id: str, task_id: str, asset: str, **extra: Any) -> None:
        """Let a task of a run publish an asset event, which is withheld from a canary run."""
        model = self.session.scalar(select(AssetModel).where(AssetModel.name == asset))
        if model is None:
            model = AssetModel(name=asset, uri=asset, group="asset", extra={})
            self.session.add(model)
            self.session.flush()
        if run_id.startswith("canary__"):
            payload = {"asset": {"name": asset, "uri": asset}, "extra": extra, "partition_key": None, "aliases": []}
            names = {"dag_id": dag_id, "run_id": run_id, "task_id": task_id}
            withhold(EffectKind.ASSET_EVENT, [payload], **names, session=self.session)
        else:
            self.session.add(
                AssetEvent(
                    asset_id=model.id,
                    extra=extra,
                    source_dag_id=dag_id,
                    source_run_id=run_id,
                    source_task_id=task_id,
                    source_map_index=-1,
                    timestamp=self._run(dag_id, run_id).end_date,
                )
            )
        self._commit()

    def record(self, dag_id: str, run_id: str) -> None:
        """Record what came of a canary run, as the scheduler does when it finishes it."""
        record_outcome(self._run(dag_id, run_id), session=self.session)
        self._commit()

    def report_code(self, dag_id: str, number: int, state: str = "available", message: str | None = None) -> None:
        """Report, as the dag processor does, whether it could get a version's code."""
        self.session.execute(
            update(ManagedVersion)
            .where(ManagedVersion.dag_id == dag_id, ManagedVersion.version_number == number)
            .values(code_state=state, code_message=message, code_checked_at=datetime.now(timezone.utc))
        )
        self._commit()

    def _run(self, dag_id: str, run_id: str) -> DagRun:
        return self.session.scalars(select(DagRun).where(DagRun.dag_id == dag_id, DagRun.run_id == run_id)).one()

    def _finish(self, run: DagRun, state: str, minutes: float) -> None:
        minutes *= random.Random(run.run_id).uniform(0.8, 1.3)
        begin = datetime.now(timezone.utc) + timedelta(seconds=5)
        running = state == "running"
        end = None if running else begin + timedelta(minutes=minutes)
        run.state = DagRunState(state)
        run.start_date, run.end_date = begin, end
        tasks = self.session.scalars(
            select(TaskInstance).where(TaskInstance.dag_id == run.dag_id, TaskInstance.run_id == run.run_id)
        ).all()
        for task in tasks:
            task.state = TaskInstanceState(state)
            task.start_date, task.end_date, task.try_number = begin, end, 1
            task.duration = None if end is None else (end - begin).total_seconds() / len(tasks)
        self._commit()
