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
A canary run's asset events reach no live run.

Airflow's ``TaskInstance.register_asset_changes_in_db`` records an event of each outlet of a task that succeeds,
queues the Dags that wait for it, fills their partitions and tells listeners. A live Dag would run on the output of a
candidate. For a canary run none of that happens: the events are recorded with the run instead. The task cannot tell
the difference.

Shown by ``tests/unit/enforcement/canaries/test_asset_events.py``.
"""

from __future__ import annotations

from typing import Any

from airflow_providers_pinning.enforcement.call import Call


def register_asset_changes_in_db(call: Call) -> Any:
    """Publish the events of a live run; record those of a canary run."""
    from airflow_providers_pinning.domain.canaries import isolation, withheld

    ti, task_outlets, outlet_events, session = call.ti, call.task_outlets, call.outlet_events, call.session
    if not (task_outlets or outlet_events) or not isolation.withholds(
        isolation.ASSETS, ti.dag_id, ti.run_id, session=session
    ):
        return call.proceed()
    withheld.withhold(
        withheld.EffectKind.ASSET_EVENT,
        withheld.asset_events(task_outlets, outlet_events, ti.dag_run.partition_key, session=session),
        dag_id=ti.dag_id,
        run_id=ti.run_id,
        task_id=ti.task_id,
        map_index=ti.map_index,
        session=session,
    )
    return ()
