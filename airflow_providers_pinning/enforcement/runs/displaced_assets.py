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
Tasks of a managed version run even if another asset took the name or URI of theirs.

Airflow's Execution API reports a task's inactive inlets and outlets, and the task fails;
``TaskInstance.register_asset_changes_in_db`` skips such outlets. An asset of a pinned version becomes inactive once
HEAD uses its name or URI for another one. Such assets are not reported to the task, and their events are recorded.
Both use Airflow's own lookup of active assets, without an extra statement.

Shown by ``tests/unit/enforcement/runs/test_displaced_assets.py``.
"""

from __future__ import annotations

from typing import Any

from airflow_providers_pinning.enforcement.call import Call


def validate_inlets_and_outlets(call: Call) -> Any:
    """Return a task's inactive assets, without those that another asset displaced."""
    from airflow_providers_pinning.domain.dag_model.displaced_assets import displaced_passed_as_active

    with displaced_passed_as_active(call.task_instance_id, session=call.session):
        return call.proceed()


def register_asset_changes_in_db(call: Call) -> Any:
    """Publish events of a task's outlets, including displaced ones."""
    from airflow_providers_pinning.domain.dag_model.displaced_assets import displaced_outlets_found

    if not call.task_outlets:
        return call.proceed()
    with displaced_outlets_found(call.ti, call.task_outlets, session=call.session):
        return call.proceed()
