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
"""Runs of the promotion Dag that ``example_dags`` has, which is deployed as it is."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from demo.database import Run
from demo.deployment import Deployment

PROMOTION_DAG_ID = "example_promote_dag_version"
PROMOTION_BUNDLE = "release_dags"
"""The bundle that has the promotion Dag, so that its commits are no versions of what it promotes."""

EXAMPLES = Path(__file__).parents[1] / "example_dags"

FAST: Mapping[str, Any] = {
    "debounce_seconds": 0,
    "poke_seconds": 1,
    "canary_runs": 2,
    "window_cron": "0 0 * * *",
    "window_seconds": 86400,
    "bake_runs": 2,
}
"""Parameters with which a promotion takes as long as its tasks do: few runs, and a window that is always open."""

REACTION_TIME = 3.0
"""
Seconds that a person takes to answer.

To Airflow's scheduler, a task that is queued again before it has heard of the end of the process that asked is a task
that was killed, and fails.
"""

REPORTED = frozenset({"deferred", "awaiting_input", "success", "failed", "skipped", "upstream_failed", "up_for_retry"})


def connection(airflow: Deployment, username: str | None = None, password: str | None = None) -> dict[str, str]:
    """
    Return the environment variable with the connection that the promotion's tasks use.

    A task's own token opens the execution API alone, so they log in as a user.

    :param airflow: the deployment, which is the one that is promoted in too
    :param username: who makes the changes; the first user if not given
    :param password: the user's password if not given
    """
    name = username or airflow.username
    fields = {
        "conn_type": "pinning",
        "host": airflow.url,
        "login": name,
        "password": password or airflow.passwords[name],
    }
    return {"AIRFLOW_CONN_PINNING_DEFAULT": json.dumps(fields)}


def commit_promotion_dag(airflow: Deployment) -> str:
    """Commit the example to the repository of :data:`PROMOTION_BUNDLE`, and return the commit."""
    file = EXAMPLES / f"{PROMOTION_DAG_ID}.py"
    return airflow.repositories[PROMOTION_BUNDLE].commit({file.name: file.read_text()}, "The promotion Dag")


class PromotionRun:
    """
    One run of the promotion Dag.

    :param airflow: the deployment
    :param run_id: id of the run
    :param report: called with a line of text for each state that a task reaches
    """

    def __init__(self, airflow: Deployment, run_id: str, *, report: Callable[[str], None] = lambda line: None) -> None:
        self._airflow = airflow
        self._report = report
        self._seen: dict[str, str | None] = {}
        self.run_id = run_id
        self.path = f"/dags/{PROMOTION_DAG_ID}/dagRuns/{run_id}"

    def start(self, target_dag_id: str, **params: Any) -> None:
        """
        Trigger the run.

        :param target_dag_id: the Dag to promote
        :param params: parameters that differ from :data:`FAST`
        """
        conf = {**FAST, "target_dag_id": target_dag_id, **params}
        self._airflow.airflow.post(
            f"/dags/{PROMOTION_DAG_ID}/dagRuns", {"dag_run_id": self.run_id, "logical_date": None, "conf": conf}
        )

    @property
    def run(self) -> Run:
        """The run as the database has it."""
        return next(run for run in self._airflow.database.runs(PROMOTION_DAG_ID) if run.run_id == self.run_id)

    def states(self) -> dict[str, str | None]:
        """Read the states of the tasks, and report what changed since they were read last."""
        states = {task.task_id: task.state for task in self.run.tasks}
        for task_id, state in states.items():
            if state in REPORTED and state != self._seen.get(task_id):
                self._report(f"{PROMOTION_DAG_ID}.{task_id}: {state}")
        self._seen = states
        return states

    def reached(self, task_id: str, *wanted: str) -> Callable[[], bool]:
        """
        Return a predicate that is true once a task is in one of the states.

        It raises ``RuntimeError`` if the task ends in another, since waiting is useless then.
        """

        def predicate() -> bool:
            state = self.states().get(task_id)
            if state in {"success", "failed", "skipped", "upstream_failed"} - set(wanted):
                raise RuntimeError(
                    f"Task {task_id} is {state}, not {' or '.join(wanted)}:\n{self.log(task_id)[-3000:]}"
                )
            return state in wanted

        return predicate

    def finished(self) -> bool:
        """Return whether the run has ended."""
        self.states()
        return self.run.is_finished

    def result(self, task_id: str, key: str = "return_value") -> Any:
        """Return an XCom of a task."""
        path = f"{self.path}/taskInstances/{task_id}/xcomEntries/{key}"
        return self._airflow.airflow.get(path, stringify=False)["value"]

    def log(self, task_id: str, *, try_number: int = 1) -> str:
        """Return the text of a task's log."""
        return self._airflow.task_log(PROMOTION_DAG_ID, self.run_id, task_id, try_number=try_number)

    def question(self) -> dict[str, Any]:
        """Return what a person is asked."""
        return self._airflow.airflow.get(f"{self.path}/taskInstances/approval/-1/hitlDetails")

    def answer(self, option: str, *, username: str | None = None) -> dict[str, Any]:
        """
        Answer the question through Airflow's public API, as the button in its UI does.

        :param option: ``Approve`` or ``Reject``
        :param username: who answers; the first user if not given
        :return: the answer as Airflow keeps it
        """
        time.sleep(REACTION_TIME)
        client = self._airflow.client("/api/v2", username)
        return client.patch(f"{self.path}/taskInstances/approval/-1/hitlDetails", {"chosen_options": [option]})
