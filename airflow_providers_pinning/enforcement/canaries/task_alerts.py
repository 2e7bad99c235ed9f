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
The process of a task of a canary run alarms nobody.

Airflow calls ``on_failure_callback`` and ``on_retry_callback`` of a task, and sends its e-mails, in the process of the
task, where no server is asked. A trial that fails would page people. So where the package is on the worker, a process
of a canary run leaves them out and tells the server, which keeps them with the run.

What a task calls when it begins or ends well (``on_execute_callback``, ``on_success_callback``,
``on_skipped_callback``) is part of what it does.

Shown by ``tests/unit/enforcement/canaries/test_task_alerts.py``.
"""

from __future__ import annotations

import json
from typing import Any

from airflow_providers_pinning.enforcement.call import Call
from airflow_providers_pinning.enforcement.canaries.asking import WITHHELD
from airflow_providers_pinning.enforcement.canaries.task_process import withholds_alerts

_ALARMING = {"on_failure_callback": "failure", "on_retry_callback": "retry"}


def run_task_state_change_callbacks(call: Call) -> Any:
    """Call the callbacks of a task; of a task of a canary run, keep those that are about a failure."""
    if call.kind not in _ALARMING or not withholds_alerts():
        return call.proceed()
    error = call.context.get("exception")
    for _ in getattr(call.task, call.kind):
        _keep("TaskCallbackRequest", _ALARMING[call.kind], error, call.context["ti"], call.log)
    return None


def send_error_email_notification(call: Call) -> Any:
    """Send the e-mail about a failure, or keep it with the canary run."""
    if not withholds_alerts():
        return call.proceed()
    if call.task.email:
        about = "retry" if getattr(call.ti, "state", None) == "up_for_retry" else "failure"
        _keep("EmailRequest", about, call.error, call.ti, call.log)
    return None


def _keep(request: str, about: str, error: Any, ti: Any, log: Any) -> None:
    from airflow.sdk.execution_time import task_runner
    from airflow.sdk.execution_time.comms import PutVariable

    effect = {
        "task_id": ti.task_id,
        "map_index": ti.map_index,
        "payload": {"request": request, "on": about, "reason": str(error or "")[:1000]},
    }
    try:
        task_runner.SUPERVISOR_COMMS.send(PutVariable(key=WITHHELD, value=json.dumps(effect), description=None))
    except Exception:
        # As Airflow logs what a callback raises: the task has ended.
        log.exception("What was withheld from live runs could not be kept with the canary run", effect=effect)
