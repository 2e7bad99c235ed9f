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
"""Arguments of lists: pins and history."""

from __future__ import annotations

from airflow.cli.cli_config import Arg

from airflow_providers_pinning.cli import values
from airflow_providers_pinning.cli.arguments import forms
from airflow_providers_pinning.cli.arguments.common import FORMS, OFFSET, PAGE
from airflow_providers_pinning.vocabulary import MAX_FAILED_TASKS, MAX_LOG_LINES, EventKind, PinOrder

ORDERS = values.words(PinOrder)
KINDS = values.words(EventKind)

PINS = (
    forms.named(
        "--dag-id-pattern",
        help="Only Dags whose ID contains this; %% matches anything and _ any character",
        metavar="PATTERN",
    ),
    forms.yes_or_no("--behind", help="Only Dags whose active version is behind (or at) the latest version"),
    forms.yes_or_no("--unhealthy", help="Only pins with (or without) a problem"),
    forms.yes_or_no("--failing", help="Only Dags whose newest finished run since the pin failed (or did not fail)"),
    forms.yes_or_no("--held", help="Only Dags on hold (or not on hold)"),
    forms.yes_or_no("--waiting", help="Only Dags with (or without) a candidate that is newer than the active version"),
    forms.yes_or_no("--unapproved", help="Only Dags with (or without) a version that waits for an approval"),
    forms.yes_or_no("--scheduled", help="Only Dags with (or without) a change that takes effect later"),
    forms.named("--actor", help="Only Dags that this user pinned last"),
    forms.switch("--unpinned", help="List Dags that are not pinned, with the policies that require a pin for new Dags"),
    forms.one_of(
        "--order-by",
        help=f"Column to sort by: {', '.join(ORDERS)} (default: dag_id)",
        words=ORDERS,
        default=ORDERS[0],
        metavar="COLUMN",
    ),
    forms.switch("--descending", help="Sort in descending order"),
    *PAGE,
)
"""Which pins to list."""

FAILED_TASKS = forms.whole_number(
    "--tasks", help="Show at most this many tasks (default: 3)", most=MAX_FAILED_TASKS, default=3
)
LOG_LINES = forms.whole_number(
    "--lines", help="Show at most this many lines of each log (default: 10)", most=MAX_LOG_LINES, default=10
)

HISTORY = (
    Arg(("dag_id",), help="Dag ID (default: all Dags)", type=values.name, nargs="?"),
    Arg(
        ("--kind",),
        help=f"Only changes of this kind: {', '.join(KINDS)}; can be repeated",
        choices=KINDS,
        action="append",
        metavar="KIND",
    ),
    forms.named("--actor", help="Only changes by this user"),
    forms.moment("--since", help="Only changes at or after this time"),
    forms.moment("--until", help="Only changes before this time"),
    forms.named(
        "--search", help="Only changes with this text in the reason, the override reason or the user", metavar="TEXT"
    ),
    forms.whole_number("--limit", help="Maximum number of entries to show (default: 100; all for jsonl and csv)"),
    OFFSET,
)
"""Which changes to list."""
HISTORY_OUTPUT = forms.one_of(
    "-o",
    "--output",
    help="Output format: as for other commands, or jsonl or csv for an export (default: table)",
    words=(*FORMS, "jsonl", "csv"),
    metavar="FORM",
    default="table",
)
