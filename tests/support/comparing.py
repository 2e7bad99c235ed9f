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
"""Two versions of a Dag, registered and compared."""

from __future__ import annotations

from airflow_providers_pinning.domain.difference.compare import VersionDifference, compare_versions
from tests.support.lab import Lab
from tests.support.sources import dag_file

HEAD = """\
from airflow.providers.standard.operators.bash import BashOperator
from airflow.providers.standard.operators.python import PythonOperator
"""


def register(lab: Lab, *sources: str, dag_id: str = "orders") -> None:
    """Register one version for each source; the first is pinned, the others are candidates, so that all are kept."""
    for number, source in enumerate(sources, start=1):
        lab.commit(f"sha{number}", **{dag_id: source})
        if number == 1:
            lab.pin(dag_id, 1)
        else:
            lab.candidate(dag_id, number)


def differences(lab: Lab, before: str, after: str, **options) -> VersionDifference:
    """Register two sources of Dag ``orders`` as versions 1 and 2, and compare them."""
    register(lab, before, after)
    return compare_versions("orders", from_version=1, to_version=2, session=lab.session, **options)


def with_body(body: str, **arguments) -> str:
    """Return the source of Dag ``orders`` with what stands in it."""
    return dag_file("orders", tasks="", body=HEAD + body, **arguments)


def with_arguments(arguments: str) -> str:
    """Return the source of Dag ``orders`` with arguments of ``DAG``."""
    return dag_file("orders", arguments=arguments)


def as_values(changes) -> dict:
    """Return changes of fields as ``{name: (before, after)}``."""
    return {change.name: (change.before, change.after) for change in changes}
