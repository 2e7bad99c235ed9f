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
"""One function per rule: what is not met, and how to meet it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from airflow_providers_pinning.domain.policies.merge import Rules, next_open
from airflow_providers_pinning.domain.policies.records import approvers, has_expired, person
from airflow_providers_pinning.domain.policies.store import OpenFreeze
from airflow_providers_pinning.domain.ramp_steps import Ramped, Step
from airflow_providers_pinning.domain.text import plural
from airflow_providers_pinning.models import VersionApproval, VersionEvidence
from airflow_providers_pinning.vocabulary import Rule, Verdict
from airflow_providers_pinning.windows import UndecidableWindowError, WindowNeverOpensError


@dataclass(frozen=True)
class Unmet:
    """An unmet rule."""

    rule: Rule
    policies: tuple[str, ...]
    """The policies that require it; none for a freeze."""
    message: str
    """What is not met, and how to meet it."""
    details: Mapping[str, Any] = field(default_factory=dict)
    """The same for programs, as JSON values."""

    def as_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        return {
            "rule": self.rule.value,
            "policies": list(self.policies),
            "message": self.message,
            "details": dict(self.details),
        }


def frozen(freezes: Sequence[OpenFreeze]) -> list[Unmet]:
    """Return the freezes that block a change, with their ends."""
    return [
        Unmet(
            Rule.FREEZE,
            (),
            f"Freeze {one.id} by {one.actor} blocks changes {_until(one.until)}: {one.reason.rstrip('.')}. Wait, "
            f"or lift it (CLI: airflow pinning thaw {one.id}).",
            {"freeze_id": one.id, "actor": one.actor, "reason": one.reason, "until": _iso(one.until)},
        )
        for one in freezes
    ]


def closed(rules: Rules, now: datetime) -> list[Unmet]:
    """Return the closed windows, with the next time at which all windows are open."""
    shut = [(name, window) for name, window in rules.windows if not window.is_open(now)]
    if not shut:
        return []
    names = tuple(name for name, _ in shut)
    said = "; ".join(f"{name} is {window.reason(now)}" for name, window in shut)
    try:
        opening = next_open([window for _, window in rules.windows], now)
        message = f"The release window is closed: {said}. It opens at {opening.isoformat()}."
        return [Unmet(Rule.WINDOW, names, message, {"next_open": opening.isoformat()})]
    except (WindowNeverOpensError, UndecidableWindowError) as error:
        message = f"The release window is closed: {said}. When it opens is unknown: {error} Change the policies."
        return [Unmet(Rule.WINDOW, names, message, {"next_open": None})]


def missing_evidence(rules: Rules, found: Mapping[str, VersionEvidence], now: datetime) -> list[Unmet]:
    """Return the required evidence that is missing, not successful or expired."""
    unmet = []
    for name, policies in rules.evidence.items():
        evidence = found.get(name)
        details: dict[str, Any] = {"name": name, "verdict": evidence.verdict if evidence else None}
        if evidence is None:
            problem = f"There is no evidence {name!r} for the current content of the version."
        elif has_expired(evidence, now):
            problem = f"The evidence {name!r} expired at {_iso(evidence.expires_at)}."
            details["expires_at"] = _iso(evidence.expires_at)
        elif evidence.verdict != Verdict.SUCCESSFUL.value:
            problem = f"The evidence {name!r} by {evidence.actor} is {evidence.verdict}."
            details["url"] = evidence.url
        else:
            continue
        message = f"{problem} Record successful evidence (CLI: airflow pinning record-evidence)."
        unmet.append(Unmet(Rule.EVIDENCE, policies, message, details))
    return unmet


def missing_approvals(rules: Rules, approvals: Sequence[VersionApproval], actor: str) -> list[Unmet]:
    """Return the unmet rule if there are too few approvals. The user who requests the change does not count."""
    agreed = approvers(approvals, actor)
    if len(agreed) >= rules.approvals:
        return []
    own = " Your own does not count." if any(person(row.actor) == person(actor) for row in approvals) else ""
    return [
        Unmet(
            Rule.APPROVALS,
            rules.asking("approvals"),
            f"The version has {len(agreed)} of {plural(rules.approvals, 'approval')}.{own} Ask someone other than "
            f"{actor} with permission to edit the Dag to approve it in the user interface or with the REST API.",
            {"required": rules.approvals, "approved_by": sorted(agreed), "not_by": actor},
        )
    ]


def missing_ramp(rules: Rules, ramp: Ramped | None) -> list[Unmet]:
    """Return the policies whose ramp steps the version has not passed, with the command to start such a ramp."""
    unmet = []
    for name, steps in rules.ramps:
        if ramp is not None and ramp.has_passed(steps):
            continue
        wanted = " ".join(f"--step {_option(step)}" for step in steps)
        if ramp is None:
            problem = "The version has not been through a ramp."
        elif not ramp.is_passed:
            problem = "The ramp has not completed its last step."
        else:
            problem = "The ramp has larger shares, fewer runs, shorter steps or more tolerated failures than required."
        message = f"{problem} Start one with the steps of policy {name} (CLI: airflow pinning ramp ... {wanted})."
        details = {"steps": [step.as_dict() for step in steps]}
        unmet.append(Unmet(Rule.RAMP, (name,), message, details))
    return unmet


def _option(step: Step) -> str:
    parts = [f"{(step.share * 100).normalize():f}%"]
    if step.runs is not None:
        parts.append(str(step.runs))
    if step.duration:
        parts.append(f"{step.duration.total_seconds():g}s")
    return ":".join(parts)


def _until(moment: datetime | None) -> str:
    return f"until {moment.isoformat()}" if moment else "until it is lifted"


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
