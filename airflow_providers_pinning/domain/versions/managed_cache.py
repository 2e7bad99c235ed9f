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
Cache what a parse of a Dag's file must not overwrite.

The dag processor needs this several times for each Dag that it writes. With the Dags' rows locked, it cannot change
until the transaction ends, so it is read once for all Dags of a file and cached for the transaction.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from uuid import UUID

from sqlalchemy import BindParameter, CompoundSelect, Row, bindparam, literal, null, select, union_all
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.versions.rules import rules_in_force
from airflow_providers_pinning.models import ManagedVersion, Pin

_KEPT = "pinning_protection"


@dataclass(frozen=True)
class Protection:
    """The pins and managed versions of Dags."""

    dag_ids: frozenset[str]
    """The requested Dags."""
    recorded: frozenset[str]
    """Dags with a row in the pin store, even if they are no longer pinned."""
    pinned: frozenset[str]
    """Pinned Dags."""
    managed: Mapping[str, frozenset[UUID]]
    """Managed versions, by Dag."""
    missing_at_head: frozenset[str] = frozenset()
    """Dags recorded as no longer defined by any file at HEAD."""
    schedule_from: Mapping[str, datetime] = field(default_factory=dict)
    """The time before which a Dag's schedule creates no runs, by Dag."""
    rules: str | None = None
    """The policies in force."""


def read_protection(dag_ids: Collection[str], *, session: Session) -> Protection:
    """Read the protection of Dags whose rows the caller has locked, and cache it for the transaction."""
    protection = _read(dag_ids, session=session)
    session.info[_KEPT] = (session.get_transaction(), protection)
    return protection


def kept_protection(dag_ids: Collection[str], *, session: Session) -> Protection | None:
    """Return what this transaction has read for these Dags under their locks."""
    transaction, protection = session.info.get(_KEPT, (None, None))
    if protection is None or transaction is not session.get_transaction():
        return None
    return protection if protection.dag_ids.issuperset(dag_ids) else None


def drop_protection(*, session: Session) -> None:
    """Clear the cache, because this transaction changes the data."""
    session.info.pop(_KEPT, None)


def managed_version_ids(dag_ids: Collection[str], *, session: Session) -> Mapping[str, frozenset[UUID]]:
    """Return the managed versions of Dags, for those that have any."""
    managed = (kept_protection(dag_ids, session=session) or _read(dag_ids, session=session)).managed
    return {dag_id: managed[dag_id] for dag_id in dag_ids if dag_id in managed}


@cache
def _of_dags() -> CompoundSelect:
    # One round trip for both tables, and the statement built once: for a file with a single Dag a second
    # round trip would be noticed, and so would building it.
    asked: BindParameter[str] = bindparam("dag_ids", expanding=True)
    return union_all(
        select(
            Pin.dag_id,
            Pin.dag_version_id,
            literal(True).label("is_pin"),
            Pin.head_missing_at,
            Pin.schedule_from,
            null().label("rules"),
        ).where(Pin.dag_id.in_(asked)),
        select(ManagedVersion.dag_id, ManagedVersion.dag_version_id, literal(False), null(), null(), null()).where(
            ManagedVersion.dag_id.in_(asked)
        ),
        # The rules for a Dag that is new in this parse.
        select(null(), null(), literal(False), null(), null(), rules_in_force()),
    )


def _read(dag_ids: Collection[str], *, session: Session) -> Protection:
    asked = frozenset(dag_ids)
    found: Sequence[Row] = session.execute(_of_dags(), {"dag_ids": list(asked)}).all()
    rows = [row for row in found if row.dag_id is not None]
    managed: dict[str, set[UUID]] = defaultdict(set)
    for row in rows:
        if not row.is_pin:
            managed[row.dag_id].add(row.dag_version_id)
    return Protection(
        dag_ids=asked,
        rules=next((row.rules for row in found if row.dag_id is None), None),
        recorded=frozenset(row.dag_id for row in rows),
        pinned=frozenset(row.dag_id for row in rows if row.is_pin and row.dag_version_id is not None),
        managed={dag_id: frozenset(versions) for dag_id, versions in managed.items()},
        missing_at_head=frozenset(row.dag_id for row in rows if row.is_pin and row.head_missing_at is not None),
        schedule_from={row.dag_id: row.schedule_from for row in rows if row.is_pin and row.schedule_from is not None},
    )
