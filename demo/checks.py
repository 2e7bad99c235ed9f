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
"""What the steps of the story wait for and compare."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime
from typing import TypeVar

from demo.database import Run, Version
from demo.deployment import Deployment
from demo.sources import DAG_ID, Code, printed_text
from demo.timeline import Timeline

T = TypeVar("T")


class Checks:
    """
    Looks up in the database and in the task logs what happened, and tells the timeline.

    :param airflow: a deployment whose components run
    :param timeline: where the comparisons are told
    """

    def __init__(self, airflow: Deployment, timeline: Timeline) -> None:
        self._airflow = airflow
        self._database = airflow.database
        self._timeline = timeline

    def wait(self, predicate: Callable[[], T], what: str) -> T:
        """Wait until a predicate returns something true, and return that; raises as the deployment's does."""
        with self._timeline.waiting(f"Waiting until {what}"):
            return self._airflow.wait_until(predicate, what=what)

    def version(self, number: int) -> Version:
        """Read a registered version."""
        return next(version for version in self._database.versions(DAG_ID) if version.number == number)

    def last_run_id(self) -> int:
        """Return the highest id of a run, 0 if there is none."""
        return self._database.value("SELECT coalesce(max(id), 0) FROM dag_run")

    def printed(self, run: Run) -> str | None:
        """Return what the run's task printed."""
        return printed_text(self._airflow.task_log(DAG_ID, run.run_id, "price"))

    def wait_for_version(self, number: int, commit: str) -> None:
        """Wait until the dag processor has registered a version at a commit."""

        def registered() -> bool:
            return any(v.number == number and v.bundle_version == commit for v in self._database.versions(DAG_ID))

        self.wait(registered, f"version {number} is registered at {short(commit)}")
        self._timeline.check(
            f"version {number} in table dag_version", short(self.version(number).bundle_version), short(commit)
        )

    def next_runs(self, code: Code, version: Version, *, count: int = 1) -> None:
        """Wait for the next scheduled runs, and check that they are what the code of the version makes of them."""
        newest = self.last_run_id()

        def finished() -> list[Run]:
            found = self._database.runs(DAG_ID, run_type="scheduled", after=newest)
            return found if len(found) >= count and all(run.is_finished for run in found[:count]) else []

        what = "the next scheduled run has" if count == 1 else f"the next {count} scheduled runs have"
        for run in self.wait(finished, f"{what} finished")[:count]:
            self._run(run, code, version)
        self._dag(code, version)

    def runs_from(self, moment: datetime, *, before: int, after: int, begin: int) -> None:
        """
        Wait for runs on both sides of a time, and check that each has the version of its side.

        :param moment: from when on another version is to be used
        :param before: the version of runs that are due before it
        :param after: the version of runs that are due then or later
        :param begin: highest id of the runs that are not looked at
        """

        def sides() -> list[tuple[bool, int | None]]:
            runs = self._database.runs(DAG_ID, run_type="scheduled", after=begin)
            found = [(run.run_after >= moment, run.version_number) for run in runs]
            return found if len({is_after for is_after, _ in found}) == 2 else []

        found = self.wait(sides, f"runs are created that are due before and after {moment:%H:%M:%S}")
        for is_after, number in ((False, before), (True, after)):
            self._timeline.check(
                f"versions of runs due {f'at {moment:%H:%M:%S} or later' if is_after else f'before {moment:%H:%M:%S}'}",
                {version for side, version in found if side == is_after},
                {number},
            )

    def ramp_aborted(self, *, begin: int, stable: int, tried: int) -> None:
        """
        Wait until a ramp is aborted, and check which runs had its version.

        :param begin: highest id of the runs that are not looked at
        :param stable: the pinned version
        :param tried: the version of the ramp
        """

        def aborted() -> bool:
            return self._airflow.pinning.get(f"/dags/{DAG_ID}")["ramp"] is None

        self.wait(aborted, "the ramp is aborted")
        end = self.last_run_id()
        runs = self._database.runs(DAG_ID, run_type="scheduled", after=begin)
        numbers = [run.version_number for run in runs if run.id <= end]
        self._timeline.check("versions of the first two runs of the ramp", numbers[:2], [stable, tried])
        self.wait(lambda: self.last_run_id() >= end + 2, "two more runs are created")
        later = self._database.runs(DAG_ID, run_type="scheduled", after=end)
        self._timeline.check("versions of runs after it", {run.version_number for run in later}, {stable})

    def _run(self, run: Run, code: Code, version: Version) -> None:
        self._timeline.check(
            f"scheduled run {run.run_id.partition('__')[2][:19]}",
            _described(run.state, run.task_ids, run.version_number, run.task_version_numbers, run.bundle_version),
            _described("success", code.task_ids, version.number, {version.number}, version.bundle_version),
        )
        self._timeline.check("its task's log", self.printed(run), code.printed)
        earlier = [r for r in self._database.runs(DAG_ID, run_type="scheduled") if r.id < run.id]
        if earlier and earlier[-1].version_number == version.number:
            gap = (run.scheduled_for - earlier[-1].scheduled_for).total_seconds()
            self._timeline.check(
                "since the scheduled run before",
                f"{gap:.1f} s",
                f"at least {code.seconds} s",
                passed=gap >= code.seconds,
            )

    def _dag(self, code: Code, version: Version) -> None:
        dag = self._database.dag(DAG_ID) or {}
        self._timeline.check(
            "row in table dag",
            f"every {dag['timetable_summary']}, at most {dag['max_active_runs']} runs, "
            f"at {short(dag['bundle_version'])}, stale: {dag['is_stale']}, import errors: {dag['has_import_errors']}",
            f"every 0:00:0{code.seconds}, at most {code.max_active_runs} runs, "
            f"at {short(version.bundle_version)}, stale: False, import errors: False",
        )


def short(commit: str | None) -> str | None:
    """Return the beginning of a commit's hash."""
    return commit and commit[:10]


def _described(
    state: str,
    task_ids: Collection[str],
    version: int | None,
    task_versions: Collection[int | None],
    commit: str | None,
) -> str:
    tasks = f"tasks {', '.join(sorted(task_ids))} of version {', '.join(map(str, task_versions))}"
    return f"{state}, version {version} at {short(commit)}, {tasks}"
