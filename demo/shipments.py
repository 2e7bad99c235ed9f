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
"""The Dag that the second act promotes versions of: what each commit makes of it."""

from __future__ import annotations

import re
from dataclasses import dataclass

DAG_ID = "shipments"
DAG_FILE = "shipments.py"
TASK_ID = "dispatch"

DAG = """
    from datetime import datetime, timedelta, timezone

    from airflow.sdk import dag, get_current_context, task


    @dag(
        schedule=timedelta(seconds=4),
        start_date=datetime(2026, 1, 1, tzinfo=timezone.utc),
        catchup=False,
        max_active_runs=4,
    )
    def shipments():
        @task
        def dispatch():
            run_id = get_current_context()["run_id"]
            if {fails_if}:
                raise RuntimeError("No carrier for {carrier}")
            print("Dispatched by {carrier}")
            return "{carrier}"

        dispatch()


    shipments()
"""


@dataclass(frozen=True)
class Shipping:
    """One commit of the Dag."""

    carrier: str
    """What the task prints, or fails with."""
    fails_if: str = "False"
    """A Python expression over ``run_id``."""

    @property
    def files(self) -> dict[str, str | None]:
        """The files of the commit."""
        return {DAG_FILE: DAG.format(carrier=self.carrier, fails_if=self.fails_if)}

    @property
    def printed(self) -> str:
        """What its task prints if it does not fail."""
        return f"Dispatched by {self.carrier}"

    @property
    def failure(self) -> str:
        """What its task fails with."""
        return f"No carrier for {self.carrier}"


STABLE = Shipping("road")
GOOD = Shipping("rail")
BROKEN = Shipping("balloon", fails_if="True")
BROKEN_LIVE = Shipping("drone", fails_if='not run_id.startswith("canary__")')


def said(log: str) -> str | None:
    """Return what the task said, as its log has it; ``None`` if it said nothing."""
    found = re.search(r"(Dispatched by|No carrier for) \w+", log)
    return found.group() if found else None
