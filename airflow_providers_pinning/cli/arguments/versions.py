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
"""The arguments of commands that look at versions: which commit to wait for, and which versions to compare."""

from __future__ import annotations

from airflow_providers_pinning.cli.arguments import forms

COMMIT = forms.named(
    "--bundle-version",
    help="Version of the bundle to wait for, such as a full commit hash",
    metavar="VERSION",
    required=True,
)
OVERTAKEN_OK = forms.switch(
    "--overtaken-ok",
    help="Take the first version that includes the commit if a later one changed the Dag before it was parsed",
)
TIMEOUT_OF_WAIT = forms.seconds("--timeout", help="Seconds to wait (default: 600); 0 looks once", default=600.0)

COMPARED = (
    forms.whole_number("--from-version", help="Number of the version to start from (default: the active one)"),
    forms.whole_number("--to-version", help="Number of the version to compare it with (default: the latest)"),
    forms.switch("--no-source", help="Omit the diffs of source and files"),
    forms.switch("--exit-code", help="Exit with 7 if the versions differ"),
)
"""Which versions are compared, and what is told of them."""
