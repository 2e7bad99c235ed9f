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
"""The Dag of the demo at each of its commits: a Dag file, and a helper that its task imports."""

from __future__ import annotations

import re
from dataclasses import dataclass

DAG_ID = "orders"
DAG_FILE = "orders.py"
HELPER_FILE = "orders_pricing.py"

HELPER = """
    def discount():
        return "a discount of {percent} %"
"""

DAG = """
    from datetime import datetime, timedelta, timezone

    import orders_pricing
    from airflow.sdk import dag, task


    @dag(
        schedule=timedelta(seconds={seconds}),
        start_date=datetime(2026, 1, 1, tzinfo=timezone.utc),
        catchup=False,
        max_active_runs={max_active_runs},
    )
    def orders():
        @task
        def price():
            print("Orders are sold with", orders_pricing.discount())

        {tasks}


    orders()
"""

NOTIFY = """@task
        def notify():
            print("Customers are told of", orders_pricing.discount())

        price() >> notify()"""


@dataclass(frozen=True)
class Code:
    """What a commit makes the Dag do, which is what a run of it is recognised by."""

    seconds: int
    """Seconds between two scheduled runs."""
    max_active_runs: int
    percent: int
    """The helper's discount, which the tasks print."""
    task_ids: frozenset[str]

    @property
    def printed(self) -> str:
        """What the task that sets the price prints."""
        return f"Orders are sold with a discount of {self.percent} %"

    @property
    def files(self) -> dict[str, str | None]:
        """The files of the commit."""
        return {
            DAG_FILE: DAG.format(
                seconds=self.seconds,
                max_active_runs=self.max_active_runs,
                tasks=NOTIFY if "notify" in self.task_ids else "price()",
            ),
            HELPER_FILE: HELPER.format(percent=self.percent),
        }


FIRST = Code(seconds=8, max_active_runs=2, percent=5, task_ids=frozenset({"price"}))
HELPER_CHANGED = Code(seconds=8, max_active_runs=2, percent=50, task_ids=frozenset({"price"}))
# It runs more often than the first, so that a late run of the first cannot be mistaken for one of it.
RESTRUCTURED = Code(seconds=5, max_active_runs=4, percent=10, task_ids=frozenset({"price", "notify"}))

# The names of Airflow and of its decorators stay in it: a file without them is not taken for a Dag file at all.
BROKEN = (RESTRUCTURED.files[DAG_FILE] or "").replace("def orders():", "def orders(:")

# A version that looks right and fails where it runs.
FAILING = {
    **RESTRUCTURED.files,
    HELPER_FILE: """
    def discount():
        raise ValueError("no discount for negative totals")
""",
}


def printed_text(log: str) -> str | None:
    """Return what a task printed, as its log has it; ``None`` if it printed nothing."""
    found = re.search(r"Orders are sold with a discount of \d+ %", log)
    return found.group() if found else None
