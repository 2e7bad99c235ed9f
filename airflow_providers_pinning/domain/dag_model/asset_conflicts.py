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
"""Find conflicts between the assets of a version and those of other Dags, and their consequences."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from airflow.dag_processing.collection import AssetModelOperation
from airflow.models.asset import AssetModel
from airflow.models.dag_version import DagVersion
from airflow.models.serialized_dag import SerializedDagModel
from airflow.serialization.definitions.assets import SerializedAsset
from airflow.serialization.encoders import encode_trigger
from airflow.serialization.serialized_objects import LazyDeserializedDAG
from airflow.triggers.base import BaseEventTrigger
from sqlalchemy import ColumnElement, Row, Select, bindparam, or_, select
from sqlalchemy.orm import Session, contains_eager

from airflow_providers_pinning.domain.batches import pages
from airflow_providers_pinning.domain.dag_model.asset_users import REFERENCES, AssetUser, deciding_users
from airflow_providers_pinning.domain.dag_model.shared_assets import is_displaced
from airflow_providers_pinning.domain.dag_model.stored_dags import ActiveVersion, as_parsed, read_version
from airflow_providers_pinning.domain.errors import VersionUnreadableError
from airflow_providers_pinning.domain.versions.identity import VersionIdentity
from airflow_providers_pinning.models import Pin

KEYS_READ = 5000
"""Maximum number of assets in one statement."""

DAGS_READ = 10
"""Maximum number of other Dags to deserialize, to compare their definitions of shared assets."""

Key = tuple[str, str]
"""Name and URI of an asset."""


def conflicts_of(version: VersionIdentity, *, dag_id: str, pinned: bool = True, session: Session) -> tuple[str, ...]:
    """Do what :func:`asset_conflicts` does, but read the version first. One that cannot be read has no conflicts."""
    try:
        readable = read_version(version, dag_id=dag_id, session=session)
    except VersionUnreadableError:
        return ()
    return asset_conflicts(readable, version.version_number, pinned=pinned, session=session)


def asset_conflicts(version: ActiveVersion, number: int, *, pinned: bool = True, session: Session) -> tuple[str, ...]:
    """
    Describe, by asset and Dag, where the definitions of a version and of other Dags cannot all be in effect.

    This takes one statement if no other Dag uses the version's assets, their names or their URIs.

    :param version: the version that is, or would be, active
    :param number: its number
    :param pinned: whether it is, or would be, pinned
    :param session: database session
    """
    return conflicts_of_all([claim_of(version, number, pinned=pinned)], session=session).get(version.dag_id, ())


@dataclass(frozen=True)
class Claim:
    """The assets of a version that is, or would be, active."""

    user: AssetUser
    number: int
    assets: Mapping[Key, SerializedAsset]
    awaited: frozenset[Key]
    """Assets that trigger its runs."""
    produced: frozenset[Key] = frozenset()
    """Assets that its tasks update."""

    @property
    def dag_id(self) -> str:
        """ID of its Dag."""
        return self.user.dag_id


def claim_of(version: ActiveVersion, number: int, *, pinned: bool = True) -> Claim:
    """Return the assets of a version."""
    dag_id = version.dag_id
    used = AssetModelOperation.collect({dag_id: version})
    awaited = frozenset((asset.name, asset.uri) for asset in used.schedule_asset_references[dag_id])
    produced = frozenset((asset.name, asset.uri) for _, asset in used.outlet_references[dag_id])
    user = AssetUser(dag_id, pinned, version.registered_at if pinned else None)
    return Claim(user, number, used.assets, awaited, produced)


def conflicts_of_all(claims: Collection[Claim], *, session: Session) -> dict[str, tuple[str, ...]]:
    """
    Describe, by Dag ID, where versions of several Dags conflict with each other and with other Dags.

    The number of statements does not grow with the Dags.
    """
    keys = {key for claim in claims for key in claim.assets}
    if not keys:
        return {}
    alike = [
        asset
        for page in pages(keys, KEYS_READ)
        for asset in session.execute(_alike(), {"names": [k[0] for k in page], "uris": [k[1] for k in page]})
    ]
    alike = list({asset.id: asset for asset in alike}.values())
    besides = [claim.dag_id for claim in claims]
    others: dict[int, AssetUser] = {}
    for page in pages([asset.id for asset in alike], KEYS_READ):
        others |= deciding_users(page, besides=besides, session=session)
    among = _Among(alike, others, claims)
    found = {}
    for claim in claims:
        near, users = among.seen_by(claim)
        said = (
            *_rivals(claim.assets, claim.awaited, claim.user, claim.number, near, users),
            *(
                _other_watchers(claim.assets, claim.awaited, claim.number, near, users, session=session)
                if claim.user.pinned
                else ()
            ),
        )
        if said:
            found[claim.dag_id] = said
    return found


class _Among:
    """
    The users that define assets, from the view of each of several Dags whose versions change together.

    :param alike: the rows of assets
    :param others: the users that define them, among the Dags that stay as they are
    :param claims: the assets of the versions
    """

    def __init__(self, alike: Collection[Row], others: Mapping[int, AssetUser], claims: Collection[Claim]) -> None:
        self._others = others
        self._by_name: dict[str, list[Row]] = defaultdict(list)
        self._by_uri: dict[str, list[Row]] = defaultdict(list)
        for asset in alike:
            self._by_name[asset.name].append(asset)
            self._by_uri[asset.uri].append(asset)
        self._claimed: dict[Key, list[AssetUser]] = defaultdict(list)
        for claim in claims if len(claims) > 1 else ():
            for key in claim.assets:
                self._claimed[key].append(claim.user)
        for users in self._claimed.values():
            users.sort(key=lambda user: user.say, reverse=True)

    def seen_by(self, claim: Claim) -> tuple[list[Row], dict[int, AssetUser]]:
        """Return the assets that share a name or URI with those of a version, and the other user that defines each."""
        near = {asset.id: asset for key in claim.assets for asset in (*self._by_name[key[0]], *self._by_uri[key[1]])}
        users = {}
        for asset in near.values():
            claimed = self._claimed.get((asset.name, asset.uri), ())
            rivals = [self._others.get(asset.id), next((user for user in claimed if user != claim.user), None)]
            if said := [user for user in rivals if user is not None]:
                users[asset.id] = max(said, key=lambda user: user.say)
        return [near[asset_id] for asset_id in sorted(near)], users


def uses_displaced_asset() -> ColumnElement[bool]:
    """Build the condition that the Dag of a pin uses an asset whose name or URI belongs to another active one."""
    return or_(
        *(
            select(model.asset_id)
            .join(AssetModel, AssetModel.id == model.asset_id)
            .where(model.dag_id == Pin.dag_id, is_displaced())
            .correlate(Pin)
            .exists()
            for model in REFERENCES
        )
    )


@cache
def _alike() -> Select:
    asked: dict[str, Any] = {name: bindparam(name, expanding=True) for name in ("names", "uris")}
    return (
        select(AssetModel.id, AssetModel.name, AssetModel.uri)
        .where(or_(AssetModel.name.in_(asked["names"]), AssetModel.uri.in_(asked["uris"])))
        .order_by(AssetModel.id)
    )


def _rivals(
    assets: Iterable[Key],
    awaited: Collection[Key],
    me: AssetUser,
    number: int,
    alike: Iterable[Row],
    users: dict[int, AssetUser],
) -> list[str]:
    ids = {(asset.name, asset.uri): asset.id for asset in alike}
    found = []
    for name, uri in assets:
        # Another user of the very same asset counts for it too.
        ally = users.get(ids.get((name, uri), -1))
        mine = max(me, ally, key=lambda user: user.say) if ally else me
        for asset in alike:
            other = users.get(asset.id)
            if other is None or (asset.name == name) == (asset.uri == uri):
                continue
            by_name = asset.name == name
            shared = f"the name {name!r}" if by_name else f"the URI {uri!r}"
            this, theirs = (uri, asset.uri) if by_name else (name, asset.name)
            who = f"Dag {other.dag_id!r}, which is {'' if other.pinned else 'not '}pinned,"
            if mine.yields_to(other):
                found.append(
                    f"Under {shared}, version {number} uses asset {this!r}, but {who} uses {theirs!r}. Only one can be "
                    f"active, which is {theirs!r}. {_consequence((name, uri) in awaited)} Pin a version that agrees "
                    f"with Dag {other.dag_id!r}, or change that Dag to agree."
                )
            elif other.yields_to(mine):
                found.append(
                    f"Under {shared}, version {number} uses asset {this!r}, but {who} uses {theirs!r}. Only one "
                    f"can be active, which is {this!r}. Events of one do not reach Dags that use the other. Move "
                    "both Dags together."
                )
    return found


def _consequence(is_awaited: bool) -> str:
    if is_awaited:
        return "Runs of this Dag are triggered by events of its own asset, not of the other one."
    return "Tasks of this Dag still run, but their events only reach Dags that use the asset in the same way."


def _other_watchers(
    assets: Mapping[Key, SerializedAsset],
    awaited: Collection[Key],
    number: int,
    alike: Iterable[Row],
    users: dict[int, AssetUser],
    *,
    session: Session,
) -> list[str]:
    """Compare watchers with those at HEAD, which are in effect if an unpinned Dag uses the asset."""
    deciding = {
        (asset.name, asset.uri): users[asset.id].dag_id
        for asset in alike
        if (asset.name, asset.uri) in awaited and asset.id in users and not users[asset.id].pinned
    }
    at_head = {
        dag_id: _assets_at_head(dag_id, session=session) for dag_id in sorted(set(deciding.values()))[:DAGS_READ]
    }
    found = []
    for key, dag_id in sorted(deciding.items()):
        theirs = at_head.get(dag_id, {}).get(key)
        if theirs is None or _watchers(theirs) == _watchers(assets[key]):
            continue
        found.append(
            f"Asset {key[0]!r} has other watchers in version {number} than in Dag {dag_id!r}, which is not pinned. "
            "Those of that Dag are in effect: "
            + (
                "runs of this Dag are created by what they watch for."
                if theirs.watchers
                else "there are none, so no watcher creates runs of this Dag."
            )
            + f" Pin a version that agrees with Dag {dag_id!r}, or change that Dag to agree."
        )
    return found


def _assets_at_head(dag_id: str, *, session: Session) -> dict[Key, SerializedAsset]:
    serialized = session.scalar(
        select(SerializedDagModel)
        .join(SerializedDagModel.dag_version)
        .where(SerializedDagModel.dag_id == dag_id)
        .order_by(DagVersion.version_number.desc())
        .limit(1)
        .options(contains_eager(SerializedDagModel.dag_version))
    )
    try:
        dag: dict[str, LazyDeserializedDAG] = {dag_id: as_parsed(serialized)} if serialized is not None else {}
        return AssetModelOperation.collect(dag).assets
    except Exception:
        # That the other Dag cannot be read is reported with that Dag.
        return {}


def _watchers(asset: SerializedAsset) -> set[int]:
    encoded = [encode_trigger(watcher.trigger) for watcher in asset.watchers]
    return {BaseEventTrigger.hash(trigger["classpath"], trigger["kwargs"]) for trigger in encoded}
