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
``airflow db clean`` keeps managed versions.

Airflow deletes old Dag versions unless a task instance refers to them, and Dags that were not parsed recently, with
all their versions; the Dag of a removed file is no longer parsed. A pinned version that has not run for a while would
be deleted. Managed versions are added to Airflow's own ``skip_if_referenced``.

Shown by ``tests/unit/enforcement/versions/test_retention.py``.
"""

from __future__ import annotations

from types import ModuleType

from airflow_providers_pinning.enforcement.checking import EnforcementError


def install(module: ModuleType) -> None:
    """
    Patch ``airflow.utils.db_cleanup``.

    :raises EnforcementError: if the cleanup is configured differently in this Airflow
    """
    try:
        versions, dags = module.config_dict["dag_version"], module.config_dict["dag"]
        versions.skip_if_referenced = [*versions.skip_if_referenced, ("pinning_version", "dag_version_id")]
        dags.skip_if_referenced = [*(dags.skip_if_referenced or []), ("pinning_version", "dag_id")]
        dags.referenced_pk_column = "dag_id"
    except (AttributeError, KeyError, TypeError) as error:
        raise EnforcementError(
            "airflow-providers-pinning relies on airflow.utils.db_cleanup.config_dict to keep managed versions, "
            f"but it differs in this Airflow ({error!r}). Install a release of the provider that supports it, or "
            "uninstall the provider."
        ) from error
