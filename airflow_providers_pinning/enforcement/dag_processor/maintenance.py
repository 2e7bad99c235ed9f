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
Stale Dags and the upkeep, both in the dag processor's loop.

Airflow's ``deactivate_stale_dags`` marks Dags stale that their file no longer defines. A pinned Dag is
kept, in the same transaction.

Upkeep runs beside ``_scan_stale_dags``, which the loop calls about once a second: it repairs scheduling
metadata that something without the enforcement overwrote, recalculates the next runs of pinned Dags whose file does
not parse, which Airflow does at each parse only, activates assets of Dags that are not pinned in place of pinned ones',
notes pinned Dags that HEAD does not define any more, drops what is kept of runs that are gone, sends the gauges,
announces changes that the process which made them did not, and starts the check whether the code of managed
versions is available and the record of what versions are made of.

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
"""How many times as long as they took gauges and the look at runs rest: with very many pins, neither delays parsing."""

WAIT_FOR_RECORD = 60.0
"""Seconds that a check of the code waits for a record that is under way, which does both for the CPU time of one."""


class Upkeep:
    """The upkeep of one dag processor; its state is when it last ran, how far it got and what is running."""

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
        """Do one round if the last one is long enough ago. What fails is logged and tried again in the next."""
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
                log.exception("The upkeep of pinned Dags failed; it is tried again")

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
        from airflow_providers_pinning.domain.monitoring.maintenance import forget_ended_changes, forget_gone_runs

        after = self._looked_at_runs_up_to
        self._looked_at_runs_up_to = _with_session(lambda *, session: forget_gone_runs(after, session=session))
        _with_session(forget_acknowledgements)
        _with_session(forget_ended_changes)

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
        # What records files checks the code too before it ends. It is not waited for without end, as it may hang.
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
"""That of this process."""


def deactivate_stale_dags(call: Call) -> None:
    """Mark the Dags stale that their file does not define any more, but no pinned ones."""
    from airflow_providers_pinning.domain.dag_model.missing import note_parsed
    from airflow_providers_pinning.domain.dag_model.stale_dags import pinned_dags_passed_over

    note_parsed(call.last_parsed)
    with pinned_dags_passed_over(call.session):
        call.proceed()


def scan_stale_dags(call: Call) -> None:
    """Look for stale Dags, and do the upkeep if it is due."""
    call.proceed()
    _upkeep.run_if_due([bundle.name for bundle in call.instance._dag_bundles])
