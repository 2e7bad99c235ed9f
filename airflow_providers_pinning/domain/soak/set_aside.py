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
"""Ignore outputs of replays that are not deterministic in the evidence."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import Subquery, select
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.canaries.determinism import baselines, without_chance
from airflow_providers_pinning.domain.canaries.outcomes import CountsAs
from airflow_providers_pinning.domain.soak.judged_runs import RUNNING, Scope, of_canaries
from airflow_providers_pinning.domain.soak.verdict import Evidence
from airflow_providers_pinning.models import RoutedRun
from airflow_providers_pinning.vocabulary import RunKind

PAIRED_RUNS = 500
"""Number of the newest replays, also replayed by the active version, to check. Of older ones, all outputs count."""


def set_aside(scope: Scope, runs: Subquery, evidence: Evidence, *, session: Session) -> Evidence:
    """
    Return the evidence without the differences that say nothing about the version.

    :param scope: the runs to judge
    :param runs: the same, with how they count
    :param evidence: the counted evidence
    """
    if scope.kind is RunKind.LIVE or not evidence.replays:
        return evidence
    query = (
        select(RoutedRun)
        .join(runs, runs.c.run_id == RoutedRun.run_id)
        .where(
            *of_canaries(scope),
            RoutedRun.baseline_run_id.is_not(None),
            RoutedRun.output_differences.is_not(None),
            runs.c.counts_as.not_in((CountsAs.NOTHING.value, RUNNING)),
        )
        .order_by(RoutedRun.created_at.desc())
        .limit(PAIRED_RUNS)
    )
    paired = list(session.scalars(query))
    by_active = baselines(scope.dag_id, {run.baseline_run_id for run in paired if run.baseline_run_id}, session=session)
    differences, pending, names = evidence.output_differences, 0, set()
    for run in paired:
        compared = without_chance((run.outcome or {})["replay"], by_active.get(run.baseline_run_id or ""))
        left = compared["differences"]
        pending += left is None
        differences -= (run.output_differences or 0) - (left or 0)
        names.update(compared.get("set_aside", ()))
    return replace(
        evidence,
        replays=evidence.replays - pending,
        replays_not_compared=evidence.replays_not_compared + pending,
        replays_pending=pending,
        output_differences=differences,
        outputs_set_aside=tuple(sorted(names)),
    )
