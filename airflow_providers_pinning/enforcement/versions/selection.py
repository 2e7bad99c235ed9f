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
"""
Select the active version as the "latest" one of a Dag.

Airflow's ``DagVersion.get_latest_version`` selects the highest version number. It selects the version of every new
run and cleared task instance, so a pinned Dag would get the newest commit. The pin is added to its statement.
``_latest_version_select`` is unchanged, because the next version's number is computed from it.

Shown by ``tests/unit/enforcement/versions/test_selection.py``.
"""

from __future__ import annotations

from typing import Any

from airflow_providers_pinning.enforcement.call import Call


def get_latest_version(call: Call) -> Any:
    """Find the active version of a Dag."""
    from airflow_providers_pinning.domain.resolution.active import find_active_version, find_version_of_commit
    from airflow_providers_pinning.domain.resolution.run_versions import take_answer

    dag_id = call.dag_id
    if (latest := take_answer(dag_id)) is not None:
        return latest.version
    latest_version_select = call.instance._latest_version_select
    given = call.arguments(without="session")
    if call.bundle_version is not None:
        return find_version_of_commit(latest_version_select(**given), dag_id, session=call.session)
    given.pop("dag_id")
    return find_active_version(
        lambda dag: latest_version_select(dag_id=dag, **given),
        ("version", *sorted(given.items())),
        dag_id,
        session=call.session,
    )
