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
A canary run alerts nobody.

Airflow gives every run the deadlines of its version. It has the dag processor run the callbacks of the Dag, and the
callbacks and e-mails of tasks that it ends itself. A trial that fails or takes long would page people, or repair the
live world. For a canary run these are kept with the run instead. What the process of a task does when it ends is in
``enforcement.canaries.task_alerts``.

Shown by ``tests/unit/enforcement/canaries/test_alerts.py``.
"""

from __future__ import annotations

from typing import Any

from airflow_providers_pinning.domain.canaries.run_ids import may_be_canary
from airflow_providers_pinning.enforcement.call import Call


def process_dagrun_deadline_alerts(call: Call) -> None:
    """Set the deadlines of a live run; record those of a canary run."""
    from airflow_providers_pinning.domain.canaries import isolation, withheld

    run = call.orm_dagrun
    if not isolation.withholds(isolation.ALERTS, run.dag_id, run.run_id, session=call.session):
        call.proceed()
        return
    withheld.withhold(
        withheld.EffectKind.DEADLINE,
        withheld.deadlines(run.created_dag_version_id, session=call.session),
        dag_id=run.dag_id,
        run_id=run.run_id,
        session=call.session,
    )


def send(call: Call) -> None:
    """Send the callback or email of a live run; record that of a canary run."""
    callback = call.callback
    # Executors use it, and triggers that end their task.
    run = getattr(callback, "ti", callback)
    if not may_be_canary(run.run_id):
        call.proceed()
        return
    from airflow_providers_pinning.domain.canaries import isolation, withheld

    session = call.session
    if not isolation.withholds(isolation.ALERTS, run.dag_id, run.run_id, session=session):
        call.proceed()
        return
    withheld.withhold(
        withheld.EffectKind.CALLBACK,
        [{"request": callback.type, "on": _occasion(callback), "reason": callback.msg}],
        dag_id=run.dag_id,
        run_id=run.run_id,
        task_id=getattr(run, "task_id", None),
        map_index=getattr(run, "map_index", None),
        session=session,
    )


def _occasion(callback: Any) -> str:
    """Name the subject of the callback or email, such as ``failure``."""
    if (email := getattr(callback, "email_type", None)) is not None:
        return str(email)
    if (state := getattr(callback, "task_callback_type", None)) is not None:
        return str(state.value)
    return "failure" if callback.is_failure_callback else "success"
