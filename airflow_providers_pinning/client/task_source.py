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
"""The task that sends a request, and how to recognize a repetition."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from airflow_providers_pinning.vocabulary import MAX_SOURCE, SOURCE_HEADER


@dataclass(frozen=True)
class TaskSource:
    """
    The task instance that asks for a change.

    ``round`` is Airflow's ``max_tries`` of the task instance. Retries leave it as it is, so a retry carries
    the key of the try before and repeats nothing. Clearing the task raises it to the tries so far plus the
    task's retries, so a person who clears the task gets the change made again. Neither the try number, which
    counts retries, nor the clear number of the run, which counts clears of other tasks too, can do this.
    ``began`` is the start of the run, which tells a run from one of the same id that was deleted.
    """

    dag_id: str
    run_id: str
    task_id: str
    map_index: int = -1
    try_number: int = 1
    round: int = 0
    began: str = ""

    @classmethod
    def of(cls, context: Mapping[str, Any]) -> TaskSource:
        """Read the context of a running task."""
        ti = context["ti"]
        started = getattr(context.get("dag_run"), "start_date", None)
        return cls(
            dag_id=ti.dag_id,
            run_id=ti.run_id,
            task_id=ti.task_id,
            map_index=-1 if ti.map_index is None else ti.map_index,
            try_number=ti.try_number,
            round=getattr(ti, "max_tries", 0) or 0,
            began=started.isoformat() if started else "",
        )

    def idempotency_key(self, purpose: str) -> str:
        """
        Return the key of one change that this task makes.

        :param purpose: tells the changes of one task from each other, such as ``pin:orders``
        """
        named = [self.dag_id, self.run_id, self.task_id, self.map_index, self.round, self.began, purpose]
        return f"task-{sha256(json.dumps(named).encode()).hexdigest()}"

    def as_dict(self) -> dict[str, Any]:
        """Return the values that the history records."""
        return {
            "dag_id": self.dag_id,
            "run_id": self.run_id,
            "task_id": self.task_id,
            "map_index": self.map_index,
            "try_number": self.try_number,
        }

    def is_in(self, recorded: Mapping[str, Any] | None) -> bool:
        """Return whether a recorded source is this task instance, in any try."""
        mine = self.as_dict()
        return bool(recorded) and all(
            recorded.get(name) == mine[name]  # type: ignore[union-attr]
            for name in ("dag_id", "run_id", "task_id", "map_index")
        )


def source_headers(source: Mapping[str, Any] | None) -> dict[str, str]:
    """Return the header with the source; none if it is longer than the server accepts."""
    encoded = json.dumps(dict(source)) if source else ""
    return {SOURCE_HEADER: encoded} if 0 < len(encoded) <= MAX_SOURCE else {}
