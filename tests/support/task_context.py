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
"""The context of a running task, as far as operators and sensors read it."""

from __future__ import annotations

from datetime import datetime, timezone
from types import SimpleNamespace
from typing import Any


def task_context(
    task_id: str = "task", *, try_number: int = 1, max_tries: int = 2, map_index: int = -1
) -> dict[str, Any]:
    """
    Return the context of one try of a task.

    :param task_id: id of the task, in the run ``manual__1`` of the Dag ``promote``
    :param try_number: the try
    :param max_tries: what Airflow raises when the task is cleared
    :param map_index: index in a mapped task
    """
    pushed: dict[str, Any] = {}
    ti = SimpleNamespace(
        dag_id="promote",
        run_id="manual__1",
        task_id=task_id,
        map_index=map_index,
        try_number=try_number,
        max_tries=max_tries,
        pushed=pushed,
        xcom_push=lambda key, value: pushed.__setitem__(key, value),
    )
    started = datetime(2026, 1, 1, tzinfo=timezone.utc)
    return {"ti": ti, "task_instance": ti, "run_id": ti.run_id, "dag_run": SimpleNamespace(start_date=started)}
