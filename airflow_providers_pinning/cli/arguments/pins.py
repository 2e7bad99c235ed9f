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
"""The arguments of pins, rollbacks and holds."""

from __future__ import annotations

from airflow.cli.cli_config import Arg

from airflow_providers_pinning.cli import values
from airflow_providers_pinning.cli.arguments import forms
from airflow_providers_pinning.cli.arguments.common import override_reason, version_number
from airflow_providers_pinning.vocabulary import FinishedRuns, UnfinishedRuns

TARGET = (
    version_number("Number of the version, as Airflow shows it"),
    Arg(("--dag-version-id",), help="Id of the version, instead of its number", type=values.identifier, metavar="UUID"),
    forms.named(
        "--bundle-version",
        help="Full commit hash, instead of the number: the version that the Dag had at that commit",
        metavar="VERSION",
    ),
)
"""Which version to pin, in one of three ways."""
IGNORE_VERDICT = forms.switch("--ignore-verdict", help="Pin the version although its canary runs failed the criteria")

TIME = (
    forms.moment(
        "--effective-from",
        "--at",
        help="When the change takes effect, such as 2027-01-31T13:00:00+00:00, by the database's clock (default: now)",
    ),
    forms.switch("--supersede", help="Cancel a change that is pending, rather than be refused because of it"),
)
"""When a change takes effect, and what becomes of another one that is pending."""

OVERRIDE_OF_PIN = override_reason(
    "Reason to pin the version although it was rejected, its verdict is failed, only hosts that have its code can run "
    "it, or the Dag is on hold, which lifts the hold"
)
OVERRIDE_OF_UNPIN = override_reason("Reason to unpin although the Dag is on hold, which lifts the hold")
OVERRIDE_OF_ROLLBACK = override_reason(
    "Reason to roll back to a version that was rejected, or to a newer one while the Dag is on hold"
)

ROLLBACK = (
    forms.whole_number(
        "--to-version", help="Number of the version to return to (default: the one that was active before)"
    ),
    forms.switch("--keep-current", help="Don't reject the current version"),
    forms.switch("--hold", help="Block further changes, except rollbacks, unless --override-reason is given"),
    forms.moment(
        "--hold-until",
        help="With --hold: when the hold ends by itself, such as 2026-01-31T12:00:00+00:00 (default: when it is "
        "lifted)",
    ),
)
"""Where a rollback leads, and what it does besides."""

REPAIR = (
    forms.one_of(
        "--unfinished",
        help="How to handle queued and running runs of the current version: keep, or cancel, which ends them as "
        "failed (default: keep)",
        words=values.words(UnfinishedRuns),
        default=UnfinishedRuns.KEEP.value,
    ),
    forms.one_of(
        "--finished",
        help="How to handle finished runs of the current version: keep, or rerun, which clears them onto the version "
        "that is active then (default: keep)",
        words=values.words(FinishedRuns),
        default=FinishedRuns.KEEP.value,
    ),
    forms.switch("--only-failed", help="With --finished rerun: only runs that failed"),
    forms.moment(
        "--runs-since",
        help="Only runs that were due then or later (default: created since the current version was pinned)",
    ),
    forms.switch("--skip-blocked", help="Skip runs that cannot be repaired instead of refusing the rollback"),
)
"""What becomes of the runs of the version that is rolled back."""

UNTIL = forms.moment(
    "--until", help="When the hold ends by itself, such as 2026-01-31T12:00:00+00:00 (default: when it is lifted)"
)

RUN_IDS = Arg(
    ("--run-id",),
    help="A run to acknowledge; can be repeated (default: all that are reported)",
    type=values.name,
    action="append",
    metavar="RUN_ID",
)
