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
Stale Dags and maintenance, both in the dag processor's loop.

Airflow's ``deactivate_stale_dags`` marks Dags stale that their file no longer defines. Pinned Dags stay active, in
the same transaction.

Maintenance runs with ``_scan_stale_dags``, which the loop calls about once a second. It repairs scheduling metadata
that a process without the enforcement overwrote, recalculates the next runs of pinned Dags whose file does not parse
(Airflow only does so on each parse), activates assets of unpinned Dags instead of those of pinned ones, notes pinned
Dags that HEAD no longer defines, deletes data of deleted runs, sends gauges, announces changes that their own
processes did not, checks the code of managed versions, and records the files of versions.

Shown by ``tests/unit/enforcement/dag_processor/test_stale_dags.py`` and
``tests/unit/enforcement/dag_processor/test_maintenance.py``.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection
from typing import Any

from airflow_providers_pinning.enforcement.call import Call
from airflow_providers_pinning.enforcement.dag_processor.subprocess_job import SubprocessJob

log = logging.getLogger(__name__)

PAUSE_OF_GAUGES = 20
"""
Pause gauges and the check of runs for this many times their own duration: even with many pins, they must not delay
parsing.
"""

WAIT_FOR_RECORD = 60.0
"""Seconds that a code check waits for a running record job, which does both in one process."""


class Upkeep:
    """Maintenance of one dag processor. Its state: when it last ran, its progress, and running jobs."""

    def __init__(self) -> None:
        self._next_round = 0.0
        self._next_report = 0.0
        self._next_look_at_runs = 0.0
        self._repaired_up_to: str | None = None
        self._recalculated: Any = None
        self._looked_at_head_up_to: str | None = None
        self._looked_at_runs_up_to: tuple[str, str] | None = None
        self._check_due_since: float | None = None
        self._announcing = SubprocessJob(f"{__package__}.announce", "The announcement of changes")
        self._commit_record = SubprocessJob(f"{__package__}.commit_record", "The record of what versions are made of")
        self._code_check = SubprocessJob(f"{__package__}.code_check", "The check of the code of managed versions")

    def run_if_due(self, bundle_names: Collection[str]) -> None:
        """Run one round if the last one is long enough ago. Failures are logged and retried in the next round."""
        from airflow_providers_pinning import conf

        if time.monotonic() < self._next_round:
            return
        self._next_round = time.monotonic() + conf.maintenance_interval()
        for step in (
            self._repair,
            self._recalculate,
            self._activate_assets,
            self._take_marks_back,
            self._note_missing,
            self._forget_gone_runs,
            self._keep_content,
            self._tell_failing,
            self._report,
            self._announce,
            lambda: self._record_files(bundle_names),
            lambda: self._check_code(bundle_names),
        ):
            try:
                step()
            except Exception:
                log.exception("The maintenance of pinned Dags failed; retrying")

    def _repair(self) -> None:
        from airflow_providers_pinning.domain.monitoring.maintenance import repair_scheduling_metadata

        after = self._repaired_up_to
        repairs = _with_session(lambda *, session: repair_scheduling_metadata(after, session=session))
        self._repaired_up_to = repairs.last

    def _recalculate(self) -> None:
        from airflow_providers_pinning.domain.dag_model.unparsed import Progress, recalculate_unparsed

        progress = self._recalculated = self._recalculated or Progress()
        _with_session(lambda *, session: recalculate_unparsed(progress, session=session))

    def _activate_assets(self) -> None:
        from airflow_providers_pinning.domain.dag_model.asset_activation import activate_what_goes_before

        _with_session(activate_what_goes_before)

    def _take_marks_back(self) -> None:
        from airflow_providers_pinning.domain.dag_model.stale_dags import take_marks_back

        _with_session(take_marks_back)

    def _note_missing(self) -> None:
        from airflow_providers_pinning.domain.dag_model.missing import note_missing

        after = self._looked_at_head_up_to
        self._looked_at_head_up_to = _with_session(lambda *, session: note_missing(after, session=session))

    def _forget_gone_runs(self) -> None:
        from airflow_providers_pinning.domain.changes.acknowledgement import forget_acknowledgements
        from airflow_providers_pinning.domain.monitoring.maintenance import (
            forget_ended_changes,
            forget_ended_ramps,
            forget_gone_runs,
        )

        after = self._looked_at_runs_up_to
        self._looked_at_runs_up_to = _with_session(lambda *, session: forget_gone_runs(after, session=session))
        _with_session(forget_acknowledgements)
        _with_session(forget_ended_changes)
        _with_session(forget_ended_ramps)

    def _keep_content(self) -> None:
        from airflow_providers_pinning.domain.versions.content import keep_missing_content

        _with_session(keep_missing_content)

    def _tell_failing(self) -> None:
        from airflow_providers_pinning.domain.monitoring.failing import tell_failing

        if (begun := time.monotonic()) < self._next_look_at_runs:
            return
        _with_session(tell_failing)
        ended = time.monotonic()
        self._next_look_at_runs = ended + (ended - begun) * PAUSE_OF_GAUGES

    def _report(self) -> None:
        from airflow_providers_pinning.domain.monitoring.metrics import report

        if (begun := time.monotonic()) < self._next_report:
            return
        _with_session(report)
        ended = time.monotonic()
        self._next_report = ended + (ended - begun) * PAUSE_OF_GAUGES

    def _announce(self) -> None:
        from airflow_providers_pinning.domain.history.outbox import is_announcement_due

        if _with_session(is_announcement_due) and not self._announcing.is_running():
            self._announcing.start()

    def _check_code(self, bundle_names: Collection[str]) -> None:
        from airflow_providers_pinning.domain.versions.code_availability import is_check_due

        if not _with_session(lambda *, session: is_check_due(bundle_names, session=session)):
            self._check_due_since = None
            return
        now = time.monotonic()
        self._check_due_since = self._check_due_since or now
        # The job that records files also checks code before it ends. Do not wait for it forever, because it may hang.
        awaited = self._commit_record.is_running() and now - self._check_due_since < WAIT_FOR_RECORD
        if not awaited and not self._code_check.is_running():
            self._code_check.start(*sorted(bundle_names))

    def _record_files(self, bundle_names: Collection[str]) -> None:
        from airflow_providers_pinning.domain.files.due import is_due

        due = _with_session(lambda *, session: is_due(bundle_names, session=session))
        if due and not self._commit_record.is_running():
            self._commit_record.start(*sorted(bundle_names))


def _with_session(action: Callable[..., Any]) -> Any:
    from airflow.utils.session import create_session

    with create_session(scoped=False) as session:
        return action(session=session)


_upkeep = Upkeep()
"""The instance of this process."""


def deactivate_stale_dags(call: Call) -> None:
    """Mark Dags stale that their file no longer defines, except pinned ones."""
    from airflow_providers_pinning.domain.dag_model.missing import note_parsed
    from airflow_providers_pinning.domain.dag_model.stale_dags import pinned_dags_passed_over

    note_parsed(call.last_parsed)
    with pinned_dags_passed_over(call.session):
        call.proceed()


def scan_stale_dags(call: Call) -> None:
    """Scan for stale Dags, and run the maintenance if it is due."""
    call.proceed()
    _upkeep.run_if_due([bundle.name for bundle in call.instance._dag_bundles])
