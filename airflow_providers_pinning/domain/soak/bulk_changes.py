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
Find live runs whose state was set in bulk by a user, according to the audit log.

Airflow logs such a request once, with its body, which contains the runs, their Dags and the new states.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from airflow.models.log import Log
from airflow.utils.state import State
from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.soak.judged_runs import Scope

_FINISHED = frozenset(state.value for state in State.finished_dr_states)


@dataclass(frozen=True)
class BulkChange:
    """A bulk change of one run."""

    state: str
    owner: str | None
    """The user who requested it."""


def set_in_bulk(scope: Scope, *, session: Session) -> Mapping[str, BulkChange]:
    """Return the last bulk change of each run of a Dag that was set to a finished state."""
    # The Dag is in the path or, for each run, in the body. The log contains JSON as json.dumps formats it.
    is_named = or_(Log.dag_id == scope.dag_id, Log.extra.contains(json.dumps(scope.dag_id), autoescape=True))
    query = select(Log.dag_id, Log.owner, Log.extra).where(
        Log.event == "bulk_dag_runs", Log.dttm >= scope.since, is_named, Log.extra.contains('"state": ')
    )
    return {
        entity["dag_run_id"]: BulkChange(entity["state"], row.owner)
        for row in session.execute(query.order_by(Log.id))
        for entity in _updated(row.extra)
        if (entity.get("dag_id") or row.dag_id) == scope.dag_id and entity.get("state") in _FINISHED
    }


def _updated(extra: str) -> Iterator[dict[str, Any]]:
    """Yield the requested state of each run. The request was logged before it was validated."""
    try:
        actions = json.loads(extra)["actions"]
        yield from (
            entity
            for action in actions
            if action["action"] == "update"
            for entity in action["entities"]
            if isinstance(entity.get("dag_run_id"), str) and isinstance(entity.get("state"), str)
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return
