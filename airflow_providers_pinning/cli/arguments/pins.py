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
"""Arguments of pins, rollbacks and holds."""

from __future__ import annotations

from airflow.cli.cli_config import Arg

from airflow_providers_pinning.cli import values
from airflow_providers_pinning.cli.arguments import forms
from airflow_providers_pinning.cli.arguments.common import override_reason, version_number
from airflow_providers_pinning.vocabulary import FinishedRuns, UnfinishedRuns

TARGET = (
    version_number("Version number, as shown in Airflow"),
    Arg(("--dag-version-id",), help="Version ID, instead of the number", type=values.identifier, metavar="UUID"),
    forms.named(
        "--bundle-version",
        help="Full commit hash, instead of the number: selects the Dag's version at that commit",
        metavar="VERSION",
    ),
)
"""The version to pin, selected in one of three ways."""
IGNORE_VERDICT = forms.switch("--ignore-verdict", help="Pin the version even if its canary runs failed the criteria")

EFFECTIVE_FROM = forms.moment(
    "--effective-from",
    "--at",
    help="When the change takes effect, such as 2027-01-31T13:00:00+00:00, by the database's clock (default: now)",
)
TIME = (
    EFFECTIVE_FROM,
    forms.switch("--supersede", help="Replace a pending change instead of refusing this one"),
)
"""When a change takes effect, and what happens to another pending change."""

OVERRIDE_OF_PIN = override_reason(
    "Reason for pinning a version that was rejected, failed its verdict, or can only run on hosts that have its "
    "code, or for pinning while the Dag is on hold (this removes the hold)"
)
OVERRIDE_OF_UNPIN = override_reason("Reason for unpinning while the Dag is on hold (this removes the hold)")
OVERRIDE_OF_ROLLBACK = override_reason(
    "Reason for rolling back to a rejected version, or to a newer one while the Dag is on hold"
)

ROLLBACK = (
    forms.whole_number("--to-version", help="Version number to return to (default: the previously active version)"),
    forms.switch("--keep-current", help="Don't reject the current version"),
    forms.switch("--hold", help="Block further changes, except rollbacks, unless --override-reason is given"),
    forms.moment(
        "--hold-until",
        help="With --hold: when the hold expires, such as 2026-01-31T12:00:00+00:00 (default: never)",
    ),
)
"""Target of a rollback, and its side effects."""

REPAIR = (
    forms.one_of(
        "--unfinished",
        help="How to handle queued and running runs of the current version: keep, or cancel, which marks them as "
        "failed (default: keep)",
        words=values.words(UnfinishedRuns),
        default=UnfinishedRuns.KEEP.value,
    ),
    forms.one_of(
        "--finished",
        help="How to handle finished runs of the current version: keep, or rerun, which clears them to run with "
        "the restored version (default: keep)",
        words=values.words(FinishedRuns),
        default=FinishedRuns.KEEP.value,
    ),
    forms.switch("--only-failed", help="With --finished rerun: only failed runs"),
    forms.moment(
        "--runs-since",
        help="Only runs due at or after this time (default: those created since the current version was pinned)",
    ),
    forms.switch("--skip-blocked", help="Skip runs that cannot be repaired instead of refusing the rollback"),
)
"""What happens to the runs of the version that is rolled back."""

UNTIL = forms.moment("--until", help="When the hold expires, such as 2026-01-31T12:00:00+00:00 (default: never)")

RUN_IDS = Arg(
    ("--run-id",),
    help="Run to acknowledge; can be repeated (default: all reported runs)",
    type=values.name,
    action="append",
    metavar="RUN_ID",
)
