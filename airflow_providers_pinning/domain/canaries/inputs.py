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
"""The inputs of a canary run."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from airflow.models.asset import AssetEvent
from airflow.models.dagrun import DagRun
from sqlalchemy import select
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.errors import NothingToReplayError


@dataclass(frozen=True)
class Inputs:
    """The data that a canary run works on."""

    logical_date: datetime | None
    data_interval: Any
    conf: Mapping[str, Any] | None
    partition_key: str | None = None
    partition_date: datetime | None = None
    consumed_events: tuple[AssetEvent, ...] = ()
    replay_of: str | None = None
    """ID of the run with the same inputs."""


def free_logical_dates(
    dag_id: str, dates: Mapping[str, datetime | None], *, session: Session
) -> dict[str, datetime | None]:
    """
    Return, for each date, the first free one after it within the same second.

    No two runs of a Dag can share a logical date.

    :param dag_id: the Dag
    :param dates: dates of live runs, by any key
    :param session: database session; no other transaction may write runs of the Dag meanwhile
    """
    free: dict[str, datetime | None] = {}
    given: set[datetime] = set()
    for name, date in dates.items():
        if date is None:
            free[name] = None
            continue
        second = date.replace(microsecond=0)
        taken: set[Any] = set(
            session.scalars(
                select(DagRun.logical_date).where(
                    DagRun.dag_id == dag_id,
                    DagRun.logical_date >= second,
                    DagRun.logical_date < second + timedelta(seconds=1),
                )
            )
        )
        free[name] = found = _free(date, taken | given)
        given.add(found)
    return free


def _free(date: datetime, taken: Collection[datetime]) -> datetime:
    """Return the next free date within the same second, but never the full second, which a live run may have."""
    for microsecond in (*range(date.microsecond + 1, 1_000_000), *range(date.microsecond - 1, 0, -1)):
        if (free := date.replace(microsecond=microsecond)) not in taken:
            return free
    raise NothingToReplayError(f"There is no logical date left for another canary run of {date.isoformat()}.")
