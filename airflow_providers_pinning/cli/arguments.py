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
"""The arguments of the commands."""

from __future__ import annotations

import argparse

from airflow.cli.cli_config import Arg

from airflow_providers_pinning.cli import criteria_arguments, values
from airflow_providers_pinning.vocabulary import (
    FinishedRuns,
    PinOrder,
    UnfinishedRuns,
)

ORDERS = values.words(PinOrder)

KINDS = (
    "pinned",
    "unpinned",
    "rolled_back",
    "runs_repaired",
    "held",
    "unheld",
    "candidate",
    "canary",
    "rejected",
    "restored",
    "repaired",
    "acknowledged",
    "criteria_set",
    "failing",
    "confirmed",
    "forgotten",
)
"""What a change did, as :class:`~airflow_providers_pinning.domain.history.events.EventKind` has it."""

OUTPUT = Arg(
    ("-o", "--output"),
    help="How to show it: table leaves columns out on a narrow terminal, wide shows all of them, plain is for cut and "
    "awk, json and yaml for programs (default: table)",
    choices=("table", "wide", "json", "yaml", "plain"),
    metavar="FORM",
    default="table",
)

DAG_ID = Arg(("dag_id",), help="The id of the Dag", type=values.name)


def version_number(help: str, *, required: bool = False) -> Arg:
    """Return the option that names a version by its number."""
    return Arg(("-V", "--version-number"), help=help, type=values.whole_number(1), metavar="NUMBER", required=required)


VERSION_REQUIRED = version_number("Number of the version, as Airflow shows it", required=True)
VERSION_OR_LATEST = version_number("Number of the version, as Airflow shows it (default: the latest)")

DAG_VERSION_ID = Arg(
    ("--dag-version-id",), help="Id of the version, instead of its number", type=values.identifier, metavar="UUID"
)
BUNDLE_VERSION = Arg(
    ("--bundle-version",),
    help="Full commit hash, instead of the number: the version that the Dag had at that commit",
    type=values.name,
    metavar="VERSION",
)

COMMIT = Arg(
    ("--bundle-version",),
    help="Version of the bundle to wait for, such as a full commit hash",
    type=values.name,
    metavar="VERSION",
    required=True,
)
OVERTAKEN_OK = Arg(
    ("--overtaken-ok",),
    help="Take the first version that includes the commit if a later one changed the Dag before it was parsed",
    action="store_true",
)
TIMEOUT_OF_WAIT = Arg(
    ("--timeout",),
    help="Seconds to wait (default: 600); 0 looks once",
    type=values.seconds,
    default=600.0,
    metavar="SECONDS",
)

REASON = Arg(
    ("-r", "--reason"),
    help="Why the change is made; kept in the history",
    type=values.reason,
    metavar="TEXT",
    required=True,
)


def override_reason(help: str) -> Arg:
    """Return the option that gives a reason to pass over what refuses a change."""
    return Arg(("--override-reason",), help=f"{help}; kept in the history", type=values.reason, metavar="TEXT")


OVERRIDE_OF_PIN = override_reason(
    "Why to pin the version although it was rejected, its verdict is failed, only hosts that have its code can run it, "
    "or the Dag is on hold, which lifts the hold"
)
OVERRIDE_OF_UNPIN = override_reason("Why to unpin although the Dag is on hold, which lifts the hold")
OVERRIDE_OF_ROLLBACK = override_reason(
    "Why to roll back to a version that was rejected, or to a newer one while the Dag is on hold"
)
OVERRIDE_OF_CANARY = override_reason("Why to run the version although it was rejected")
EXPECTED_REVISION = Arg(
    ("--expected-revision",),
    help="Refuse if the pin is not at this revision, because it was changed since you looked",
    type=values.whole_number(0),
    metavar="NUMBER",
)
EXPECTED_REVISION_OF_CRITERIA = Arg(
    ("--expected-revision",),
    help="Refuse if the criteria are not at this revision, because they were changed since you looked",
    type=values.whole_number(0),
    metavar="NUMBER",
)
EXPECTED_DAG_HASH = Arg(
    ("--expected-dag-hash",),
    help="Refuse if the version does not have this hash, because it was changed since it was approved",
    type=values.name,
    metavar="HASH",
)
EXPECTED_BUNDLE_VERSION = Arg(
    ("--expected-bundle-version",),
    help="Refuse if the version does not have this commit: versions with the same hash may have different code",
    type=values.name,
    metavar="VERSION",
)
EXPECTED_VERSION = (EXPECTED_DAG_HASH, EXPECTED_BUNDLE_VERSION)
"""What the version that a command is about must be."""
ACTOR = Arg(
    ("--actor",),
    help="Who makes the change, for the history, which keeps the user of the operating system beside it "
    "(default: AIRFLOW_PINNING_ACTOR, else that user)",
    type=values.name,
    metavar="NAME",
)
IDEMPOTENCY_KEY = Arg(
    ("--idempotency-key",),
    help="Make the change once only, however often a command with this key is run",
    type=values.name,
    metavar="KEY",
)
DRY_RUN = Arg(("--dry-run",), help="Show what the change would do, and do not make it", action="store_true")

TO_VERSION_BACK = Arg(
    ("--to-version",),
    help="Number of the version to return to (default: the one that was active before)",
    type=values.whole_number(1),
    metavar="NUMBER",
)
KEEP_CURRENT = Arg(("--keep-current",), help="Don't reject the current version", action="store_true")
HOLD = Arg(
    ("--hold",),
    help="Block further changes, except rollbacks, unless --override-reason is given",
    action="store_true",
)

HOLD_UNTIL = Arg(
    ("--hold-until",),
    help="With --hold: when the hold ends by itself, such as 2026-01-31T12:00:00+00:00 (default: when it is lifted)",
    type=values.moment,
    metavar="TIME",
)
UNTIL = Arg(
    ("--until",),
    help="When the hold ends by itself, such as 2026-01-31T12:00:00+00:00 (default: when it is lifted)",
    type=values.moment,
    metavar="TIME",
)
DAG_IDS = Arg(("dag_id",), help="The ids of the Dags", type=values.name, nargs="+", metavar="dag_id")
REPAIR = (
    Arg(
        ("--unfinished",),
        help="What becomes of queued and running runs of the current version: keep, or cancel, which ends them as "
        "failed (default: keep)",
        choices=values.words(UnfinishedRuns),
        default=UnfinishedRuns.KEEP.value,
    ),
    Arg(
        ("--finished",),
        help="What becomes of finished runs of the current version: keep, or rerun, which clears them onto the version "
        "that is active then (default: keep)",
        choices=values.words(FinishedRuns),
        default=FinishedRuns.KEEP.value,
    ),
    Arg(("--only-failed",), help="With --finished rerun: only runs that failed", action="store_true"),
    Arg(
        ("--runs-since",),
        help="Only runs that were due then or later (default: created since the current version was pinned)",
        type=values.moment,
        metavar="TIME",
    ),
    Arg(
        ("--skip-blocked",),
        help="Leave runs alone that cannot be repaired, rather than refuse the rollback",
        action="store_true",
    ),
)
"""What becomes of the runs of the version that is rolled back."""

PATTERN = Arg(
    ("--dag-id-pattern",),
    help="Only Dags whose id contains this; %% matches anything and _ any character",
    type=values.name,
    metavar="PATTERN",
)
BEHIND = Arg(
    ("--behind",),
    help="Only Dags whose active version is behind (or at) the latest version",
    action=argparse.BooleanOptionalAction,
    default=None,
)
UNHEALTHY = Arg(
    ("--unhealthy",),
    help="Only pins that have (or do not have) a problem",
    action=argparse.BooleanOptionalAction,
    default=None,
)
FAILING = Arg(
    ("--failing",),
    help="Only Dags whose newest finished run since the pin failed (or did not)",
    action=argparse.BooleanOptionalAction,
    default=None,
)
ORDER_BY = Arg(
    ("--order-by",),
    help=f"By what to sort: {', '.join(ORDERS)} (default: dag_id)",
    choices=ORDERS,
    default=ORDERS[0],
    metavar="COLUMN",
)
DESCENDING = Arg(("--descending",), help="Sort in descending order", action="store_true")
LIMIT = Arg(
    ("--limit",),
    help="How many entries to show at most (default: 100)",
    type=values.whole_number(1, 10_000),
    default=100,
    metavar="NUMBER",
)
OFFSET = Arg(
    ("--offset",),
    help="How many entries to leave out before the first (default: 0)",
    type=values.whole_number(0),
    default=0,
    metavar="NUMBER",
)

HISTORY = (
    Arg(("dag_id",), help="The id of the Dag (default: all Dags)", type=values.name, nargs="?"),
    Arg(
        ("--action",),
        help=f"Only changes of this kind: {', '.join(KINDS)}; can be given several times",
        choices=KINDS,
        action="append",
        metavar="ACTION",
    ),
    Arg(("--actor",), help="Only what this user did", type=values.name, metavar="NAME"),
    Arg(("--since",), help="Only what was done then or later", type=values.moment, metavar="TIME"),
    Arg(("--until",), help="Only what was done before", type=values.moment, metavar="TIME"),
    Arg(
        ("--search",),
        help="Only what has this in its reason, its override reason or its actor's name",
        type=values.name,
        metavar="TEXT",
    ),
    Arg(
        ("--limit",),
        help="How many entries to show at most (default: 100; all for jsonl and csv)",
        type=values.whole_number(1),
        metavar="NUMBER",
    ),
)
"""Which changes of the history."""
HISTORY_OUTPUT = Arg(
    ("-o", "--output"),
    help="How to show it, as for other commands, or jsonl or csv to export it (default: table)",
    choices=("table", "wide", "json", "yaml", "plain", "jsonl", "csv"),
    metavar="FORM",
    default="table",
)

RUN_IDS = Arg(
    ("--run-id",),
    help="A run to acknowledge; can be given several times (default: all that are reported)",
    type=values.name,
    action="append",
    metavar="RUN_ID",
)
WAIT_FOR_VERDICT = Arg(("--wait",), help="Wait for a final verdict", action="store_true")
TIMEOUT = Arg(
    ("--timeout",),
    help="Seconds after which --wait gives up (default: never)",
    type=values.seconds,
    metavar="SECONDS",
)

SOAK_CRITERIA = (
    *criteria_arguments.CRITERIA,
    Arg(
        ("--since",),
        help="When the soak began (default: when the version was pinned, or its evaluation began)",
        type=values.moment,
        metavar="TIME",
    ),
    EXPECTED_DAG_HASH,
    EXPECTED_BUNDLE_VERSION,
)
"""What is asked about a version; criteria that are left out are those of the Dag."""
IGNORE_VERDICT = Arg(
    ("--ignore-verdict",), help="Pin the version although its canary runs failed the criteria", action="store_true"
)

FROM_VERSION = Arg(
    ("--from-version",),
    help="Number of the version to start from (default: the active one)",
    type=values.whole_number(1),
    metavar="NUMBER",
)
TO_VERSION_COMPARED = Arg(
    ("--to-version",),
    help="Number of the version to compare it with (default: the latest)",
    type=values.whole_number(1),
    metavar="NUMBER",
)
NO_SOURCE = Arg(("--no-source",), help="Omit the diffs of source and files", action="store_true")
EXIT_CODE = Arg(("--exit-code",), help="Exit with 7 if the versions differ", action="store_true")
