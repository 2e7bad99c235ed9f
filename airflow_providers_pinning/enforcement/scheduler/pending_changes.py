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
Apply pending pin changes before the scheduler looks for due runs.

In Airflow, only the scheduler loop can do work at a given time. A change takes effect at the start of a loop, in a
separate transaction, so the rest of the loop sees the new version, its schedule and its assets. The same goes for
automatic rollbacks that postponed runs in the last loop (see ``enforcement.runs.breaker``), and the next steps of
ramps (``enforcement.runs.ramp``). Checking for due changes costs one statement per loop, regardless of the number of
Dags.

Shown by ``tests/unit/enforcement/scheduler/test_pending_changes.py`` and
``tests/integration/test_pending_changes.py``.
"""

from __future__ import annotations

from airflow_providers_pinning.enforcement.call import Call
from airflow_providers_pinning.enforcement.runs import breaker, ramp


def do_scheduling(call: Call) -> int:
    """Apply the changes that are due, then run the loop."""
    from airflow_providers_pinning.domain.changes.due import put_due_into_effect

    put_due_into_effect(session=call.session)
    breaker.roll_back_noted(session=call.session)
    ramp.carry_on_noted(session=call.session)
    return int(call.proceed())
