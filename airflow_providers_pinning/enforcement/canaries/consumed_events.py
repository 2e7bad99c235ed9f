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
An asset event does not list the canary runs that use it.

Airflow links a run to the asset events that it consumed, which its tasks read, and lists the runs that an event
created. A canary run reuses events that created a live run; they did not create it. So it is hidden where users, and
tasks of live runs, view events. While it is queued, Airflow could not even return the event, because it assumes that
the run has started.

Since Airflow 3.4, an event that a run of the Dag has consumed starts no other run of it. A canary run's use of an event
does not count, so an event whose live run was deleted is consumed again as if there were no canary run.

Shown by ``tests/unit/enforcement/canaries/test_consumed_events.py`` and
``tests/unit/enforcement/scheduler/test_since_3_4.py``.
"""

from __future__ import annotations

from typing import Any

from airflow_providers_pinning.enforcement.call import Call


def serialize_asset_events(call: Call) -> Any:
    """Return asset events, each with the live runs that it created, from what is already loaded."""
    from sqlalchemy.orm.attributes import set_committed_value

    from airflow_providers_pinning.domain.canaries.routed_runs import canaries_among

    session, events = call.session, call.events
    runs = {(run.dag_id, run.run_id) for event in events for run in event.created_dagruns}
    canaries = canaries_among(runs, session=session)
    for event in events if canaries else ():
        # Nothing is written: this sets the value that the relationship is assumed to have been loaded with.
        live = [run for run in event.created_dagruns if (run.dag_id, run.run_id) not in canaries]
        set_committed_value(event, "created_dagruns", live)
    return call.proceed()


def get_asset_events_through_sql_clauses(call: Call) -> Any:
    """Return asset events to a task, each with the live runs that it created."""
    from airflow.models.dagrun import DagRun

    from airflow_providers_pinning.domain.canaries.routed_runs import only_live

    with only_live(DagRun, session=call.session):
        return call.proceed()


def select_consumed_asset_events(call: Call) -> Any:
    """Select the asset events for a live run that no live run has consumed."""
    from airflow_providers_pinning.domain.canaries.routed_runs import only_live_joined

    with only_live_joined(session=call.session):
        return call.proceed()
