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
"""Set the criteria of a Dag."""

from __future__ import annotations

from airflow._shared.timezones import timezone
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.errors import RevisionConflictError
from airflow_providers_pinning.domain.history.events import Change, find_repeated
from airflow_providers_pinning.domain.history.version_events import record_of
from airflow_providers_pinning.domain.monitoring.release_state import release_state
from airflow_providers_pinning.domain.soak.criteria import GivenCriteria, StoredCriteria, criteria_of
from airflow_providers_pinning.domain.versions.identity import pinned_identity, require_dag
from airflow_providers_pinning.models import DagCriteria, Pin
from airflow_providers_pinning.vocabulary import EventKind


def set_criteria(dag_id: str, given: GivenCriteria, change: Change, *, session: Session) -> StoredCriteria:
    """
    Replace the criteria by which the versions of a Dag are judged. The pin and its revision stay.

    :param dag_id: the Dag
    :param given: the criteria; omitted ones use the defaults
    :param change: who asks and why; its revision is that of the criteria
    :param session: database session; the caller commits
    :raises UnknownDagError: if there is no such Dag
    :raises RevisionConflictError: if the criteria are at another revision than the caller expected
    """
    require_dag(dag_id, lock=True, session=session)
    stored = given.as_dict()
    request = {"action": "criteria", "dag_id": dag_id, **stored}
    if find_repeated(change, request, session=session):
        return criteria_of(dag_id, session=session)
    row = session.get(DagCriteria, dag_id, populate_existing=True)
    revision = row.revision if row else 0
    if change.expected_revision not in (None, revision):
        raise RevisionConflictError(
            f"The criteria of Dag {dag_id!r} are at revision {revision}, not {change.expected_revision}: "
            f"{row.actor if row else 'nobody'} changed them ({row.reason if row else 'never set'}). Review them "
            "and try again.",
            state=release_state(dag_id, session=session),
        )
    before = dict(row.criteria) if row else {}
    if stored != before or change.idempotency_key:
        kind = EventKind.CRITERIA_SET if stored != before else EventKind.CONFIRMED
        active = pinned_identity(session.get(Pin, dag_id))
        evidence = {"criteria": {"from": before, "to": stored}}
        record_of(kind, dag_id, active, change, request, evidence, session=session)
    if stored != before:
        if row is None:
            row = DagCriteria(dag_id=dag_id)
            session.add(row)
        row.criteria, row.revision = stored, revision + 1
        row.actor, row.reason, row.changed_at = change.caller.name, change.reason, timezone.utcnow()
        session.flush()
    return criteria_of(dag_id, session=session)
