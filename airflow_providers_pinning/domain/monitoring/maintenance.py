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
"""Regular repairs by the dag processor."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import timedelta
from itertools import groupby
from operator import itemgetter

from airflow.models.dagrun import DagRun
from airflow.utils.state import State
from sqlalchemy import and_, delete, literal, or_, select
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.canaries.alterations import note_gone
from airflow_providers_pinning.domain.clocks import database_clock
from airflow_providers_pinning.domain.dag_model.sync import sync_dag_model
from airflow_providers_pinning.domain.errors import PinningError
from airflow_providers_pinning.domain.monitoring.health_flags import is_out_of_sync, with_live_rows
from airflow_providers_pinning.domain.versions.identity import require_dag
from airflow_providers_pinning.models import ManagedVersion, Pin, Ramp, RoutedRun, TimedChange, WithheldEffect
from airflow_providers_pinning.vocabulary import TimedStatus

log = logging.getLogger(__name__)

REPAIRS_A_ROUND = 50

RUNS_A_ROUND = 500
"""Maximum number of routed runs to check in one round."""

CHANGES_A_ROUND = 500
"""Maximum number of timed changes, and of ramps, to delete in one round."""

ENDED_FOR = timedelta(days=90)
"""How long to keep a timed change after it took effect, failed or was canceled, and a ramp after it ended."""


@dataclass(frozen=True)
class Repairs:
    """The result of one round of repairs."""

    repaired: tuple[str, ...]
    """The repaired Dags."""
    last: str | None
    """The Dag after which the next round continues; ``None`` if it starts over."""


def repair_scheduling_metadata(after: str | None = None, *, session: Session) -> Repairs:
    """
    Restore the scheduling metadata of pinned versions if a process without the enforcement overwrote it.

    For example, ``airflow dags reserialize`` on a host without this package does that. A round handles some Dags, and
    the next one continues after them, so Dags that cannot be repaired do not starve the others.

    :param after: the Dag after which to continue
    :param session: database session; committed after each Dag, and rolled back for one that cannot be repaired
    """
    query = with_live_rows(select(Pin.dag_id)).where(is_out_of_sync()).order_by(Pin.dag_id).limit(REPAIRS_A_ROUND)
    if after is not None:
        query = query.where(Pin.dag_id > after)
    overwritten = session.scalars(query).all()
    session.commit()
    return Repairs(
        repaired=tuple(dag_id for dag_id in overwritten if _repair(dag_id, session=session)),
        last=overwritten[-1] if len(overwritten) == REPAIRS_A_ROUND else None,
    )


def _repair(dag_id: str, *, session: Session) -> bool:
    try:
        require_dag(dag_id, lock=True, session=session)
        # The pin may have been changed before the lock.
        overwritten = session.scalar(with_live_rows(select(Pin.dag_id)).where(Pin.dag_id == dag_id, is_out_of_sync()))
        repaired = overwritten is not None and sync_dag_model(dag_id, session=session)
        session.commit()
    except PinningError as error:
        session.rollback()
        log.error("The scheduling metadata of pinned Dag %s cannot be repaired: %s", dag_id, error)
        return False
    except Exception:
        session.rollback()
        log.exception("The scheduling metadata of pinned Dag %s could not be repaired; retrying", dag_id)
        return False
    if not repaired:
        return False
    log.warning(
        "Repaired the scheduling metadata of pinned Dag %s: a component without the enforcement had overwritten it.",
        dag_id,
    )
    return True


def forget_gone_runs(after: tuple[str, str] | None = None, *, session: Session) -> tuple[str, str] | None:
    """
    Delete the records of routed runs, such as canary runs, that were deleted from Airflow.

    Runs with an outcome are evidence as long as their version is managed.

    :param after: Dag and run after which to continue
    :param session: database session
    :return: the Dag and run after which the next round continues; ``None`` if it starts over
    """
    query = select(RoutedRun.dag_id, RoutedRun.run_id).order_by(RoutedRun.dag_id, RoutedRun.run_id).limit(RUNS_A_ROUND)
    if after is not None:
        dag_id, run_id = after
        query = query.where(or_(RoutedRun.dag_id > dag_id, and_(RoutedRun.dag_id == dag_id, RoutedRun.run_id > run_id)))
    runs = [(row.dag_id, row.run_id) for row in session.execute(query)]
    # By Dag, so that each lookup is for a few runs in an index that starts with the Dag.
    for dag_id, of_dag in groupby(runs, key=itemgetter(0)):
        run_ids = {run_id for _, run_id in of_dag}
        present = session.scalars(select(DagRun.run_id).where(DagRun.dag_id == dag_id, DagRun.run_id.in_(run_ids)))
        if gone := run_ids.difference(present):
            of_gone = (RoutedRun.dag_id == dag_id, RoutedRun.run_id.in_(gone))
            managed = select(ManagedVersion.dag_version_id).where(ManagedVersion.dag_id == dag_id)
            is_evidence = and_(RoutedRun.state.is_not(None), RoutedRun.dag_version_id.in_(managed))
            session.execute(
                delete(RoutedRun).where(*of_gone, ~is_evidence).execution_options(synchronize_session=False)
            )
            kept = select(RoutedRun.run_id).where(*of_gone)
            session.execute(
                delete(WithheldEffect)
                .where(
                    WithheldEffect.dag_id == dag_id, WithheldEffect.run_id.in_(gone), WithheldEffect.run_id.not_in(kept)
                )
                .execution_options(synchronize_session=False)
            )
            for routed in session.scalars(select(RoutedRun).where(*of_gone)):
                note_gone(routed)
    return runs[-1] if len(runs) == RUNS_A_ROUND else None


def forget_ended_changes(*, session: Session) -> None:
    """
    Delete timed changes that ended long ago and are no longer needed. Pending changes stay.

    Changes that led to the current choice of a Dag determine the version of an earlier run. Changes that ended since
    then explain why a run has another version. The history keeps a record of all of them.

    :param session: database session
    """
    needed = (
        select(literal(1))
        .where(
            Pin.dag_id == TimedChange.dag_id,
            or_(Pin.timeline_id <= TimedChange.id, Pin.changed_at <= TimedChange.ended_at),
        )
        .correlate(TimedChange)
        .exists()
    )
    ended = (
        select(TimedChange.id)
        .where(
            TimedChange.status != TimedStatus.PENDING.value,
            TimedChange.ended_at < database_clock(session=session) - ENDED_FOR,
            ~needed,
        )
        .limit(CHANGES_A_ROUND)
    )
    if forgotten := session.scalars(ended).all():
        session.execute(
            delete(TimedChange).where(TimedChange.id.in_(forgotten)).execution_options(synchronize_session=False)
        )


def forget_ended_ramps(*, session: Session) -> None:
    """
    Drop ramps that ended long ago and that nothing needs any more; one that is under way stays.

    Those that ended since the present version was pinned tell why a run has another version. The assets of an
    unfinished run stay active. The history keeps what was done.

    :param session: database session
    """
    tells_why = (
        select(literal(1))
        .where(Pin.dag_id == Ramp.dag_id, Pin.dag_version_id.is_not(None), Pin.last_run_before < Ramp.ended_after)
        .correlate(Ramp)
        .exists()
    )
    has_unfinished_run = (
        select(literal(1))
        .where(
            DagRun.dag_id == Ramp.dag_id,
            DagRun.created_dag_version_id == Ramp.dag_version_id,
            DagRun.state.in_(State.unfinished_dr_states),
        )
        .correlate(Ramp)
        .exists()
    )
    ended = (
        select(Ramp.id)
        .where(Ramp.ended_at < database_clock(session=session) - ENDED_FOR, ~tells_why, ~has_unfinished_run)
        .limit(CHANGES_A_ROUND)
    )
    if forgotten := session.scalars(ended).all():
        session.execute(delete(Ramp).where(Ramp.id.in_(forgotten)).execution_options(synchronize_session=False))
