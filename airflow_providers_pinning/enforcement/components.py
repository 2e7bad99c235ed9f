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
Every component attests that it enforces pins.

A process without this package cannot be stopped from here, but it can be recognized: schedulers, dag processors and
triggerers attest for their job when it starts, API servers when they start to serve, and periodically. A component
does not start without the migrated tables. API servers also announce the changes made through them.

Shown by ``tests/unit/enforcement/test_components.py``.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from airflow_providers_pinning.enforcement.call import Call
from airflow_providers_pinning.enforcement.checking import EnforcementError
from airflow_providers_pinning.enforcement.patching import missing_patches, require_patches
from airflow_providers_pinning.patch_points import Component

log = logging.getLogger(__name__)


def prepare_for_execution(call: Call) -> None:
    """Start a component's job, and attest for it in the same commit."""
    from airflow_providers_pinning.domain.monitoring.attestation import JOB_COMPONENTS, attest

    job, session = call.instance, call.session
    component = JOB_COMPONENTS.get(job.job_type)
    if component is None:
        call.proceed()
        return
    check_tables(session=session)
    require_patches(Component(component))
    # Airflow commits the job. The attestation goes into the same commit: between two commits, a live component would
    # seem to lack the enforcement, and pins would be refused.
    session.add(job)
    session.flush()
    attest(component, job_id=job.id, session=session)
    call.proceed()


def lifespan(call: Call) -> Any:
    """Attest for an API server process while it serves."""
    return _attested(call.proceed())


def check_tables(*, session: Any) -> None:
    """
    Check that the tables of the pin store exist and are up to date.

    :raises EnforcementError: if they are not
    """
    from airflow_providers_pinning.db_manager import PinningDBManager

    if not PinningDBManager(session).check_migration():
        raise EnforcementError(
            "The tables of airflow-providers-pinning are missing or outdated. Run `airflow db migrate`."
        )


@asynccontextmanager
async def _attested(stock: AbstractAsyncContextManager) -> AsyncIterator[Any]:
    async with stock as state:
        from airflow_providers_pinning.domain.history.announcer import Announcer

        heartbeat = _Heartbeat()
        heartbeat.begin()
        announcer = Announcer()
        announcer.begin()
        try:
            yield state
        finally:
            announcer.end()
            heartbeat.end()


class _Heartbeat:
    """Renews the attestation of this API server process in a thread, until it is stopped."""

    def __init__(self) -> None:
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._renew, name="pinning-attestation", daemon=True)

    def begin(self) -> None:
        from airflow.utils.session import create_session

        from airflow_providers_pinning.domain.monitoring.attestation import API_SERVER, attest

        with create_session(scoped=False) as session:
            check_tables(session=session)
            require_patches(Component.API_SERVER)
            self._row_id = attest(API_SERVER, session=session)
        self._thread.start()

    def _renew(self) -> None:
        from airflow.utils.session import create_session

        from airflow_providers_pinning import conf
        from airflow_providers_pinning.domain.monitoring.attestation import note_heartbeats, renew_api_server

        while not self._ended.wait(conf.component_heartbeat()):
            try:
                with create_session(scoped=False) as session:
                    missing = [point.place for point in missing_patches()]
                    renew_api_server(self._row_id, missing_patches=missing, session=session)
                    note_heartbeats(session=session)
            except Exception:
                log.exception("This API server could not renew its attestation that it enforces pins; retrying")

    def end(self) -> None:
        from airflow.utils.session import create_session

        from airflow_providers_pinning.domain.monitoring.attestation import withdraw

        self._ended.set()
        self._thread.join(timeout=5)
        try:
            with create_session(scoped=False) as session:
                withdraw(self._row_id, session=session)
        except Exception:
            log.exception("This API server could not withdraw its attestation on shutdown")
