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
"""Judge the soaks that policies require, with the same code as all soaks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.errors import PinningError
from airflow_providers_pinning.domain.policies.matching import IDS_IN_A_STATEMENT
from airflow_providers_pinning.domain.policies.merge import Rules, strictest
from airflow_providers_pinning.domain.policies.rules import Unmet
from airflow_providers_pinning.domain.soak.criteria import question_from
from airflow_providers_pinning.domain.soak.soak import soak
from airflow_providers_pinning.domain.versions.identity import VersionIdentity
from airflow_providers_pinning.models import DagCriteria
from airflow_providers_pinning.vocabulary import Rule, RunKind, Verdict


def unmet_soaks(
    asked: Mapping[str, tuple[VersionIdentity | None, Rules]], *, session: Session
) -> dict[str, tuple[Unmet, ...]]:
    """
    Judge the versions of Dags whose rules require a soak.

    :param asked: the version to become active and the rules, by Dag
    :param session: database session
    """
    asked = {dag_id: (version, rules) for dag_id, (version, rules) in asked.items() if rules.soaks}
    own = _criteria(asked, session=session) if asked else {}
    found = {}
    for dag_id, (version, rules) in asked.items():
        problems = tuple(
            problem
            for kind, criteria in rules.soaks.items()
            if (problem := _unmet(dag_id, version, rules, kind, _with_own(criteria, own.get(dag_id, {})), session))
        )
        if problems:
            found[dag_id] = problems
    return found


def _criteria(dag_ids: Mapping[str, Any], *, session: Session) -> dict[str, Mapping[str, Any]]:
    """Read the Dags' own criteria."""
    ids = list(dag_ids)
    found: dict[str, Mapping[str, Any]] = {}
    for start in range(0, len(ids), IDS_IN_A_STATEMENT):
        named = DagCriteria.dag_id.in_(ids[start : start + IDS_IN_A_STATEMENT])
        found.update({row.dag_id: row.criteria for row in session.scalars(select(DagCriteria).where(named))})
    return found


def _with_own(criteria: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Apply the Dag's own criteria where they are stricter, except for its kind of runs."""
    return strictest(
        criteria, {name: value for name, value in own.items() if name != "run_kinds" and value is not None}
    )


def _unmet(
    dag_id: str,
    version: VersionIdentity | None,
    rules: Rules,
    kind: RunKind,
    criteria: Mapping[str, Any],
    session: Session,
) -> Unmet | None:
    names = rules.asking("soak")
    if version is None:
        return Unmet(Rule.SOAK, names, "There is no version to judge.")
    if kind is RunKind.LIVE:
        # Only canary runs can be replays.
        criteria = {name: value for name, value in criteria.items() if name != "max_output_differences"}
    asked = {"run_kinds": kind.value, **criteria}
    try:
        judgement = soak(dag_id, version.version_number, question_from(asked), session=session).judgement
    except PinningError as error:
        return Unmet(Rule.SOAK, names, f"The soak cannot be judged: {error.message}", {"criteria": asked})
    if judgement.verdict is Verdict.SUCCESSFUL:
        return None
    return Unmet(
        Rule.SOAK,
        names,
        f"The soak of the version is {judgement.verdict.value}: {judgement.message}",
        {
            "criteria": asked,
            "verdict": judgement.verdict.value,
            "verdict_reason": judgement.reason,
        },
    )
