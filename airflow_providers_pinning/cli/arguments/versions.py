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
"""Arguments of commands that show versions: the commit to wait for, and the versions to compare."""

from __future__ import annotations

from airflow_providers_pinning.cli.arguments import forms

COMMIT = forms.named(
    "--bundle-version",
    help="Bundle version to wait for, such as a full commit hash",
    metavar="VERSION",
    required=True,
)
OVERTAKEN_OK = forms.switch(
    "--overtaken-ok",
    help="If a later commit changed the Dag before this one was parsed, accept the first version that includes it",
)
TIMEOUT_OF_WAIT = forms.seconds("--timeout", help="Seconds to wait (default: 600); 0 checks once", default=600.0)

COMPARED = (
    forms.whole_number("--from-version", help="Version number to compare from (default: the active version)"),
    forms.whole_number("--to-version", help="Version number to compare to (default: the latest)"),
    forms.switch("--no-source", help="Omit the diffs of source and files"),
    forms.switch("--exit-code", help="Exit with 7 if the versions differ"),
)
"""Which versions to compare, and what to show."""
