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
Map the logical date of a canary run to that of the live run it stands for.

No two runs of a Dag can share a logical date, so a canary run gets the date of the corresponding live run plus a few
microseconds. A task that waits for another Dag at its own logical date, such as ``ExternalTaskSensor``, would ask for
a run that does not exist.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from airflow.models.dagrun import DagRun
from sqlalchemy import and_, select
from sqlalchemy.orm import Session, aliased

from airflow_providers_pinning.models import RoutedRun


def meant_dates(
    dag_id: str, run_id: str, asked_of: str, dates: Sequence[datetime], *, session: Session
) -> list[datetime]:
    """
    Return the logical dates that a canary run means when it looks up runs by logical date.

    The run's own date, and dates at which a run exists, are kept. Any other date is mapped to that of a live run.

    :param dag_id: Dag of the canary run
    :param run_id: the canary run
    :param asked_of: the Dag whose runs are asked for
    :param dates: the logical dates that it asks for
    :param session: database session
    """
    later = _later_than_live(dag_id, run_id, session=session)
    if not later:
        return list(dates)
    taken = set(
        session.scalars(select(DagRun.logical_date).where(DagRun.dag_id == asked_of, DagRun.logical_date.in_(dates)))
    )
    return [date if date in taken else date - later for date in dates]


def _later_than_live(dag_id: str, run_id: str, *, session: Session) -> timedelta:
    """Return how much later the logical date of a canary run is than that of the corresponding live run."""
    original = aliased(DagRun)
    row = session.execute(
        select(DagRun.logical_date, DagRun.data_interval_start, original.logical_date.label("replayed"))
        .join(RoutedRun, and_(RoutedRun.dag_id == DagRun.dag_id, RoutedRun.run_id == DagRun.run_id))
        .outerjoin(original, and_(original.dag_id == RoutedRun.dag_id, original.run_id == RoutedRun.replay_of))
        .where(DagRun.dag_id == dag_id, DagRun.run_id == run_id)
    ).one_or_none()
    if row is None or row.logical_date is None:
        return timedelta()
    live = row.replayed or row.data_interval_start
    # A run without a corresponding live run, such as that of a Dag without a schedule, has a date of its own.
    if live is None or live.replace(microsecond=0) != row.logical_date.replace(microsecond=0):
        return timedelta()
    later: timedelta = row.logical_date - live
    return later
