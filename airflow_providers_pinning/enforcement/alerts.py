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
Nobody is alarmed by a canary run.

Stock gives every run the deadlines of its version. It has the dag processor run the callbacks of the Dag, and the
callbacks and e-mails of tasks that it ends itself. A trial that fails or takes long would page people, or repair the
live world. For a canary run these are kept with the run instead. What the process of a task does when it ends, such as
``on_failure_callback``, is done where no server is asked.

Shown by ``tests/unit/enforcement/test_alerts.py``.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

from airflow_providers_pinning.domain.canaries.run_ids import may_be_canary
from airflow_providers_pinning.enforcement.contract import wrap


def install_on_dag(module: ModuleType) -> None:
    """Patch ``airflow.serialization.definitions.dag``."""

    def process_dagrun_deadline_alerts(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> None:
        from airflow_providers_pinning.domain.canaries import isolation, withheld

        run = args[0] if args else kwargs["orm_dagrun"]
        session = kwargs["session"] if "session" in kwargs else args[1]
        if not isolation.withholds(isolation.ALERTS, run.dag_id, run.run_id, session=session):
            wrapped(*args, **kwargs)
            return
        withheld.withhold(
            withheld.EffectKind.DEADLINE,
            withheld.deadlines(run.created_dag_version_id, session=session),
            dag_id=run.dag_id,
            run_id=run.run_id,
            session=session,
        )

    wrap(module, "SerializedDAG._process_dagrun_deadline_alerts", process_dagrun_deadline_alerts)


def install_on_callback_sink(module: ModuleType) -> None:
    """Patch ``airflow.callbacks.database_callback_sink``, which executors use, and triggers that end their task."""
    from airflow.utils.session import NEW_SESSION, provide_session

    @provide_session
    def send_if_live(wrapped: Any, callback: Any, run: Any, *, session: Any = NEW_SESSION) -> None:
        from airflow_providers_pinning.domain.canaries import isolation, withheld

        if not isolation.withholds(isolation.ALERTS, run.dag_id, run.run_id, session=session):
            wrapped(callback, session=session)
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

    def send(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> None:
        callback = args[0] if args else kwargs["callback"]
        run = getattr(callback, "ti", callback)
        if may_be_canary(run.run_id):
            given = {"session": kwargs["session"]} if "session" in kwargs else {}
            send_if_live(wrapped, callback, run, **given)
        else:
            wrapped(*args, **kwargs)

    wrap(module, "DatabaseCallbackSink.send", send)


def _occasion(callback: Any) -> str:
    """Say what the callback or e-mail is about, such as ``failure``."""
    if (email := getattr(callback, "email_type", None)) is not None:
        return str(email)
    if (state := getattr(callback, "task_callback_type", None)) is not None:
        return str(state.value)
    return "failure" if callback.is_failure_callback else "success"
