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
"""Who requested a change that is made later, with their permissions at that time."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.history.events import Caller, Change
from airflow_providers_pinning.domain.versions.circumstances import Circumstances, circumstances_of
from airflow_providers_pinning.domain.versions.identity import VersionIdentity
from airflow_providers_pinning.models import Ramp, TimedChange
from airflow_providers_pinning.vocabulary import CallerKind


def rights_of(dag_id: str, version: VersionIdentity | None, change: Change, *, session: Session) -> dict[str, Any]:
    """
    Return the rights of a caller to store with a change, as they were checked for it.

    :param dag_id: the Dag
    :param version: what is to become active; ``None`` for an unpin
    :param change: who asks, and what is overridden
    :param session: database session
    """
    known = None
    if version is not None:
        known = circumstances_of(dag_id, [version], session=session)[version.dag_version_id]
    return rights_under(known, change)


def rights_under(known: Circumstances | None, change: Change) -> dict[str, Any]:
    """Do so where what is known of the version was read already."""
    rights: dict[str, Any] = {"releases": change.caller.releases}
    if known is not None and known.changes_team:
        rights["team"] = known.team
    if change.override_reason:
        rights["overrides_policies"] = change.caller.overrides_policies
    return rights


def stored_caller(row: TimedChange | Ramp) -> Caller:
    """Return who asked for a change, with the rights that :func:`rights_of` stored in its options."""
    return Caller(
        row.actor,
        CallerKind(row.actor_kind),
        row.source,
        permitted_in_team=lambda _, team: "team" in row.options and team == row.options["team"],
        may_release=lambda: bool(row.options.get("releases")),
        may_override_policies=lambda: bool(row.options.get("overrides_policies")),
    )
