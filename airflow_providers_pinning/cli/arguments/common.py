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
"""Arguments shared by several commands."""

from __future__ import annotations

from airflow.cli.cli_config import ARG_VERBOSE, ARG_YES, Arg

from airflow_providers_pinning.cli import values
from airflow_providers_pinning.cli.arguments import forms

FORMS = ("table", "wide", "json", "yaml", "plain")
OUTPUT = forms.one_of(
    "-o",
    "--output",
    help="Output format: table hides columns on a narrow terminal, wide shows all of them, plain suits cut and "
    "awk, json and yaml suit programs (default: table)",
    words=FORMS,
    metavar="FORM",
    default="table",
)
SHOWN = (OUTPUT, ARG_VERBOSE)
"""How a command shows its output."""

DAG_ID = Arg(("dag_id",), help="Dag ID", type=values.name)
DAG_IDS = Arg(("dag_id",), help="Dag IDs", type=values.name, nargs="+", metavar="dag_id")


def version_number(help: str, *, required: bool = False) -> Arg:
    """Return the option that selects a version by number."""
    return forms.whole_number("-V", "--version-number", help=help, required=required)


VERSION_REQUIRED = version_number("Version number, as shown in Airflow", required=True)
VERSION_OR_LATEST = version_number("Version number, as shown in Airflow (default: the latest)")


def expected_revision(of: str, are: str = "is") -> Arg:
    """Return the option that refuses the change if someone else made one in the meantime."""
    was = "was" if are == "is" else "were"
    it = "it" if are == "is" else "they"
    return forms.whole_number(
        "--expected-revision",
        help=f"Refuse if {of} {are} not at this revision, because {it} {was} changed since you looked",
        least=0,
    )


EXPECTED_REVISION = expected_revision("the pin")
EXPECTED_VERSION = (
    forms.named(
        "--expected-dag-hash",
        help="Refuse if the version no longer has this hash, because it changed after approval",
        metavar="HASH",
    ),
    forms.named(
        "--expected-bundle-version",
        help="Refuse if the version no longer has this commit; versions with the same hash can have different code",
        metavar="VERSION",
    ),
)
"""What the version must be."""


EXPECTED_POLICY_REVISION = forms.whole_number(
    "--expected-policy-revision",
    help="Refuse if the release policies are not at this revision, so that --override-reason overrides no others",
    least=0,
)


def override_reason(help: str) -> Arg:
    """Return the option that gives a reason for overriding a refusal."""
    return forms.text("--override-reason", help=f"{help}; shown in the history")


ACTOR = forms.named(
    "--actor",
    help="User who makes the change, for the history, which records the operating system user too (default: "
    "AIRFLOW_PINNING_ACTOR, else the operating system user)",
)

CHANGE = (
    forms.text("-r", "--reason", help="Reason for the change; shown in the history", required=True),
    ACTOR,
    forms.named(
        "--idempotency-key",
        help="Make the change only once, even if the command runs again with the same key",
        metavar="KEY",
    ),
    forms.switch("--dry-run", help="Preview the change without making it"),
    ARG_YES,
    *SHOWN,
)
"""Arguments of every command that changes something."""

LIMIT = forms.whole_number("--limit", help="Maximum number of entries to show (default: 100)", most=10_000, default=100)
OFFSET = forms.whole_number("--offset", help="Number of entries to skip (default: 0)", least=0, default=0)
PAGE = (LIMIT, OFFSET)
"""Which page of a list to show."""

TIMEOUT = forms.seconds("--timeout", help="Seconds after which --wait gives up (default: never)")
