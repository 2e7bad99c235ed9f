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
"""The story of the demo: a pinned Dag goes on while its repository changes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta, timezone

from demo.act import Act
from demo.checks import short
from demo.deployment import BUNDLE
from demo.rest import RestError
from demo.sources import BROKEN, DAG_FILE, DAG_ID, FAILING, FIRST, HELPER_CHANGED, HELPER_FILE, RESTRUCTURED

PIN = f"/dags/{DAG_ID}/pin"


class Story(Act):
    """Changes the repository and the pin, and looks up what the runs did."""

    def steps(self) -> Iterable[Callable[[], None]]:
        """Return the steps in their order."""
        return (
            self.start,
            self.version_1_runs,
            self.pin_version_1,
            self.change_the_helper,
            self.keep_version_2,
            self.change_the_structure,
            self.break_the_file,
            self.delete_the_file,
            self.restore_the_file,
            self.pin_version_3,
            self.roll_back,
            self.refuse_in_a_freeze,
            self.change_at_a_second,
            self.ramp_a_failing_version,
            self.unpin,
            self.look_back,
        )

    def start(self) -> None:
        """Start Airflow's components, each of which has to enforce pins."""
        with self.timeline.step("Start Airflow: API server, scheduler, dag processor, triggerer, on SQLite"):
            with self.timeline.waiting("Starting"):
                self.airflow.start()
            components = self.airflow.pinning.get("/health")["components"]
            self.timeline.check(
                "components that enforce pins",
                sorted(component["component"] for component in components if component["enforced"]),
                ["api_server", "dag_processor", "scheduler", "triggerer"],
            )

    def version_1_runs(self) -> None:
        """Register the Dag, and see it run."""
        with self.timeline.step("Version 1 runs on its schedule"):
            self.first_commit = self._commit(FIRST.files, "The first version of the Dag")
            self.checks.wait_for_version(1, self.first_commit)
            self.checks.next_runs(FIRST, self.checks.version(1), count=2)

    def pin_version_1(self) -> None:
        """Pin what runs."""
        with self.timeline.step("Pin version 1"):
            self.version_1 = self.checks.version(1)
            self.stored = self.airflow.database.stored_version(self.version_1)
            self.last_run_before_pin = self.checks.last_run_id()
            state = self.airflow.pinning.put(PIN, {"version_number": 1, "reason": "Tested, and to stay for now"})
            self.timeline.check("active version in the answer", state["active"]["version_number"], 1)
            self.timeline.check("pin's health in the answer", state["health"]["status"], "healthy")
            self.timeline.check(
                "commit in table pinning_pin",
                short(
                    self.airflow.database.value("SELECT bundle_version FROM pinning_pin WHERE dag_id = :d", d=DAG_ID)
                ),
                short(self.first_commit),
            )

    def change_the_helper(self) -> None:
        """Change code that Airflow does not see when it compares versions."""
        with self.timeline.step("Commit a change of the helper alone: a discount of 50 %, by mistake"):
            self._commit({HELPER_FILE: HELPER_CHANGED.files[HELPER_FILE]}, "Change the helper")
            self.checks.wait_for_version(2, self.airflow.repository.head)
            self._check_pinned_runs()

    def keep_version_2(self) -> None:
        """Make a version a candidate, which it stays unchanged as."""
        with self.timeline.step("Put version 2 under evaluation, so that no later commit changes it"):
            self.airflow.pinning.post(
                f"/dags/{DAG_ID}/candidates", {"version_number": 2, "reason": "To look into the discount"}
            )
            state = self.airflow.database.value("SELECT state FROM pinning_version WHERE version_number = 2")
            self.timeline.check("state in table pinning_version", state, "candidate")

    def change_the_structure(self) -> None:
        """Change everything that Airflow schedules by."""
        with self.timeline.step("Commit another structure, schedule and limit"):
            self._commit(RESTRUCTURED.files, "Notify customers, and run more often")
            self.checks.wait_for_version(3, self.airflow.repository.head)
            self._check_pinned_runs()

    def break_the_file(self) -> None:
        """Commit a file that cannot be parsed."""
        with self.timeline.step("Commit a syntax error"):
            self._commit({DAG_FILE: BROKEN}, "Break the Dag file")
            errors = self.checks.wait(
                lambda: self.airflow.database.import_errors(BUNDLE), "the import error is recorded"
            )
            self.timeline.check("files in table import_error", set(errors), {DAG_FILE})
            self._check_pinned_runs()

    def delete_the_file(self) -> None:
        """Commit the deletion of what is pinned."""
        with self.timeline.step("Commit the deletion of the Dag file and of the helper"):
            commit = self._commit({DAG_FILE: None, HELPER_FILE: None}, "Delete the Dag")
            self.checks.wait(
                lambda: (
                    self.airflow.database.bundle_version(BUNDLE) == commit
                    and not self.airflow.database.import_errors(BUNDLE)
                ),
                "the dag processor has noticed that the file is gone",
            )
            self.timeline.check(
                "commit in table dag_bundle", short(self.airflow.database.bundle_version(BUNDLE)), short(commit)
            )
            self._check_pinned_runs(count=2)

    def restore_the_file(self) -> None:
        """Bring the file back, and look at every run since the pin."""
        with self.timeline.step("Restore the file"):
            self._commit(RESTRUCTURED.files, "Restore the Dag")
            self.checks.wait_for_version(3, self.airflow.repository.head)
            self._check_pinned_runs()
            runs = [
                run for run in self.airflow.database.runs(DAG_ID, after=self.last_run_before_pin) if run.is_finished
            ]
            self.timeline.check(
                f"versions of all {len(runs)} runs since version 1 was pinned",
                {run.version_number for run in runs},
                {1},
            )
            self.timeline.check(
                f"task logs of all {len(runs)} runs",
                {self.checks.printed(run) for run in runs},
                {FIRST.printed},
            )

    def pin_version_3(self) -> None:
        """Move the pin to the newest version, under the conditions that a careful caller sets."""
        with self.timeline.step("Pin version 3"):
            version = self.checks.version(3)
            state = self.airflow.pinning.put(
                PIN,
                {
                    "version_number": 3,
                    "expected_dag_hash": version.dag_hash,
                    "expected_revision": self.airflow.pinning.get(f"/dags/{DAG_ID}")["revision"],
                    "reason": "Customers are to be notified",
                },
            )
            self.timeline.check("active version in the answer", state["active"]["version_number"], 3)
            self.checks.next_runs(RESTRUCTURED, version, count=2)

    def roll_back(self) -> None:
        """Return to the version that was active before."""
        with self.timeline.step("Roll back"):
            state = self.airflow.pinning.post(
                f"/dags/{DAG_ID}/rollback", {"reason": "Customers do not like to be notified"}
            )
            self.timeline.check("active version in the answer", state["active"]["version_number"], 1)
            self._check_pinned_runs()
            self.timeline.check("answer to pinning version 3 again", self._refusal(3), "409 version_rejected")

    def refuse_in_a_freeze(self) -> None:
        """Stop all changes for a while."""
        with self.timeline.step("Freeze changes"):
            freeze = self.airflow.pinning.post("/freezes", {"reason": "The warehouse moves"})
            self.timeline.check("answer to pinning version 2", self._refusal(2), "409 policy")
            self.airflow.pinning.delete(f"/freezes/{freeze['id']}", reason="The warehouse has moved")

    def change_at_a_second(self) -> None:
        """Pin a version from an exact time on, which divides the runs by when they are due."""
        with self.timeline.step("Pin version 2 from an exact second on"):
            begin = self.checks.last_run_id()
            moment = (datetime.now(timezone.utc) + timedelta(seconds=3 * FIRST.seconds)).replace(microsecond=0)
            state = self.airflow.pinning.put(
                PIN,
                {
                    "version_number": 2,
                    "effective_from": moment.isoformat(),
                    "reason": "The discount begins",
                },
            )
            self.timeline.check("active version in the answer", state["active"]["version_number"], 1)
            self.timeline.check("pending in the answer", state["pending"]["version"]["version_number"], 2)
            self.checks.runs_from(moment, before=1, after=2, begin=begin)
            state = self.airflow.pinning.get(f"/dags/{DAG_ID}")
            self.timeline.check("active version now", state["active"]["version_number"], 2)

    def ramp_a_failing_version(self) -> None:
        """Give a version half of the new runs, which fails and loses them."""
        with self.timeline.step("Ramp up version 4, which fails"):
            self._commit(FAILING, "Discount negative totals")
            self.checks.wait_for_version(4, self.airflow.repository.head)
            begin = self.checks.last_run_id()
            state = self.airflow.pinning.post(
                f"/dags/{DAG_ID}/ramp",
                {
                    "version_number": 4,
                    "steps": [{"share": 0.5, "runs": 3}],
                    "reason": "Half of the orders, until three runs succeeded",
                },
            )
            self.timeline.check("active version in the answer", state["active"]["version_number"], 2)
            self.timeline.check("next run with version 4, in the answer", state["ramp"]["next_in"], 2)
            self.checks.ramp_aborted(begin=begin, stable=2, tried=4)
            self._commit(RESTRUCTURED.files, "Take the discount of negative totals back")
            self.checks.wait_for_version(5, self.airflow.repository.head)

    def unpin(self) -> None:
        """Let the latest version be active again."""
        with self.timeline.step("Unpin"):
            state = self.airflow.pinning.delete(PIN, reason="The latest version is to run again")
            self.timeline.check("pinned, in the answer", state["pinned"], False)
            self.checks.next_runs(RESTRUCTURED, self.checks.version(5), count=1)

    def look_back(self) -> None:
        """Read the history and the health of the deployment."""
        with self.timeline.step("Look back"):
            events = self.airflow.pinning.get(f"/dags/{DAG_ID}/events")["events"]
            self.timeline.check(
                "table pinning_event, through the API",
                [f"{event['kind']} by {event['actor']}" for event in reversed(events) if event["kind"] != "failing"],
                [
                    f"{kind} by {self.airflow.username}"
                    for kind in (
                        "pinned",
                        "candidate",
                        "pinned",
                        "rolled_back",
                        "activation_scheduled",
                        "pinned",
                        "ramp_started",
                        "ramp_aborted",
                        "unpinned",
                    )
                ],
            )
            health = self.airflow.pinning.get("/health")
            self.timeline.check("every live component enforces pins", health["enforced"], True)
            self.timeline.check("runs that escaped their pin", health["escaped_runs"], [])

    def _commit(self, files: dict[str, str | None], message: str) -> str:
        commit = self.airflow.repository.commit(files, message)
        self.timeline.note(f"git commit {short(commit)}: {message}")
        return commit

    def _check_pinned_runs(self, *, count: int = 1) -> None:
        """Check that new runs still are version 1's, and that version 1 still is what it was."""
        self.checks.next_runs(FIRST, self.version_1, count=count)
        self.timeline.check(
            "version 1 in tables dag_version, serialized_dag, dag_code",
            "changed"
            if self.airflow.database.stored_version(self.version_1) != self.stored
            else "as they were when pinned",
            "as they were when pinned",
        )

    def _refusal(self, number: int) -> str:
        try:
            self.airflow.pinning.put(PIN, {"version_number": number, "reason": "Try it again"})
        except RestError as error:
            return f"{error.status} {error.reason}"
        return "accepted"
