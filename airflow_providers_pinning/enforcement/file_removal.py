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
What happens to a file at HEAD does not happen to a pinned Dag.

Stock marks the Dags of a file stale when it does not parse (``_update_import_errors``) or is gone
(``DagModel.deactivate_deleted_dags``), and stale Dags get no runs; for removed files it goes on to
delete the asset references of every stale Dag. Its statements are made to pass over pinned Dags. Dags
that are no longer in a file that parses are in :mod:`airflow_providers_pinning.enforcement.processor`.

Shown by ``tests/unit/enforcement/test_file_removal.py``.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

from airflow_providers_pinning.enforcement.contract import wrap


def install_on_collection(module: ModuleType) -> None:
    """Patch ``airflow.dag_processing.collection``."""

    def update_import_errors(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> None:
        from airflow_providers_pinning.domain.dag_model.stale_dags import pinned_dags_passed_over

        with pinned_dags_passed_over(kwargs["session"] if "session" in kwargs else args[3]):
            wrapped(*args, **kwargs)

    wrap(module, "_update_import_errors", update_import_errors)


def install_on_dag_model(module: ModuleType) -> None:
    """Patch ``airflow.models.dag``."""
    from airflow.utils.session import NEW_SESSION, provide_session

    @provide_session
    def deactivate(wrapped: Any, bundle_name: str, rel_filelocs: Any, *, session: Any = NEW_SESSION) -> bool:
        from airflow_providers_pinning.domain.dag_model.missing import note_listed
        from airflow_providers_pinning.domain.dag_model.stale_dags import pinned_dags_passed_over

        note_listed(bundle_name, rel_filelocs)
        with pinned_dags_passed_over(session):
            return wrapped(bundle_name, rel_filelocs, session=session)

    def deactivate_deleted_dags(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> bool:
        return deactivate(wrapped, *args, **kwargs)

    wrap(module, "DagModel.deactivate_deleted_dags", deactivate_deleted_dags)
