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
"""Arguments of a verdict: the criteria, and the start of the soak."""

from __future__ import annotations

from airflow.cli.cli_config import Arg

from airflow_providers_pinning.cli import values
from airflow_providers_pinning.cli.arguments import forms
from airflow_providers_pinning.cli.arguments.common import EXPECTED_VERSION, expected_revision
from airflow_providers_pinning.vocabulary import MAX_DURATION_RATIO, FailedTasks, RunKind

RUN_KINDS = values.words(RunKind)
FAILED_TASKS = values.words(FailedTasks)

CRITERIA = (
    forms.whole_number("--min-runs", help="Finished runs required (default: 3)"),
    forms.seconds("--min-duration", help="Minimum duration of the soak (default: 0)"),
    forms.whole_number("--max-failures", help="Failed runs to tolerate (default: 0)", least=0),
    forms.whole_number(
        "--max-output-differences",
        help="Outputs that may differ between replays and their originals (default: not judged)",
        least=0,
    ),
    forms.whole_number("--consecutive-successes", help="Successful runs in a row required, counted from the newest"),
    forms.seconds(
        "--inconclusive-after",
        "--max-wait",
        help="Time after which an undecided soak becomes inconclusive (default: never); --max-wait is the former name",
        action=values.OneValue,
    ),
    forms.one_of(
        "--run-kinds",
        help=f"Which runs count: {', '.join(RUN_KINDS)} (default: canary)",
        words=RUN_KINDS,
        metavar="KIND",
    ),
    forms.one_of(
        "--failed-tasks",
        help="Whether a task that fails after its retries fails a successful run: count or ignore (default: count)",
        words=FAILED_TASKS,
        metavar="HOW",
    ),
    forms.yes_or_no("--compare", help="Compare with the version that it would replace (default: no)"),
    Arg(
        ("--max-duration-ratio",),
        help="With --compare: how many times as long runs may take (default: 1.5)",
        type=values.number(1e-6, MAX_DURATION_RATIO),
        metavar="RATIO",
    ),
    Arg(
        ("--max-failure-rate-increase",),
        help="With --compare: maximum increase of the failure rate, between 0 and 1 (default: 0.05)",
        type=values.number(0, 1),
        metavar="SHARE",
    ),
    forms.seconds(
        "--min-duration-difference",
        help="With --compare: ignore runs that are slower by less than this (default: 5)",
    ),
    forms.whole_number(
        "--min-duration-runs",
        help="With --compare: successful runs required on each side, or replays, to judge durations (default: 3)",
    ),
)
"""Criteria for a version."""
EXPECTED_REVISION_OF_CRITERIA = expected_revision("the criteria", "are")

SOAK_CRITERIA = (
    *CRITERIA,
    forms.moment(
        "--since", help="Start of the soak (default: when the version was pinned, or when its evaluation started)"
    ),
    *EXPECTED_VERSION,
)
"""What to ask about a version. Criteria that are not given come from the Dag."""
WAIT_FOR_VERDICT = forms.switch("--wait", help="Wait for a final verdict")
