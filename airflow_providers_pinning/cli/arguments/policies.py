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
"""Arguments of policies, freezes, evidence and approvals."""

from __future__ import annotations

from airflow.cli.cli_config import Arg

from airflow_providers_pinning.cli import values

FILE = Arg(("file",), help="YAML file with the policies; - reads standard input", metavar="FILE")
EXPECTED_REVISION = Arg(
    ("--expected-revision",),
    help="Refuse if the policies are not at this revision, because they were changed since you looked",
    type=values.whole_number(0),
    metavar="NUMBER",
)
FILE_TO_CHECK = Arg(
    ("file",),
    help="YAML file with the policies; - reads standard input (default: the current policies)",
    metavar="FILE",
    nargs="?",
)
EXIT_CODE = Arg(
    ("--exit-code",),
    help="Exit with 7 if applying the file would change anything",
    action="store_true",
)
VERSION = Arg(
    ("-V", "--version-number"),
    help="Version number to check (default: the newest candidate, else the latest)",
    type=values.whole_number(1),
    metavar="NUMBER",
)
MATCHING = tuple(
    Arg((f"--{option}",), help=help, type=values.name, action="append", dest=kind, metavar=metavar)
    for option, kind, metavar, help in (
        ("tag", "tags", "TAG", "Only Dags with this tag; this and the following options can be repeated"),
        ("bundle", "bundles", "NAME", "Only Dags in this bundle"),
        ("dag-id", "dag_ids", "PATTERN", "Only Dags whose ID matches this pattern, such as payments_*"),
        ("team", "teams", "NAME", "Only Dags of this team"),
        ("owner", "owners", "NAME", "Only Dags with this owner"),
    )
)
UNTIL = Arg(
    ("--until",),
    help="When the freeze expires, such as 2026-01-31T12:00:00+00:00 (default: never)",
    type=values.moment,
    metavar="TIME",
)
FREEZE_ID = Arg(("freeze_id",), help="Freeze ID", type=values.whole_number(1), metavar="FREEZE")
ALL = Arg(("--all",), help="Include freezes that have ended", action="store_true")
EVIDENCE = (
    Arg(("--name",), help="Name of the check, such as regression", type=values.name, metavar="NAME", required=True),
    Arg(
        ("--verdict",),
        help="Result of the check",
        choices=("successful", "failed", "inconclusive"),
        required=True,
    ),
    Arg(("--url",), help="URL of the details", type=values.text(2000), metavar="URL"),
    Arg(("--expires-at",), help="When the evidence expires (default: never)", type=values.moment, metavar="TIME"),
    Arg(("--details",), help="Further details as a JSON object", type=values.json_object, metavar="JSON"),
)
