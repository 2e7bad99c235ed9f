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
"""The arguments of canary runs."""

from __future__ import annotations

from airflow.cli.cli_config import Arg

from airflow_providers_pinning.cli import values
from airflow_providers_pinning.vocabulary import (
    MAX_CANARY_RUNS,
    MAX_REPLAYS,
    Alerts,
    Assets,
    Slots,
    StateWrites,
    Triggers,
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
        choices=values.words(Assets),
    ),
    Arg(
        ("--alerts",),
        help="What becomes of deadlines, Dag callbacks and e-mails: withhold or send (default: withhold)",
        choices=values.words(Alerts),
    ),
    Arg(
        ("--triggers",),
        help="What becomes of a task that triggers a run of any Dag: refuse lets it fail, allow makes the run "
        "a live one (default: refuse)",
        choices=values.words(Triggers),
    ),
    Arg(
        ("--slots",),
        help="behind: start when no live run waits; gap: one at a time, between live runs; shared: count as live runs, "
        "which wait for them (default: behind, or gap if max_active_runs is 1)",
        choices=values.words(Slots),
    ),
    Arg(("--pool",), help="Pool of all tasks of the runs", type=values.name, metavar="POOL"),
    Arg(("--queue",), help="Queue of all tasks of the runs", type=values.name, metavar="QUEUE"),
    Arg(("--executor",), help="Executor of all tasks of the runs", type=values.name, metavar="EXECUTOR"),
    Arg(
        ("--state",),
        help="What becomes of writes to Variables and to the state of assets: withhold keeps them inside the run, "
        "write lets live runs read them (default: withhold)",
        choices=values.words(StateWrites),
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
