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
"""The verdict on a version."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from sqlalchemy.orm import Session

from airflow_providers_pinning.cli.command import shows
from airflow_providers_pinning.cli.json_form import soak_report
from airflow_providers_pinning.cli.output import show
from airflow_providers_pinning.cli.release import short
from airflow_providers_pinning.cli.waiting import look_until
from airflow_providers_pinning.cli.wording import Row, properties
from airflow_providers_pinning.domain.soak import soak
from airflow_providers_pinning.domain.soak.baseline import Comparison
from airflow_providers_pinning.domain.soak.criteria import GivenCriteria, question_of
from airflow_providers_pinning.domain.soak.soak import Soak, SoakQuestion
from airflow_providers_pinning.domain.text import plural
from airflow_providers_pinning.vocabulary import ExitCode, FailedTasks, RunKind, Verdict

RUNS_FOR_RATE = 20
"""Below this number of runs, an upper bound of the failure rate says almost nothing."""

CODE_OF = {
    Verdict.SUCCESSFUL: ExitCode.DONE,
    Verdict.PROGRESSING: ExitCode.PROGRESSING,
    Verdict.FAILED: ExitCode.FAILED,
    Verdict.INCONCLUSIVE: ExitCode.INCONCLUSIVE,
}


@shows
def pinning_soak(args: Namespace) -> None:
    """Judge a version by its runs, and exit with the code of the verdict."""
    given = given_criteria(args)

    def look(session: Session) -> tuple[Soak, SoakQuestion]:
        question = question_of(
            args.dag_id,
            given,
            since=args.since,
            expected_dag_hash=args.expected_dag_hash,
            expected_bundle_version=args.expected_bundle_version,
            session=session,
        )
        return soak.soak(args.dag_id, args.version_number, question, session=session), question

    result, question = look_until(
        lambda seen: not args.wait or seen[0].judgement.verdict != Verdict.PROGRESSING, look, timeout=args.timeout
    )
    show(args.output, soak_report(result, question), _rows(result))
    raise SystemExit(CODE_OF[result.judgement.verdict])


def given_criteria(args: Namespace) -> GivenCriteria:
    """Return the criteria given on the command line."""
    return GivenCriteria(
        min_runs=args.min_runs,
        min_duration=args.min_duration,
        max_failures=args.max_failures,
        max_output_differences=args.max_output_differences,
        consecutive_successes=args.consecutive_successes,
        inconclusive_after=args.inconclusive_after,
        run_kinds=RunKind(args.run_kinds) if args.run_kinds else None,
        failed_tasks=FailedTasks(args.failed_tasks) if args.failed_tasks else None,
        compare=args.compare,
        max_duration_ratio=args.max_duration_ratio,
        max_failure_rate_increase=args.max_failure_rate_increase,
        min_duration_difference=args.min_duration_difference,
        min_duration_runs=args.min_duration_runs,
    )


def _rows(result: Soak) -> list[Row]:
    evidence, compared = result.evidence, result.comparison
    rows: dict[str, Any] = {
        "dag_id": result.dag_id,
        "version": short(result.version),
        "verdict": result.judgement.verdict.value,
        "reason": f"{result.judgement.reason}: {result.judgement.message}",
        "since": evidence.since,
        "finished runs": f"{evidence.runs} ({evidence.successes} succeeded, {evidence.failures} failed)",
        "running": evidence.running,
        "cleared": evidence.cleared,
        "no evidence": evidence.not_evidence,
        "retried tasks": evidence.retried_tasks,
        "withheld effects": evidence.withheld_effects,
        "replays": f"{evidence.replays} compared, {evidence.output_differences} outputs differ",
        "set aside": ", ".join(evidence.outputs_set_aside) or None,
    }
    if (bound := evidence.failure_rate_upper_95) is not None and evidence.runs >= RUNS_FOR_RATE:
        rows["failure rate"] = f"at most {bound:.1%} (with 95% confidence)"
    if compared:
        rows |= {
            "compared with": short(result.baseline) or "none (no active version)",
            "comparison": f"{compared.judgement.verdict.value}: {compared.judgement.message}",
            "duration ratio": _ratio(compared.duration_ratio),
            "of replays": _of_pairs(compared),
            "duration ratio of the slowest tenth": _ratio(compared.p90_ratio),
            "failure rates": f"{compared.failure_rate:.1%} (baseline {compared.baseline_failure_rate:.1%})",
        }
    return properties(rows)


def _of_pairs(compared: Comparison) -> str | None:
    """Return how many times as long replays take as their originals."""
    if compared.paired_duration_ratio is None:
        return None
    return f"{compared.paired_duration_ratio:.2f} ({plural(compared.pairs, 'pair')})"


def _ratio(value: float | None) -> str | None:
    return None if value is None else f"{value:.2f}"
