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
"""Decide which Dag defines an asset that several Dags use."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import cache
from typing import Any

from airflow.models.asset import DagScheduleAssetReference, TaskInletAssetReference, TaskOutletAssetReference
from airflow.models.dag import DagModel
from airflow.models.dag_version import DagVersion
from sqlalchemy import Select, bindparam, func, literal, select, union
from sqlalchemy.orm import Session

from airflow_providers_pinning.models import Pin

REFERENCES: tuple[Any, ...] = (DagScheduleAssetReference, TaskOutletAssetReference, TaskInletAssetReference)
"""Models of the references that make a Dag a user of an asset."""

_LONG_AGO = datetime(1970, 1, 1, tzinfo=timezone.utc)


@dataclass(frozen=True)
class AssetUser:
    """A Dag that uses an asset: it waits for it, reads it or updates it."""

    dag_id: str
    pinned: bool
    registered_at: datetime | None = None
    """When the pinned version was registered. Among pinned Dags, the newest version defines the asset."""

    @property
    def say(self) -> tuple[bool, datetime, str]:
        """Sort key of precedence: unpinned Dags first, then the newest version, then the Dag ID."""
        return (not self.pinned, self.registered_at or _LONG_AGO, self.dag_id)

    def yields_to(self, other: AssetUser) -> bool:
        """Return whether the other user takes precedence. Among unpinned Dags, Airflow decides."""
        return self.pinned and self.say < other.say


def deciding_users(
    asset_ids: Collection[int], *, besides: Collection[str] = (), session: Session
) -> dict[int, AssetUser]:
    """
    Find, for each asset, the user that defines it.

    :param asset_ids: IDs of assets; those that no Dag in service uses are left out of the result
    :param besides: Dags to ignore
    :param session: database session
    """
    if not asset_ids:
        return {}
    rows = session.execute(_deciding_users(), {"asset_ids": list(asset_ids), "besides": list(besides)})
    return {row.asset_id: AssetUser(row.dag_id, row.pinned, row.registered_at) for row in rows}


@cache
def _deciding_users() -> Select:
    ids: Any = bindparam("asset_ids", expanding=True)
    besides: Any = bindparam("besides", expanding=True)
    used = union(*(select(model.asset_id, model.dag_id).where(model.asset_id.in_(ids)) for model in REFERENCES))
    users = used.subquery()
    pinned = Pin.dag_version_id.is_not(None)
    ranked = (
        select(
            users.c.asset_id,
            users.c.dag_id,
            func.coalesce(pinned, literal(False)).label("pinned"),
            DagVersion.last_updated.label("registered_at"),
            func.row_number()
            .over(
                partition_by=users.c.asset_id,
                order_by=(
                    func.coalesce(pinned, literal(False)).asc(),
                    DagVersion.last_updated.desc(),
                    users.c.dag_id.desc(),
                ),
            )
            .label("place"),
        )
        .join(DagModel, DagModel.dag_id == users.c.dag_id)
        .outerjoin(Pin, Pin.dag_id == users.c.dag_id)
        .outerjoin(DagVersion, DagVersion.id == Pin.dag_version_id)
        .where(DagModel.is_stale.is_(False), users.c.dag_id.not_in(besides))
        .subquery()
    )
    return select(ranked.c.asset_id, ranked.c.dag_id, ranked.c.pinned, ranked.c.registered_at).where(
        ranked.c.place == 1
    )
