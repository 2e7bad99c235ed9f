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
"""The live runs of a version that is rolled back, and what happens to them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from airflow.models.dagrun import DagRun
from airflow.utils.state import DagRunState, State
from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.canaries.routed_runs import of_canary_runs
from airflow_providers_pinning.domain.versions.identity import VersionIdentity
from airflow_providers_pinning.models import Pin
from airflow_providers_pinning.vocabulary import FinishedRuns, RunBlock, UnfinishedRuns


@dataclass(frozen=True)
class RunRepair:
    """What happens to the runs of the version that a rollback replaces."""

    unfinished: UnfinishedRuns = UnfinishedRuns.KEEP
    finished: FinishedRuns = FinishedRuns.KEEP
    since: datetime | None = None
    """Only runs that were due then or later; ``None`` takes those that were created or cleared since the pin."""
    only_failed: bool = False
    """Of the finished runs, rerun only those that failed."""
    run_ids: tuple[str, ...] | None = None
    """Only these runs; ``None`` takes all."""
    skip_blocked: bool = False
    """Skip runs that cannot be repaired instead of refusing the rollback."""

    @property
    def is_wanted(self) -> bool:
        """Whether there is anything to do."""
        return self.unfinished is not UnfinishedRuns.KEEP or self.finished is not FinishedRuns.KEEP

    @property
    def states(self) -> frozenset[DagRunState]:
        """States of the runs to stop or rerun."""
        finished = {DagRunState.FAILED} if self.only_failed else State.finished_dr_states
        return frozenset(
            (
                *(State.unfinished_dr_states if self.unfinished is UnfinishedRuns.CANCEL else ()),
                *(finished if self.finished is FinishedRuns.RERUN else ()),
            )
        )

    def as_request(self) -> dict[str, Any]:
        """Return plain values for comparing requests."""
        return {
            "unfinished": self.unfinished.value,
            "finished": self.finished.value,
            "since": self.since and self.since.isoformat(),
            "only_failed": self.only_failed,
            "run_ids": None if self.run_ids is None else sorted(self.run_ids),
            "skip_blocked": self.skip_blocked,
        }


@dataclass(frozen=True)
class BlockedRun:
    """A run that cannot be repaired."""

    run_id: str
    reason: str
    """A word of :class:`~airflow_providers_pinning.vocabulary.RunBlock`."""
    message: str


@dataclass(frozen=True)
class RepairReport:
    """What a repair did, or would do."""

    version_number: int
    """The version whose runs they are."""
    by_state: Mapping[str, int] = field(default_factory=dict)
    """How many live runs of the version there were, by state."""
    canceled: tuple[str, ...] = ()
    """Ids of unfinished runs that are stopped."""
    rerun: tuple[str, ...] = ()
    """Ids of finished runs that are cleared onto the version that is now active."""
    pending: int = 0
    """How many of these runs are still to be stopped or cleared; repeating the request continues with them."""
    blocked: tuple[BlockedRun, ...] = ()
    """Skipped runs, with reasons."""

    def evidence(self, repair: RunRepair) -> dict[str, Any]:
        """Return what the history stores: counts for everyone, and run IDs for users who may read runs."""
        counts = {name: len(getattr(self, name)) for name in ("canceled", "rerun", "blocked")}
        kept = {"canceled_run_ids": list(self.canceled), "rerun_run_ids": list(self.rerun)}
        asked = {"version_number": self.version_number, "by_state": dict(self.by_state), **repair.as_request()}
        del asked["run_ids"]
        return {
            "repair": {**asked, **counts},
            **{name: ids for name, ids in kept.items() if ids},
            **self.blocked_evidence(),
        }

    def blocked_evidence(self) -> dict[str, Any]:
        """Return what the history stores about skipped runs, for users who may read runs."""
        return {"blocked_run_ids": [asdict(run) for run in self.blocked]} if self.blocked else {}

    @staticmethod
    def blocked_of(evidence: Mapping[str, Any] | None) -> tuple[BlockedRun, ...]:
        """Return the skipped runs from the history."""
        return tuple(BlockedRun(**run) for run in (evidence or {}).get("blocked_run_ids", ()))

    @classmethod
    def from_evidence(cls, evidence: Mapping[str, Any] | None) -> RepairReport | None:
        """Return the report from the history, if there was a repair."""
        evidence = evidence or {}
        if not (kept := evidence.get("repair")):
            return None
        return cls(
            kept["version_number"],
            kept["by_state"],
            tuple(evidence.get("canceled_run_ids", ())),
            tuple(evidence.get("rerun_run_ids", ())),
            blocked=cls.blocked_of(evidence),
        )


def count_runs(
    dag_id: str, version: VersionIdentity, pin: Pin | None, since: datetime | None = None, *, session: Session
) -> dict[str, int]:
    """
    Count the live runs of a version by state.

    :param pin: the Dag's pin; if it chooses the version, only runs that were created or cleared since then count
    :param since: only runs that were due then or later, whenever the version was pinned
    """
    return {
        str(state): count
        for state, count in session.execute(
            select(DagRun.state, func.count())
            .where(*affected(dag_id, version, pin, since))
            .group_by(DagRun.state)
            .order_by(DagRun.state)
        )
    }


def affected(
    dag_id: str, version: VersionIdentity, pin: Pin | None, since: datetime | None
) -> list[ColumnElement[bool]]:
    """Return which runs are live runs of a version within the period of a repair."""
    conditions = [DagRun.dag_id == dag_id, DagRun.created_dag_version_id == version.dag_version_id, ~of_canary_runs()]
    if since is not None:
        conditions.append(DagRun.run_after >= since)
    elif pin is not None and pin.dag_version_id == version.dag_version_id:
        # A run that is older than the pin ran on the pinned version if it was cleared since. Airflow then notes when.
        cleared_since = and_(DagRun.clear_number > 0, DagRun.queued_at >= pin.changed_at)
        conditions.append(or_(DagRun.id > (pin.last_run_before or 0), cleared_since))
    return conditions


def block(run_id: str, reason: RunBlock, said: str) -> BlockedRun:
    """Explain why a run is skipped, as the end of a sentence that starts with its ID."""
    return BlockedRun(run_id, reason.value, f"Run {run_id!r} {said}.")
