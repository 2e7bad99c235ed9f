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
from enum import Enum

from airflow._shared.timezones.timezone import parse as parsedate
from airflow.cli.cli_config import Arg

from airflow_providers_pinning.cli import values
from airflow_providers_pinning.vocabulary import (
    MAX_CANARY_RUNS,
    MAX_DURATION_RATIO,
    MAX_REPLAYS,
    Alerts,
    Assets,
    FailedTasks,
    PinOrder,
    RunKind,
    Slots,
    StateWrites,
    Triggers,
)


def _words(of: type[Enum]) -> tuple[str, ...]:
    return tuple(member.value for member in of)


RUN_KINDS = _words(RunKind)
FAILED_TASKS = _words(FailedTasks)
ORDERS = _words(PinOrder)

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
    help="Version of the bundle, such as a full commit hash, instead of the number; the newest version parsed from it",
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
OVERRIDE_REASON = Arg(
    ("--override-reason",),
    help="Why a hold, a rejection or a failed verdict is passed over; kept in the history",
    type=values.reason,
    metavar="TEXT",
)
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

COUNT = Arg(
    ("--count",),
    help="How many runs (default: 1)",
    type=values.whole_number(1, MAX_CANARY_RUNS),
    default=1,
    metavar="NUMBER",
)
CONF = Arg(
    ("-c", "--conf"),
    help="Configuration of each run as a JSON object, checked against the version's own parameters",
    type=values.json_object,
    metavar="JSON",
)
RUN_IDS = Arg(
    ("--run-id",),
    help="A run to acknowledge; can be given several times (default: all that are reported)",
    type=values.name,
    action="append",
    metavar="RUN_ID",
)
NOTE = Arg(("--note",), help="Note on each run (default: the reason)", type=values.reason, metavar="TEXT")
PARTITION_KEY = Arg(
    ("--partition-key",),
    help="Partition of each run (default: that of the last live run, if the Dag is partitioned)",
    type=values.name,
    metavar="KEY",
)
REPLAY = (
    Arg(
        ("--replay-last",),
        help="Replay that many of the newest successful live runs of the active version, instead of --count and --conf",
        type=values.whole_number(1, MAX_REPLAYS),
        metavar="NUMBER",
    ),
    Arg(
        ("--replay-baseline",),
        help="Let the active version replay the same runs, to set aside outputs that are not deterministic",
        action="store_true",
    ),
    Arg(
        ("--replay",),
        help="A live run to replay; can be given several times, instead of --count and --conf",
        type=values.name,
        action="append",
        metavar="RUN_ID",
    ),
)
"""Live runs whose inputs canary runs have."""
ISOLATION = (
    Arg(
        ("--assets",),
        help="What becomes of asset events: withhold keeps them with the run, publish lets live Dags run on them "
        "(default: withhold)",
        choices=_words(Assets),
    ),
    Arg(
        ("--alerts",),
        help="What becomes of deadlines, Dag callbacks and e-mails: withhold or send (default: withhold)",
        choices=_words(Alerts),
    ),
    Arg(
        ("--triggers",),
        help="What becomes of a task that triggers a run of any Dag: refuse lets it fail, allow makes the run "
        "a live one (default: refuse)",
        choices=_words(Triggers),
    ),
    Arg(
        ("--slots",),
        help="behind: start when no live run waits; gap: one at a time, between live runs; shared: count as live runs, "
        "which wait for them (default: behind, or gap if max_active_runs is 1)",
        choices=_words(Slots),
    ),
    Arg(("--pool",), help="Pool of all tasks of the runs", type=values.name, metavar="POOL"),
    Arg(("--queue",), help="Queue of all tasks of the runs", type=values.name, metavar="QUEUE"),
    Arg(("--executor",), help="Executor of all tasks of the runs", type=values.name, metavar="EXECUTOR"),
    Arg(
        ("--state",),
        help="What becomes of writes to Variables and to the state of assets: withhold keeps them inside the run, "
        "write lets live runs read them (default: withhold)",
        choices=_words(StateWrites),
    ),
    Arg(
        ("--connection",),
        help="Connection that the runs get instead of another one; can be given several times",
        type=values.substitute,
        action="append",
        metavar="ID=SUBSTITUTE",
    ),
    Arg(
        ("--variable",),
        help="Variable that the runs get instead of another one; can be given several times",
        type=values.substitute,
        action="append",
        metavar="KEY=SUBSTITUTE",
    ),
)
"""How canary runs are kept apart from live ones."""
WAIT_FOR_RUNS = Arg(("--wait",), help="Wait until the runs are finished", action="store_true")
WAIT_FOR_VERDICT = Arg(("--wait",), help="Wait for a final verdict", action="store_true")
TIMEOUT = Arg(
    ("--timeout",),
    help="Seconds after which --wait gives up (default: never)",
    type=values.seconds,
    metavar="SECONDS",
)

CRITERIA = (
    Arg(
        ("--min-runs",),
        help="Finished runs that are needed (default: 3)",
        type=values.whole_number(1),
        metavar="NUMBER",
    ),
    Arg(
        ("--min-duration",),
        help="Time that the soak must last (default: 0)",
        type=values.seconds,
        metavar="SECONDS",
    ),
    Arg(
        ("--max-failures",),
        help="Failed runs that are tolerated (default: 0)",
        type=values.whole_number(0),
        metavar="NUMBER",
    ),
    Arg(
        ("--max-output-differences",),
        help="Outputs that may differ between replays and their originals (default: they are not judged)",
        type=values.whole_number(0),
        metavar="NUMBER",
    ),
    Arg(
        ("--consecutive-successes",),
        help="Successful runs in a row that are needed, counted from the newest",
        type=values.whole_number(1),
        metavar="NUMBER",
    ),
    Arg(
        ("--inconclusive-after", "--max-wait"),
        help="Time after which an undecided soak is inconclusive (default: never); --max-wait is the former name",
        type=values.seconds,
        action=values.OneValue,
        metavar="SECONDS",
    ),
    Arg(
        ("--run-kinds",),
        help=f"Which runs count: {', '.join(RUN_KINDS)} (default: canary)",
        choices=RUN_KINDS,
        metavar="KIND",
    ),
    Arg(
        ("--failed-tasks",),
        help="Whether a task that fails after its retries fails a run that ends well: count or ignore (default: count)",
        choices=FAILED_TASKS,
        metavar="HOW",
    ),
    Arg(
        ("--compare",),
        help="Judge by a comparison with the version that it would replace (default: no)",
        action=argparse.BooleanOptionalAction,
    ),
    Arg(
        ("--max-duration-ratio",),
        help="With --compare: how much longer runs may take (default: 1.5)",
        type=values.number(1e-6, MAX_DURATION_RATIO),
        metavar="RATIO",
    ),
    Arg(
        ("--max-failure-rate-increase",),
        help="With --compare: how much more often runs may fail, between 0 and 1 (default: 0.05)",
        type=values.number(0, 1),
        metavar="SHARE",
    ),
    Arg(
        ("--min-duration-difference",),
        help="With --compare: by how much longer runs must take to be slower (default: 5)",
        type=values.seconds,
        metavar="SECONDS",
    ),
    Arg(
        ("--min-duration-runs",),
        help="With --compare: successful runs on each side, or replays, needed to judge durations (default: 3)",
        type=values.whole_number(1),
        metavar="NUMBER",
    ),
)
"""What a version is judged by."""
SOAK_CRITERIA = (
    *CRITERIA,
    Arg(
        ("--since",),
        help="When the soak began (default: when the version was pinned, or its evaluation began)",
        type=parsedate,
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
