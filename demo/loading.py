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
"""An incremental load, whose ranges join although a canary run and a replay come in between."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import Any
from urllib.parse import quote

from demo.act import Act
from demo.checks import short
from demo.database import Run
from demo.shipments import DAG_ID as BUSY_DAG_ID

DAG_ID = "loads"
DAG_FILE = "loads.py"

DAG = """
    from datetime import datetime, timedelta, timezone

    from airflow.sdk import dag, task


    @dag(
        schedule=timedelta(seconds=4),
        start_date=datetime(2026, 1, 1, tzinfo=timezone.utc),
        catchup=False,
        max_active_runs=1,
    )
    def loads():
        @task
        def load(prev_data_interval_end_success=None, data_interval_end=None):
            return {{"by": "{by}", "since": str(prev_data_interval_end_success), "until": str(data_interval_end)}}

        load()


    loads()
"""


class LoadStory(Act):
    """Tries a candidate of a Dag that loads what is new since its previous successful run."""

    def steps(self) -> Iterable[Callable[[], None]]:
        """Return the steps in their order."""
        return (self.load, self.try_a_candidate)

    def load(self) -> None:
        """Let live runs load."""
        with self.timeline.step(f"Deploy Dag {DAG_ID}, which loads what is new since its previous successful run"):
            # Its runs would take the two cores of a small machine from those of this act.
            self.airflow.airflow.patch(f"/dags/{BUSY_DAG_ID}", {"is_paused": True})
            self._commit("version 1", 1)
            self.airflow.pinning.put(f"/dags/{DAG_ID}/pin", {"version_number": 1, "reason": "Tested by hand"})
            self._wait_for_live_runs(2)

    def try_a_candidate(self) -> None:
        """Start a canary run and a replay between live runs, and look at what each of them loaded."""
        with self.timeline.step("A canary run and a replay of version 2 come between live runs, whose ranges join"):
            self._commit("version 2", 2)
            # Live runs must not overlap, and on a busy machine there may be no gap between them that is long enough.
            body = {"version_number": 2, "note": "Loads the same?", "isolation": {"slots": "shared"}}
            tried = [
                run_id
                for inputs in ({}, {"replay": {"last": 1}})
                for run_id in self.airflow.pinning.post(f"/dags/{DAG_ID}/canaryRuns", {**body, **inputs})["run_ids"]
            ]
            self.checks.wait(
                lambda: all(run.is_finished for run in self._runs() if run.run_id in tried),
                "the canary run and the replay have finished",
            )
            self._wait_for_live_runs(len(self._live()) + 2)
            loaded = {run.run_id: self._loaded(run) for run in self._runs() if run.is_finished}
            self.timeline.table(
                ("run", "code", "loaded since", "until"),
                [(run_id, found["by"], found["since"], found["until"]) for run_id, found in loaded.items()],
            )
            live = [loaded[run.run_id] for run in self._live()]
            self.timeline.check(
                f"gaps and overlaps between the ranges of {len(live)} live runs",
                [pair for pair in pairwise(live) if pair[0]["until"] != pair[1]["since"]],
                [],
            )
            self.timeline.check(
                "code of the runs that were tried", {loaded[run_id]["by"] for run_id in tried}, {"version 2"}
            )
            [pair] = self.airflow.pinning.get(f"/dags/{DAG_ID}/versions/2/replays")["replays"]
            self.timeline.check(
                "outputs in which the replay differs from its original",
                [f"{found['task_id']}.{found['key']}" for found in pair["shown"]],
                ["load.return_value"],
            )

    def _commit(self, by: str, number: int) -> None:
        commit = self.airflow.repository.commit({DAG_FILE: DAG.format(by=by)}, f"Load with {by}")
        self.timeline.note(f"git commit {short(commit)}: Load with {by}")
        self.checks.wait(
            lambda: any(version.number == number for version in self.airflow.database.versions(DAG_ID)),
            f"version {number} of Dag {DAG_ID} is registered",
        )

    def _runs(self) -> list[Run]:
        return self.airflow.database.runs(DAG_ID)

    def _live(self) -> list[Run]:
        """Return the live runs that have finished, up to the first that has not."""
        live = sorted(self.airflow.database.runs(DAG_ID, run_type="scheduled"), key=lambda run: run.scheduled_for)
        unfinished = next((index for index, run in enumerate(live) if not run.is_finished), len(live))
        return live[:unfinished]

    def _wait_for_live_runs(self, count: int) -> None:
        self.checks.wait(lambda: len(self._live()) >= count, f"{count} live runs of Dag {DAG_ID} have finished")

    def _loaded(self, run: Run) -> Any:
        path = f"/dags/{DAG_ID}/dagRuns/{quote(run.run_id)}/taskInstances/load/xcomEntries/return_value"
        return self.airflow.airflow.get(path, stringify=False)["value"]
