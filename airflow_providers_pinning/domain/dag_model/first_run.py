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
The first scheduled run after a change of the schedule that takes effect at a given time.

Airflow computes the next run of a Dag from its last automated run, with the schedule of the active version. If a
schedule takes effect at a given time, this would include earlier runs, which the old schedule already created.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from airflow._shared.timezones.timezone import coerce_datetime
from airflow.models.dag import DagModel
from airflow.timetables._cron import CronMixin
from airflow.timetables.base import DagRunInfo, TimeRestriction
from sqlalchemy.orm import Session

from airflow_providers_pinning.models import Pin

MAX_STEPS = 20_000
"""Maximum number of runs to skip: two weeks with one run a minute."""

STEPS_BACK = tuple(timedelta(minutes=4**n) for n in range(1, 12))
"""How long before the given time the search for the first run may start, from minutes to years."""


def begin_schedule(dag_model: DagModel, dag: Any, since: datetime) -> None:
    """
    Set the next run to the first one that is due at the given time or later.

    :param dag_model: Airflow's row of the Dag, with the next run by its schedule
    :param dag: the Dag with the timetable and dates
    :param since: the time
    """
    after = dag_model.next_dagrun_create_after
    if after is None or after >= since:
        return
    dag = getattr(dag, "_real_dag", dag)
    timetable, restriction = dag.timetable, dag._time_restriction
    info = timetable.next_run_info_from_dag_model(dag_model=dag_model)
    if isinstance(timetable, CronMixin):
        info = _run_shortly_before(timetable, restriction, since) or info
    for _ in range(MAX_STEPS):
        if info is None or info.run_after >= since:
            break
        # Not through the Dag, which logs two lines for each run.
        info = timetable.next_dagrun_info_v2(last_dagrun_info=info, restriction=restriction)
    if info is None:
        dag_model.next_dagrun_data_interval = dag_model.next_dagrun = dag_model.next_dagrun_create_after = None
        dag_model.next_dagrun_partition_key = dag_model.next_dagrun_partition_date = None
        return
    dag_model.next_dagrun = info.logical_date
    dag_model.next_dagrun_data_interval = info.data_interval
    dag_model.next_dagrun_partition_key = info.partition_key
    dag_model.next_dagrun_partition_date = info.partition_date
    dag_model.next_dagrun_create_after = info.run_after


def _run_shortly_before(timetable: Any, restriction: TimeRestriction, since: datetime) -> DagRunInfo | None:
    """
    Return a run that is due shortly before the given time; ``None`` if none is found.

    The runs of a clock-based schedule do not depend on each other, so the search may start anywhere.
    """
    for before in STEPS_BACK:
        earliest = coerce_datetime(since - before)
        if restriction.earliest is not None and earliest <= restriction.earliest:
            return None
        narrowed = TimeRestriction(earliest, restriction.latest, catchup=True)
        info: DagRunInfo | None = timetable.next_dagrun_info_v2(last_dagrun_info=None, restriction=narrowed)
        if info is not None and info.run_after < since:
            return info
    return None


SCHEDULE = ("timetable", "catchup", "start_date", "end_date")
"""Fields of a stored Dag that define when it runs."""


def has_same_schedule(one: dict[str, Any] | None, other: dict[str, Any] | None) -> bool:
    """
    Return whether two stored Dags have the same schedule, so that one continues where the other stopped.

    :param one: the stored form of a Dag; ``None`` if there is none
    :param other: that of another version
    """
    if not one or not other:
        return False
    return all(one["dag"].get(name) == other["dag"].get(name) for name in SCHEDULE)


def beginning_of_schedule(dag_ids: Collection[str], *, session: Session) -> dict[str, datetime]:
    """Return, by Dag, the time from which a schedule applies that was changed for a given time."""
    present = {dag_id: session.get(Pin, dag_id) for dag_id in dag_ids}
    return {dag_id: pin.schedule_from for dag_id, pin in present.items() if pin is not None and pin.schedule_from}
