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

Airflow's ``DBDagBag`` gives a run without a bundle version the latest version, in whatever process asks
next. While the Dag is pinned, "latest" is the pinned version, and a run that was created before the pin
would change its tasks half way. And when Airflow expands a mapped task whose unexpanded row was set to success
meanwhile, it gives what it adds the latest version, which need not be their run's once the pin has moved. The
function that looks at all tasks of a run expands them; Airflow calls it once for each run.

Clearing "on the latest version" looks the version up for each task instance, for the run, and in ``DagModel``
for the bundle's version. So does adding only the new tasks, which begins with ``_get_new_task_ids``. The pin is held
from the first of these look-ups on: one that moves in between would mix two versions in a run.

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
    # Instead of the look-up that Airflow is about to make, not beside it.
    latest = read_latest(run.dag_id, session=call.session)
    if latest.is_pinned:
        return run.created_dag_version_id
    with answered(latest):
        return call.proceed()


def get_latest_version_of_dag(call: Call) -> Any:
    """Return the Dag of the active version: while a pin is held, of the one that it had at first."""
    from airflow.models.serialized_dag import SerializedDagModel

    from airflow_providers_pinning.domain.resolution import holding

    if not holding.is_holding():
        return call.proceed()
    query = SerializedDagModel.latest_item_select_object(call.dag_id)
    serialized = holding.scalar(query, call.dag_id, session=call.session)
    return serialized and holding.once((call.dag_id, "dag"), lambda: call.instance._read_dag(serialized))


def hold_pins(call: Call) -> Any:
    """Proceed, and hold each pin from its first look-up on."""
    from airflow_providers_pinning.domain.resolution.holding import holding_pins

    with holding_pins():
        return call.proceed()


def get_ready_tis(call: Call) -> Any:
    """Find the tasks that are ready, and give what is added to mapped ones the version of their run."""
    run = call.instance
    with expanding(run.dag_id, run.run_id):
        return call.proceed()
