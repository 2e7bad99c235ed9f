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
An asset event does not show the canary runs that work on it.

Airflow links a run with the asset events that it consumed, from where its tasks get them, and lists at an event the
runs that it created. A canary run has events that created a live run: nothing was created by them once more. It is
left out where people look at events, and where tasks of live runs do. While it is queued, Airflow could not even answer
with the event, since it takes it for started.

Shown by ``tests/unit/enforcement/canaries/test_consumed_events.py``.
"""

from __future__ import annotations

from typing import Any

from airflow_providers_pinning.enforcement.call import Call


def serialize_asset_events(call: Call) -> Any:
    """Answer with asset events, each with the live runs that it created, which are read already."""
    from sqlalchemy.orm.attributes import set_committed_value

    from airflow_providers_pinning.domain.canaries.routed_runs import canaries_among

    session, events = call.session, call.events
    runs = {(run.dag_id, run.run_id) for event in events for run in event.created_dagruns}
    canaries = canaries_among(runs, session=session)
    for event in events if canaries else ():
        # Nothing is written by it: it is what the relationship is taken to have been loaded as.
        live = [run for run in event.created_dagruns if (run.dag_id, run.run_id) not in canaries]
        set_committed_value(event, "created_dagruns", live)
    return call.proceed()


def get_asset_events_through_sql_clauses(call: Call) -> Any:
    """Answer a task with asset events, each with the live runs that it created."""
    from airflow.models.dagrun import DagRun

    from airflow_providers_pinning.domain.canaries.routed_runs import only_live

    with only_live(DagRun, session=call.session):
        return call.proceed()
