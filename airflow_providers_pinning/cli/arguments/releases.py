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
"""The arguments of releases."""

from __future__ import annotations

from airflow.cli.cli_config import Arg

from airflow_providers_pinning.cli import values
from airflow_providers_pinning.cli.arguments import forms
from airflow_providers_pinning.cli.arguments.common import override_reason

MATCH = Arg(
    ("-m", "--match"),
    help="Only Dags with a tag, in a bundle, of an owner or with such an id: tag=NAME, bundle=NAME, owner=NAME or "
    "dag-id=PATTERN with the wildcards * and ?. Can be given several times: of each kind one must hold",
    type=values.condition,
    action="append",
    metavar="KIND=VALUE",
)
DAG_ID_OR_MATCH = Arg(("dag_id",), help="The id of the Dag; leave it out with --match", type=values.name, nargs="?")
EXCLUDE = Arg(
    ("--exclude",),
    help="Leave this Dag as it is; can be given several times",
    type=values.name,
    action="append",
    metavar="DAG_ID",
)
RELEASE = (
    forms.named("--commit", help="Full hash of the commit to pin the Dags to", metavar="SHA"),
    forms.named("--bundle", help="Bundle of the commit, if several bundles have it", metavar="NAME"),
    Arg(
        ("--dag-id",),
        help="Only this Dag; can be given several times (default: the pinned Dags that the commit changes)",
        type=values.name,
        action="append",
        metavar="DAG_ID",
    ),
    MATCH,
    forms.switch("--pinned", help="Take all pinned Dags of the bundle, also those that the commit does not change"),
    forms.switch("--all", help="Take all Dags of the bundle, pinned or not"),
    EXCLUDE,
    override_reason("Why holds, rejections and failed verdicts are passed over"),
)
RELEASE_ID = Arg(("release_id",), help="The id of the release", type=values.name)
RELEASE_ID_OR_ALL = Arg(("release_id",), help="The id of one release, to see its Dags", type=values.name, nargs="?")
LISTED_RELEASES = (
    forms.named("--dag-id", help="Only releases that are about this Dag", metavar="DAG_ID"),
    forms.named("--commit", help="Only releases of this commit", metavar="SHA"),
)
ROLLBACK = (
    forms.switch("--leave-moved", help="Leave Dags as they are that were changed since; else nothing is rolled back"),
    EXCLUDE,
    override_reason("Why a Dag that is on hold gets a newer version"),
)
