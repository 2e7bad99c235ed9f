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
A run keeps the version that it was created with.

Airflow's ``DBDagBag`` uses the latest version for a run without a bundle version. While the Dag is pinned, "latest"
is the pinned version, and a run created before the pin would change its tasks halfway. Also, if Airflow expands a
mapped task whose unexpanded row was set to success in the meantime, the new task instances get the latest version,
which may differ from their run's version after the pin moved. The patched function handles all tasks of a run and
expands them; Airflow calls it once per run.

Clearing with the latest version looks up the version for each task instance, for the run, and in ``DagModel`` for the
bundle version. So does adding only new tasks, which starts with ``_get_new_task_ids``. The pin is locked from the
first lookup on: if it moved in between, the run would mix two versions.

Shown by ``tests/unit/enforcement/runs/test_version.py``.
"""

from __future__ import annotations

from typing import Any

from airflow_providers_pinning.domain.resolution.expansion import expanding
from airflow_providers_pinning.enforcement.call import Call


def version_from_dag_run(call: Call) -> Any:
    """Return the version of a run: while its Dag is pinned, the one that it was created with."""
    from airflow_providers_pinning.domain.resolution.run_versions import answered, read_latest

    run = call.dag_run
    if run.bundle_version or not run.created_dag_version_id:
        return call.proceed()
    # This replaces the lookup that Airflow is about to make.
    latest = read_latest(run.dag_id, session=call.session)
    if latest.is_pinned:
        return run.created_dag_version_id
    with answered(latest):
        return call.proceed()


def get_latest_version_of_dag(call: Call) -> Any:
    """Return the Dag of the active version; while a pin is held, of the version found first."""
    from airflow.models.serialized_dag import SerializedDagModel

    from airflow_providers_pinning.domain.resolution import holding

    if not holding.is_holding():
        return call.proceed()
    query = SerializedDagModel.latest_item_select_object(call.dag_id)
    serialized = holding.scalar(query, call.dag_id, session=call.session)
    return serialized and holding.once((call.dag_id, "dag"), lambda: call.instance._read_dag(serialized))


def hold_pins(call: Call) -> Any:
    """Call Airflow's function, and hold each pin from its first lookup on."""
    from airflow_providers_pinning.domain.resolution.holding import holding_pins

    with holding_pins():
        return call.proceed()


def get_ready_tis(call: Call) -> Any:
    """Find the tasks that are ready, and give new mapped task instances the version of their run."""
    run = call.instance
    with expanding(run.dag_id, run.run_id):
        return call.proceed()
