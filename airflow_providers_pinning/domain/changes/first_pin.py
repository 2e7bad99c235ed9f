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
Pin a new Dag to its first version, as required by a policy with a manual gate.

Without one, a new Dag behaves as in Airflow: its latest version is active, so each commit goes live until someone
pins it.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.changes import preconditions
from airflow_providers_pinning.domain.changes.pin_row import choose, newest_run
from airflow_providers_pinning.domain.history import events
from airflow_providers_pinning.domain.history.events import Caller, Change
from airflow_providers_pinning.domain.monitoring import attestation
from airflow_providers_pinning.domain.versions import managed
from airflow_providers_pinning.domain.versions.circumstances import circumstances_of
from airflow_providers_pinning.domain.versions.identity import VersionIdentity, latest_identity
from airflow_providers_pinning.domain.versions.managed import VersionState
from airflow_providers_pinning.models import Pin
from airflow_providers_pinning.vocabulary import CallerKind, EventKind

ACTOR = "release policy"
"""Actor of the pin."""


def pin_first_version(dag_id: str, gates: Sequence[str], revision: int, *, session: Session) -> VersionIdentity | None:
    """
    Pin a Dag to the version that was registered in this very transaction, whose scheduling metadata are in effect.

    :param dag_id: a Dag that had no version before; the caller has written its row
    :param gates: the policies that require it
    :param revision: of the policies
    :param session: session of the transaction that registers the Dag
    :return: the version; ``None`` if the Dag has none
    :raises PinningError: if the version cannot be pinned, such as one of a bundle without versions
    """
    session.flush()
    version = latest_identity(dag_id, session=session)
    if version is None:
        return None
    names = ", ".join(gates)
    change = Change(Caller(ACTOR, CallerKind.SYSTEM), f"New Dags are pinned to their first version (policy {names}).")
    known = circumstances_of(dag_id, [version], session=session)[version.dag_version_id]
    preconditions.check_pinnable(dag_id, version, change, known=known, session=session)
    attestation.require_enforcement(session=session)
    pin = session.get(Pin, dag_id)
    if pin is None:
        pin = Pin(dag_id=dag_id, revision=0, last_run_before=0)
        session.add(pin)
    managed.manage(dag_id, version, VersionState.ACTIVE, reason=change.reason, session=session)
    choose(pin, version, change, last_run=newest_run(session=session))
    events.record(
        EventKind.PINNED,
        dag_id=dag_id,
        revision=pin.revision,
        change=change,
        request={"action": "pin", "dag_id": dag_id, "version_number": version.version_number},
        from_version=version,
        to_version=version,
        evidence={"gate": {"policies": list(gates), "revision": revision}},
        session=session,
    )
    return version
