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
"""Arguments of canary runs."""

from __future__ import annotations

from airflow.cli.cli_config import Arg

from airflow_providers_pinning.cli import values
from airflow_providers_pinning.cli.arguments import forms
from airflow_providers_pinning.cli.arguments.common import override_reason
from airflow_providers_pinning.vocabulary import (
    MAX_CANARY_RUNS,
    MAX_REPLAYS,
    Alerts,
    Assets,
    Slots,
    StateWrites,
    Triggers,
)

RUNS = (
    forms.whole_number("--count", help="Number of runs (default: 1)", most=MAX_CANARY_RUNS, default=1),
    Arg(
        ("-c", "--conf"),
        help="Conf of each run as a JSON object, validated against the version's own params",
        type=values.json_object,
        metavar="JSON",
    ),
    forms.named(
        "--partition-key",
        help="Partition key of each run (default: that of the last live run, if the Dag is partitioned)",
        metavar="KEY",
    ),
    forms.text("--note", help="Note on each run (default: the reason)"),
)
"""What to run."""
REPLAY = (
    forms.whole_number(
        "--replay-last",
        help="Replay the latest NUMBER successful live runs of the active version, instead of --count and --conf",
        most=MAX_REPLAYS,
    ),
    forms.switch(
        "--replay-baseline",
        help="Replay the same runs with the active version too, to ignore outputs that are not deterministic",
    ),
    Arg(
        ("--replay",),
        help="Live run to replay; can be repeated, instead of --count and --conf",
        type=values.name,
        action="append",
        metavar="RUN_ID",
    ),
)
"""Live runs to replay."""
ISOLATION = (
    forms.one_of(
        "--assets",
        help="How to handle asset events: withhold records them with the run, publish sends them to live Dags "
        "(default: withhold)",
        words=values.words(Assets),
    ),
    forms.one_of(
        "--alerts",
        help="How to handle deadlines, Dag callbacks and emails: withhold or send (default: withhold)",
        words=values.words(Alerts),
    ),
    forms.one_of(
        "--triggers",
        help="How to handle a task that triggers a Dag run: refuse fails the task, allow creates a live run "
        "(default: refuse)",
        words=values.words(Triggers),
    ),
    forms.one_of(
        "--slots",
        help="When to run: behind waits until no live run is waiting; gap runs one at a time between live runs; "
        "shared competes with live runs (default: behind, or gap if max_active_runs is 1)",
        words=values.words(Slots),
    ),
    forms.named("--pool", help="Pool for all tasks of the runs", metavar="POOL"),
    forms.named("--queue", help="Queue for all tasks of the runs", metavar="QUEUE"),
    forms.named("--executor", help="Executor for all tasks of the runs", metavar="EXECUTOR"),
    forms.one_of(
        "--state",
        help="How to handle writes to Variables and asset state: withhold keeps them inside the run, write makes "
        "them visible to live runs (default: withhold)",
        words=values.words(StateWrites),
    ),
    forms.several(
        "--connection",
        help="Connection to substitute for another",
        type=values.substitute,
        metavar="ID=SUBSTITUTE",
    ),
    forms.several(
        "--variable",
        help="Variable to substitute for another",
        type=values.substitute,
        metavar="KEY=SUBSTITUTE",
    ),
)
"""How to isolate canary runs from live runs."""
WAIT_FOR_RUNS = forms.switch("--wait", help="Wait for the runs to finish")
OVERRIDE_OF_CANARY = override_reason("Reason for running a rejected version")
