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
Seam E2 and the upkeep, both in the dag processor's loop.

E2: stock ``deactivate_stale_dags`` marks Dags stale that their file no longer defines. A pinned Dag is
kept, in the same transaction.

Upkeep runs beside ``_scan_stale_dags``, which the loop calls about once a second: it repairs scheduling
metadata that something without the enforcement overwrote, and starts the check whether the code of
managed versions can be had. The check is a process of its own, so that it cannot delay parsing and no
thread of it is alive when the processor forks.

Shown by ``tests/unit/enforcement/test_file_removal.py`` and ``tests/unit/enforcement/test_processor.py``.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import time
from collections.abc import Collection
from types import ModuleType
from typing import Any

from airflow_providers_pinning.enforcement.contract import wrap

log = logging.getLogger(__name__)


CHECK_TIMEOUT = 600.0
"""Seconds that one check may take; a fetch that hangs must not be the last one."""


class Upkeep:
    """The upkeep of one dag processor; its state is when it last ran and which check is running."""

    def __init__(self) -> None:
        self._next_round = 0.0
        self._check: subprocess.Popen | None = None
        self._check_deadline = 0.0

    def run_if_due(self, bundle_names: Collection[str]) -> None:
        """Do one round if the last one is long enough ago. A failure is logged and tried again."""
        from airflow_providers_pinning import conf

        if time.monotonic() < self._next_round:
            return
        self._next_round = time.monotonic() + conf.maintenance_interval()
        try:
            self._run(bundle_names)
        except Exception:
            log.exception("The upkeep of pinned Dags failed; it is tried again")

    def _run(self, bundle_names: Collection[str]) -> None:
        from airflow.utils.session import create_session

        from airflow_providers_pinning.domain.code_check import is_check_due
        from airflow_providers_pinning.domain.upkeep import repair_scheduling_metadata

        with create_session(scoped=False) as session:
            repair_scheduling_metadata(session=session)
            is_due = is_check_due(bundle_names, session=session)
        if self._check is not None and self._check.poll() is None:
            if time.monotonic() < self._check_deadline:
                return
            log.error(
                "The check of the code of managed versions did not end within %d seconds; it is ended", CHECK_TIMEOUT
            )
            self._check.kill()
        self._check = None
        if is_due:
            self._check_deadline = time.monotonic() + CHECK_TIMEOUT
            self._check = subprocess.Popen(
                [sys.executable, "-m", "airflow_providers_pinning.enforcement.code_check", *sorted(bundle_names)],
                env={**os.environ, "_AIRFLOW_PROCESS_CONTEXT": "server"},
                stdin=subprocess.DEVNULL,
            )


def install(module: ModuleType) -> None:
    """Patch ``airflow.dag_processing.manager``."""
    from airflow.utils.session import NEW_SESSION, provide_session

    upkeep = Upkeep()

    @provide_session
    def deactivate(wrapped: Any, last_parsed: Any, *, session: Any = NEW_SESSION) -> None:
        from airflow_providers_pinning.domain.activity import keep_pinned_active

        wrapped(last_parsed, session=session)
        keep_pinned_active(session=session)

    def deactivate_stale_dags(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> None:
        deactivate(wrapped, *args, **kwargs)

    def scan_stale_dags(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> None:
        wrapped(*args, **kwargs)
        upkeep.run_if_due([bundle.name for bundle in instance._dag_bundles])

    wrap(module, "DagFileProcessorManager.deactivate_stale_dags", deactivate_stale_dags)
    wrap(module, "DagFileProcessorManager._scan_stale_dags", scan_stale_dags)
