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
Changes of a file at HEAD do not make a pinned Dag stale.

Airflow marks the Dags of a file stale when it does not parse (``_update_import_errors``) or was deleted
(``DagModel.deactivate_deleted_dags``), and stale Dags get no runs. For deleted files it also deletes the asset
references of every stale Dag. These statements skip pinned Dags. For Dags that a parsed file no longer defines, see
:mod:`airflow_providers_pinning.enforcement.dag_processor.maintenance`.

Shown by ``tests/unit/enforcement/dag_processor/test_stale_dags.py``.
"""

from __future__ import annotations

from airflow_providers_pinning.enforcement.call import Call


def update_import_errors(call: Call) -> None:
    """Record import errors; mark the Dags of the file stale, except pinned ones."""
    from airflow_providers_pinning.domain.dag_model.stale_dags import pinned_dags_passed_over

    with pinned_dags_passed_over(call.session):
        call.proceed()


def deactivate_deleted_dags(call: Call) -> bool:
    """Mark the Dags of deleted files stale, except pinned ones."""
    from airflow_providers_pinning.domain.dag_model.missing import note_listed
    from airflow_providers_pinning.domain.dag_model.stale_dags import pinned_dags_passed_over

    note_listed(call.bundle_name, call.rel_filelocs)
    with pinned_dags_passed_over(call.session):
        any_deactivated: bool = call.proceed()
    return any_deactivated
