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
"""The release state of a Dag as table rows."""

from __future__ import annotations

from airflow_providers_pinning.cli.wording import Row, properties
from airflow_providers_pinning.domain.changes.affected_runs import RepairReport, RunRepair
from airflow_providers_pinning.domain.dag_model.head import Head
from airflow_providers_pinning.domain.monitoring.health import Health, HealthStatus
from airflow_providers_pinning.domain.monitoring.pending import PendingChange
from airflow_providers_pinning.domain.monitoring.release_state import Hold, PinInfo, ReleaseState
from airflow_providers_pinning.domain.monitoring.runs_since_pin import RunsSincePin
from airflow_providers_pinning.domain.text import plural
from airflow_providers_pinning.domain.versions.identity import VersionIdentity

MAX_BLOCKED = 10
"""How many skipped runs to list."""


def state_rows(state: ReleaseState) -> list[Row]:
    """Return one property per row."""
    return properties(
        {
            "dag_id": state.dag_id,
            "pinned": state.pinned,
            "active": _version(state.active),
            "latest": _version(state.latest),
            "versions_behind": behind(state.versions_behind, state.related_versions_behind),
            "revision": state.revision,
            "pin": _pin(state.pin),
            "pending": pending_words(state.pending),
            "ramp": str(state.ramp) if state.ramp else None,
            "hold": hold_words(state.hold),
            "enforcement": enforcement(state.health),
            "problems": problems(state.health),
            "runs since the pin": runs(state.runs),
            "head": head(state.head),
        }
    )


def behind(versions: int, related: int) -> str:
    """Return how many versions are newer, and how many of them change the Dag."""
    return str(versions) if versions == related else f"{versions} ({related} related)"


def enforcement(health: Health) -> str:
    """Return ``enforced`` if new runs get the active version, otherwise the severity of the problem."""
    return "enforced" if health.status is HealthStatus.HEALTHY else health.status.value


def runs(found: RunsSincePin | None) -> list[str] | None:
    """Return how runs have fared since the pin, and which tasks fail."""
    if found is None:
        return None
    failing = " - failing since the pin" if found.failing else ""
    tasks = [f"{task_id} failed in {number}" for task_id, number in found.failed_tasks.items()]
    return [f"{found}{failing}", *tasks]


def problems(health: Health) -> list[str]:
    """Return the problems with their remedies."""
    return [f"{problem.reason}: {problem.message}" for problem in health.problems]


def head(found: Head | None) -> str | None:
    """Return the state of a pinned Dag at HEAD."""
    if found is None:
        return None
    return f"{found.status.value}: {found.message}" if found.message else found.status.value


def short(version: VersionIdentity | None) -> str:
    """Return a version number with an abbreviated commit."""
    if version is None:
        return ""
    return f"{version.version_number} ({(version.bundle_version or 'no version')[:12]})"


def repair_words(report: RepairReport | None, repair: RunRepair) -> str:
    """Describe the runs of the version that is rolled back, and what happens to them."""
    if report is None:
        return ""
    counted = ", ".join(f"{count} {state}" for state, count in report.by_state.items()) or "none"
    since = "due since then" if repair.since else "since it was pinned"
    told = [f"Runs of version {report.version_number} {since}: {counted}."]
    if not report.by_state:
        return told[0]
    if not repair.is_wanted:
        return (
            f"{told[0]} They are kept. To stop and rerun them: --unfinished cancel --finished rerun, and --only-failed "
            "if the others are right."
        )
    told.append(f"{plural(len(report.canceled), 'run')} canceled, {plural(len(report.rerun), 'run')} rerun.")
    return "\n".join([*told, *_left_alone(report)])


def repaired_words(report: RepairReport) -> list[str]:
    """
    Report, line by line, what happened to the runs of the version that was rolled back; nothing if none were
    repaired.
    """
    if not (report.canceled or report.rerun or report.blocked):
        return []
    done = len(report.canceled) + len(report.rerun) - report.pending
    counted = (
        f"Repaired {done} of {plural(done + report.pending, 'run')}."
        if report.pending
        else f"Repaired: {plural(len(report.canceled), 'run')} canceled, {plural(len(report.rerun), 'run')} rerun."
    )
    return [counted, *_left_alone(report)]


def _left_alone(report: RepairReport) -> list[str]:
    told = [f"Skipped: {run.message}" for run in report.blocked[:MAX_BLOCKED]]
    if (more := len(report.blocked) - MAX_BLOCKED) > 0:
        told.append(f"{more} more were skipped; -o json lists them.")
    return told


def _version(version: VersionIdentity | None) -> str | None:
    if version is None:
        return None
    place = f"{version.bundle_name} at {version.bundle_version or 'no version'}"
    return f"{version.version_number} ({place}, hash {version.dag_hash})"


def _pin(pin: PinInfo | None) -> str | None:
    return f"{pin.reason} ({pin.actor}, {pin.pinned_at:%Y-%m-%d %H:%M:%S%z})" if pin else None


def pending_words(pending: PendingChange | None) -> str | None:
    """Return the pending change: what, when, why and by whom."""
    if pending is None:
        return None
    what = f"{pending.action} of version {pending.version.version_number}" if pending.version else pending.action
    due = ", due" if pending.is_due else ""
    waits = f" after the run of {pending.waits_for:%Y-%m-%d %H:%M:%S%z}" if pending.waits_for else ""
    return f"{what} at {pending.effective_from:%Y-%m-%d %H:%M:%S%z}{due}{waits}: {pending.reason} ({pending.actor})"


def hold_words(hold: Hold | None) -> str | None:
    """Return the hold: why, since when, by whom and until when."""
    if hold is None:
        return None
    end = f", until {hold.until:%Y-%m-%d %H:%M:%S%z}" if hold.until else ""
    return f"{hold.reason} ({hold.actor}, {hold.held_at:%Y-%m-%d %H:%M:%S%z}{end})"
