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
Attributes of ``DagModel`` about the Dag's pin, if it was read for a task or a run.

The scheduler reads them for every task that it sends to an executor, so this module imports nothing, and is imported
with the patches. :mod:`airflow_providers_pinning.domain.resolution.places` adds them to the statements.
"""

from __future__ import annotations

from typing import Any

IS_MANAGED = "pinning_is_managed"
"""Attribute: whether any version of the Dag is managed; ``None`` if the statement did not return it."""

PINNED_VERSION_ID = "pinning_pinned_version_id"
"""Attribute: the ID of the pinned version; ``None`` if there is none, its code is elsewhere, or it is unknown."""


def is_told_unmanaged(of_dag: Any) -> bool:
    """
    Return whether a task or a run was read with its Dag, which shows that no version of the Dag is managed.

    This does not query the database.

    :param of_dag: task instance or run
    """
    dag_model = of_dag.__dict__.get("dag_model")
    return dag_model is not None and dag_model.__dict__.get(IS_MANAGED) is False
