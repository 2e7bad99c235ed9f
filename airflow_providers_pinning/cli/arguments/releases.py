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
"""Arguments of releases."""

from __future__ import annotations

from airflow.cli.cli_config import Arg

from airflow_providers_pinning.cli import values
from airflow_providers_pinning.cli.arguments import forms
from airflow_providers_pinning.cli.arguments.common import override_reason

MATCH = Arg(
    ("-m", "--match"),
    help="Only Dags that match: tag=NAME, bundle=NAME, owner=NAME or dag-id=PATTERN, with the wildcards * and ?. "
    "Can be repeated: a Dag must match one condition of each kind",
    type=values.condition,
    action="append",
    metavar="KIND=VALUE",
)
NEWEST = forms.switch(
    "--newest",
    help="With --match: pin each Dag to its newest candidate, else to its newest version if that has related changes",
)
DAG_ID_OR_MATCH = Arg(("dag_id",), help="Dag ID; omit it with --match", type=values.name, nargs="?")
EXCLUDE = Arg(
    ("--exclude",),
    help="Exclude this Dag; can be repeated",
    type=values.name,
    action="append",
    metavar="DAG_ID",
)
RELEASE = (
    forms.named("--commit", help="Full commit hash to pin the Dags to", metavar="SHA"),
    forms.named("--bundle", help="Bundle of the commit, if several bundles have it", metavar="NAME"),
    Arg(
        ("--dag-id",),
        help="Only this Dag; can be repeated (default: the pinned Dags that the commit changes)",
        type=values.name,
        action="append",
        metavar="DAG_ID",
    ),
    MATCH,
    forms.switch("--pinned", help="Include all pinned Dags of the bundle, even if the commit does not change them"),
    forms.switch("--all", help="Include all Dags of the bundle, pinned or not"),
    EXCLUDE,
    override_reason("Reason for overriding holds, rejections and failed verdicts"),
)
RELEASE_ID = Arg(("release_id",), help="Release ID", type=values.name)
RELEASE_ID_OR_ALL = Arg(("release_id",), help="Release ID, to show its Dags", type=values.name, nargs="?")
LISTED_RELEASES = (
    forms.named("--dag-id", help="Only releases with this Dag", metavar="DAG_ID"),
    forms.named("--commit", help="Only releases of this commit", metavar="SHA"),
)
ROLLBACK = (
    forms.switch(
        "--leave-moved", help="Skip Dags that were changed since; by default, one such Dag blocks the rollback"
    ),
    EXCLUDE,
    override_reason("Reason for giving a newer version to a Dag on hold"),
)
PINS_FILE = Arg(("file",), help="The YAML file that lists the pins; - reads standard input", metavar="FILE")
OWNS = forms.switch("--owns", help="Let the file own the Dags, so that applying it unpins those that it does not list")
APPLY = (
    forms.switch("--exit-code", help="With --dry-run: exit with 7 if applying the file would change something"),
    override_reason("Why holds, rejections and failed verdicts are passed over"),
)
