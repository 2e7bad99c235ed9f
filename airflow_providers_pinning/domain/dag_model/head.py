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
"""The state of a pinned Dag at HEAD, which unpinning would make active."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from airflow.models.errors import ParseImportError
from sqlalchemy import ColumnElement, literal, or_, select, tuple_, update
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.versions.identity import VersionIdentity, newest_identities
from airflow_providers_pinning.models import Pin


class HeadStatus(str, Enum):
    """Whether a file at HEAD defines the Dag."""

    DEFINED = "defined"
    """A file defines it, as far as is known."""
    BROKEN = "broken"
    """Its file does not parse."""
    MISSING = "missing"
    """Its file is gone, or no longer defines it."""


@dataclass(frozen=True)
class Head:
    """The state of a Dag at HEAD, while its pinned version keeps running."""

    status: HeadStatus
    since: datetime | None = None
    """Since when it has been missing, or when its file last failed to parse."""
    message: str | None = None
    """The problem, and what unpinning would do."""


def head_of(pin: Pin, latest: VersionIdentity | None, *, session: Session) -> Head:
    """Return the state of a pinned Dag at HEAD."""
    return heads_at([(pin, latest)], session=session)[pin.dag_id]


def heads_of(pins: Collection[Pin], *, session: Session) -> dict[str, Head]:
    """Return the state of pinned Dags at HEAD, with as many statements as for one."""
    latest = newest_identities([pin.dag_id for pin in pins], session=session)
    return heads_at([(pin, latest.get(pin.dag_id)) for pin in pins], session=session)


def heads_at(pins: Collection[tuple[Pin, VersionIdentity | None]], *, session: Session) -> dict[str, Head]:
    """Return the state of pinned Dags at HEAD, by Dag, given the latest version of each."""
    places = {
        pin.dag_id: (latest.bundle_name, latest.relative_fileloc)
        for pin, latest in pins
        if latest is not None and pin.head_missing_at is None
    }
    errors = errors_of(set(places.values()), session=session)
    return {pin.dag_id: _judge(pin, latest, errors.get(places.get(pin.dag_id, (None, None)))) for pin, latest in pins}


def errors_of(
    places: Collection[tuple[str | None, str | None]], *, session: Session
) -> dict[tuple[str | None, str | None], ParseImportError]:
    """Return the import errors of files, by bundle name and path in the bundle."""
    if not places:
        return {}
    found = session.scalars(
        select(ParseImportError).where(
            tuple_(ParseImportError.bundle_name, ParseImportError.filename).in_(list(places))
        )
    )
    return {(error.bundle_name, error.filename): error for error in found}


def _judge(pin: Pin, latest: VersionIdentity | None, error: ParseImportError | None) -> Head:
    place = f"{latest.relative_fileloc!r} of bundle {latest.bundle_name!r}" if latest else "no file"
    if pin.head_missing_at is not None:
        return Head(
            HeadStatus.MISSING,
            pin.head_missing_at,
            f"At HEAD no file defines the Dag any more; the last one was {place}. The pinned version keeps "
            "running. If you unpin the Dag, it gets no runs.",
        )
    if error is not None:
        return Head(
            HeadStatus.BROKEN,
            error.timestamp,
            f"At HEAD {place} has an import error. The pinned version keeps running. If you unpin the Dag, it gets "
            "no runs until that is fixed.",
        )
    return Head(HeadStatus.DEFINED)


def is_troubled_at_head() -> ColumnElement[bool]:
    """Build the condition that a pinned Dag is missing at HEAD, or that the file of its pinned version is broken."""
    is_broken = (
        select(literal(1))
        .where(ParseImportError.bundle_name == Pin.bundle_name, ParseImportError.filename == Pin.relative_fileloc)
        .correlate(Pin)
        .exists()
    )
    return or_(Pin.head_missing_at.is_not(None), is_broken)


def note_defined(dag_ids: Collection[str], *, session: Session) -> None:
    """Record that a file at HEAD defines these Dags, now that it was parsed."""
    session.execute(update(Pin).where(Pin.dag_id.in_(dag_ids)).values(head_missing_at=None))
