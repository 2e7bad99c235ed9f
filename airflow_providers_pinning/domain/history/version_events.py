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
"""Events about a version of a Dag that leave the pin as it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.history import events
from airflow_providers_pinning.domain.history.events import Change
from airflow_providers_pinning.domain.versions.identity import VersionIdentity, pinned_identity
from airflow_providers_pinning.models import Pin
from airflow_providers_pinning.vocabulary import EventKind


def record_of(
    kind: EventKind,
    dag_id: str,
    version: VersionIdentity | None,
    change: Change,
    request: Mapping[str, Any],
    evidence: Mapping[str, Any] | None = None,
    *,
    session: Session,
) -> None:
    """
    Append an event about a version. The pin and its revision stay.

    :param kind: what happened
    :param dag_id: the Dag
    :param version: the version
    :param change: who asked and why
    :param request: what was asked for
    :param evidence: facts to keep with the event
    :param session: database session; the caller commits
    """
    pin = session.get(Pin, dag_id)
    events.record(
        kind,
        dag_id=dag_id,
        revision=pin.revision if pin else 0,
        change=change,
        request=request,
        from_version=pinned_identity(pin),
        to_version=version,
        evidence=evidence,
        session=session,
    )
