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
"""Prevent a version whose runs failed the Dag's criteria from becoming active by accident."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.errors import VerdictFailedError
from airflow_providers_pinning.domain.history.events import Change
from airflow_providers_pinning.domain.soak.criteria import question_of
from airflow_providers_pinning.domain.soak.soak import soak
from airflow_providers_pinning.domain.versions.expected import is_drifted
from airflow_providers_pinning.domain.versions.identity import VersionIdentity
from airflow_providers_pinning.domain.versions.managed import VersionState
from airflow_providers_pinning.models import DagCriteria, ManagedVersion, RoutedRun
from airflow_providers_pinning.vocabulary import RunKind, Verdict


@dataclass(frozen=True)
class PassedOver:
    """A failed verdict on a version that is pinned anyway."""

    warnings: tuple[str, ...] = ()
    evidence: dict[str, Any] | None = None


def may_have_failed(
    versions: Mapping[str, tuple[VersionIdentity, ManagedVersion | None]], *, session: Session
) -> set[str]:
    """
    Return those of some Dags for whose versions :func:`check_verdict` has something to judge.

    :param versions: a version of each Dag with its management row, by Dag
    :param session: database session
    """
    candidates = {
        dag_id: version.dag_version_id
        for dag_id, (version, managed) in versions.items()
        if managed is not None and managed.state == VersionState.CANDIDATE.value and not is_drifted(version, managed)
    }
    if len(candidates) < 2:
        return set(candidates)
    with_runs = select(RoutedRun.dag_id).distinct().where(RoutedRun.dag_version_id.in_(candidates.values()))
    with_criteria = select(DagCriteria.dag_id).where(DagCriteria.dag_id.in_(candidates))
    return set(session.scalars(with_runs)) & candidates.keys() | set(session.scalars(with_criteria))


def check_verdict(
    dag_id: str,
    version: VersionIdentity,
    managed: ManagedVersion | None,
    change: Change,
    *,
    ignore_verdict: bool,
    session: Session,
) -> PassedOver:
    """
    Refuse a candidate whose verdict by the criteria of the Dag is failed, unless the caller overrides or declines that.

    A version without runs has no such verdict, and neither has one that was active before.

    :param managed: the management row of the version
    :param ignore_verdict: the caller judges by something else
    :raises VerdictFailedError: if it failed
    """
    if managed is None or managed.state != VersionState.CANDIDATE.value or is_drifted(version, managed):
        return PassedOver()
    question = question_of(dag_id, session=session)
    if question.run_kinds is RunKind.CANARY and not _has_canaries(dag_id, version, session=session):
        return PassedOver()
    judgement = soak(dag_id, version.version_number, question, session=session).judgement
    if judgement.verdict is not Verdict.FAILED:
        return PassedOver()
    if not (ignore_verdict or change.override_reason):
        raise VerdictFailedError(
            f"The verdict on Dag {dag_id!r}, {version.label}, is failed: {judgement.message} Pin another version, "
            "or provide an override_reason (CLI: --override-reason). A promotion with its own criteria skips this "
            "check with ignore_verdict.",
            dag_id=dag_id,
            version_number=version.version_number,
            verdict=judgement.verdict.value,
            verdict_reason=judgement.reason,
            verdict_message=judgement.message,
        )
    return PassedOver(
        (f"Version {version.version_number} is pinned despite its failed verdict: {judgement.message}",),
        {"verdict": {"verdict": judgement.verdict.value, "reason": judgement.reason, "message": judgement.message}},
    )


def _has_canaries(dag_id: str, version: VersionIdentity, *, session: Session) -> bool:
    of_version = (RoutedRun.dag_id == dag_id, RoutedRun.dag_version_id == version.dag_version_id)
    return bool(session.scalar(select(exists().where(*of_version))))
