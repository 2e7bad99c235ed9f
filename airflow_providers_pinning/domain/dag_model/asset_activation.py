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
Decide which of two assets with the same name or URI is active.

Airflow allows only one, and an active asset stays active as long as any Dag refers to it. If a commit changes the URI
of a name in both producer and consumer, Airflow applies that as soon as both files are parsed. While one of them is
pinned, its old reference would keep the new asset inactive, and every run of the other one would fail.

So an asset that only pinned Dags use yields to one used by an unpinned Dag, or by a pinned version that was
registered later.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import cache
from itertools import chain

from airflow.models.asset import AssetActive, AssetModel, alias_association_table
from sqlalchemy import Select, delete, exists, literal, or_, select, tuple_
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.dag_model.asset_users import REFERENCES, deciding_users
from airflow_providers_pinning.models import Pin

log = logging.getLogger(__name__)

CONFLICTS_A_ROUND = 500


@dataclass(frozen=True)
class Activated:
    """An asset that became active, and those that it replaced."""

    name: str
    uri: str
    in_place_of: tuple[tuple[str, str], ...]


def activate_what_goes_before(*, session: Session) -> list[Activated]:
    """
    Activate used assets in place of those with the same name or URI and lower precedence.

    If nothing is pinned, or no used asset is inactive, this takes one statement.

    :param session: database session; the caller commits
    """
    inactive = session.execute(_used_but_inactive()).all()
    if not inactive:
        return []
    rivals = session.execute(
        select(AssetModel.id, AssetModel.name, AssetModel.uri)
        .join(AssetActive, (AssetActive.name == AssetModel.name) & (AssetActive.uri == AssetModel.uri))
        .where(
            or_(
                AssetActive.name.in_([asset.name for asset in inactive]),
                AssetActive.uri.in_([asset.uri for asset in inactive]),
            )
        )
    ).all()
    if not rivals:
        return []
    users = deciding_users([asset.id for asset in chain(inactive, rivals)], session=session)
    held_by_aliases = set(
        session.scalars(
            select(alias_association_table.c.asset_id).where(
                alias_association_table.c.asset_id.in_([rival.id for rival in rivals])
            )
        )
    )
    active = {rival.id: rival for rival in rivals}
    activated = []
    for asset in sorted(
        (asset for asset in inactive if asset.id in users), key=lambda a: users[a.id].say, reverse=True
    ):
        in_the_way = [rival for rival in active.values() if rival.name == asset.name or rival.uri == asset.uri]
        if in_the_way and all(
            rival.id in users and rival.id not in held_by_aliases and users[rival.id].yields_to(users[asset.id])
            for rival in in_the_way
        ):
            gone = [(rival.name, rival.uri) for rival in in_the_way]
            session.execute(delete(AssetActive).where(tuple_(AssetActive.name, AssetActive.uri).in_(gone)))
            session.add(AssetActive(name=asset.name, uri=asset.uri))
            session.flush()
            for rival in in_the_way:
                del active[rival.id]
            active[asset.id] = asset
            activated.append(Activated(asset.name, asset.uri, tuple(sorted(gone))))
            log.info(
                "Activated asset %r with URI %r, used by Dag %s, instead of %s, used by pinned Dags.",
                asset.name,
                asset.uri,
                users[asset.id].dag_id,
                gone,
            )
    return activated


@cache
def _used_but_inactive() -> Select:
    is_used = or_(*(exists().where(model.asset_id == AssetModel.id).correlate(AssetModel) for model in REFERENCES))
    is_active = exists().where(AssetActive.name == AssetModel.name, AssetActive.uri == AssetModel.uri)
    any_pin = select(literal(1)).where(Pin.dag_version_id.is_not(None)).exists()
    return (
        select(AssetModel.id, AssetModel.name, AssetModel.uri)
        .where(any_pin, ~is_active.correlate(AssetModel), is_used)
        .order_by(AssetModel.id.desc())
        .limit(CONFLICTS_A_ROUND)
    )
