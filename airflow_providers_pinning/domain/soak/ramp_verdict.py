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
The verdict on the version of a ramp, and its consequences.

It is the verdict of a soak. It is checked at the creation of each run of the Dag, so a single statement first decides
whether anything can have changed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from airflow._shared.timezones import timezone
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.errors import PinningError
from airflow_providers_pinning.domain.monitoring.ramp_runs import Counts, present_step
from airflow_providers_pinning.domain.soak.soak import Soak, SoakQuestion, soak
from airflow_providers_pinning.domain.soak.verdict import Criteria
from airflow_providers_pinning.domain.versions.identity import VersionIdentity
from airflow_providers_pinning.models import Ramp
from airflow_providers_pinning.vocabulary import RampPromotion, RunKind, Verdict


class Course(Enum):
    """The next action for a ramp."""

    STAY = "stay"
    ADVANCE = "advance"
    PROMOTE = "promote"
    ABORT = "abort"


@dataclass(frozen=True)
class Assessment:
    """The next action for a ramp, and the reason."""

    course: Course
    message: str = ""
    is_passed: bool = False
    """Whether the last step is passed."""
    evidence: dict[str, Any] = field(default_factory=dict)


def assess(ramp: Ramp, counts: Counts, *, session: Session) -> Assessment:
    """
    Decide the next action for a ramp from the runs of its version.

    :param ramp: a running ramp
    :param counts: the result of :func:`count_runs`
    :param session: database session
    """
    step = present_step(ramp)
    is_over = timezone.utcnow() - ramp.step_since >= step.duration
    if not counts.failed and not (is_over and counts.finished >= step.needed_runs):
        return Assessment(Course.STAY)
    version = VersionIdentity.from_dict(ramp.to_version)
    tolerated = Criteria(min_runs=1, max_failures=ramp.max_failures)
    try:
        whole = _soak(ramp, version, SoakQuestion(tolerated, RunKind.LIVE, ramp.started_at), session=session)
        if whole.judgement.verdict is Verdict.FAILED:
            return Assessment(Course.ABORT, whole.judgement.message, evidence=_evidence(whole))
        needed = Criteria(step.needed_runs, step.duration, ramp.max_failures)
        now = _soak(ramp, version, SoakQuestion(needed, RunKind.LIVE, ramp.step_since), session=session)
    except PinningError as error:
        # It is gone, or has changed since the ramp was started.
        return Assessment(Course.ABORT, error.message, evidence={"reason": error.reason})
    if now.judgement.verdict is not Verdict.SUCCESSFUL:
        return Assessment(Course.STAY, now.judgement.message)
    if ramp.step + 1 < len(ramp.steps):
        return Assessment(Course.ADVANCE, now.judgement.message, evidence=_evidence(now))
    if ramp.promotion == RampPromotion.MANUAL.value:
        return Assessment(Course.STAY, "The last step is completed. Promote the ramp, or abort it.", is_passed=True)
    return Assessment(Course.PROMOTE, now.judgement.message, True, _evidence(now))


def _soak(ramp: Ramp, version: VersionIdentity, question: SoakQuestion, *, session: Session) -> Soak:
    found = soak(ramp.dag_id, version.version_number, question, session=session)
    if found.version.dag_version_id != version.dag_version_id:
        raise PinningError(f"Version {version.version_number} of Dag {ramp.dag_id!r} was rewritten.")
    return found


def _evidence(found: Soak) -> dict[str, Any]:
    evidence = found.evidence
    return {
        "verdict": found.judgement.verdict.value,
        "message": found.judgement.message,
        "finished": evidence.runs,
        "failed": evidence.failures,
        "since": evidence.since.isoformat(),
    }
