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
"""What the tests of promotions deploy, and how they start it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from demo.database import Run
from demo.deployment import Deployment
from demo.promotion_run import PROMOTION_BUNDLE, PROMOTION_DAG_ID, PromotionRun, commit_promotion_dag, connection

TARGET = "orders"

SOURCE = """
import os
import time
from datetime import datetime, timezone

from airflow.sdk import DAG, task


VERSION = "{version}"


def say():
    while os.path.exists("{waits_for}"):
        time.sleep(0.2)
    print(f"this is {{VERSION}}")
    if {fails}:
        raise RuntimeError(f"{{VERSION}} fails")


with DAG("{dag_id}", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=timezone.utc), max_active_runs={limit}):
    task(task_id="say")(say)()
"""


def source(
    version: str, dag_id: str = TARGET, *, limit: int = 20, fails: bool = False, waits_for: str | Path = ""
) -> str:
    """
    Return a Dag whose only task, ``say``, prints its version.

    :param version: what it prints
    :param dag_id: id of the Dag
    :param limit: its ``max_active_runs``
    :param fails: whether the task fails
    :param waits_for: path of a file; the task waits while there is one
    """
    return SOURCE.format(version=version, dag_id=dag_id, limit=limit, fails=fails, waits_for=waits_for)


TOOLS = """
import os
import signal
from datetime import timedelta

from airflow.sdk import DAG, Param

from airflow_providers_pinning.operators.canary import TriggerCanaryRunOperator
from airflow_providers_pinning.operators.pin import PinDagVersionOperator
from airflow_providers_pinning.operators.rollback import RejectDagVersionOperator
from airflow_providers_pinning.sensors.version import NewDagVersionSensor

COMMON = dict(
    schedule=None,
    params={
        "connection": "pinning_default",
        "target": "orders",
        "version": 1,
        "revision": Param(None, type=["integer", "null"]),
    },
    default_args={"retries": 2, "retry_delay": timedelta(seconds=1)},
)
TARGET = {"target_dag_id": "{{ params.target }}", "pinning_conn_id": "{{ params.connection }}"}


class Killed(TriggerCanaryRunOperator):
    def change(self, hook, context):
        created = super().change(hook, context)
        if context["ti"].try_number == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        return created


with DAG("pin", **COMMON):
    PinDagVersionOperator(
        task_id="task",
        version_number="{{ params.version }}",
        expected_revision="{{ params.revision }}",
        **TARGET,
    )

with DAG("reject", **COMMON):
    RejectDagVersionOperator(task_id="task", version_number="{{ params.version }}", **TARGET)

with DAG("canary", **COMMON):
    TriggerCanaryRunOperator(
        task_id="task", version_number="{{ params.version }}", poke_interval=1, deferrable=True, **TARGET
    )

with DAG("wait", **COMMON):
    NewDagVersionSensor(task_id="task", poke_interval=1, deferrable=True, **TARGET)

with DAG("killed", **COMMON):
    Killed(task_id="task", version_number="{{ params.version }}", count=2, wait_for_completion=False, **TARGET)
"""
"""Dags of one task each, named ``task``, whose connection and target are parameters."""

TOOL_IDS = ("pin", "reject", "canary", "wait", "killed")


def deploy(airflow: Deployment, connections: Mapping[str, tuple[str, str]]) -> None:
    """
    Start a deployment with a target Dag, the promotion Dag and the tools.

    :param airflow: a deployment with the bundles :data:`demo.deployment.BUNDLE` and
        :data:`~demo.promotion_run.PROMOTION_BUNDLE`
    :param connections: user and password by connection id, besides ``pinning_default``, which is the
        first user's if it is not given
    """
    airflow.env.update(connection(airflow))
    for conn_id, (username, password) in connections.items():
        (value,) = connection(airflow, username, password).values()
        airflow.env[f"AIRFLOW_CONN_{conn_id.upper()}"] = value
    airflow.repository.commit({"orders.py": source("v1")})
    airflow.repositories[PROMOTION_BUNDLE].commit({"tools.py": TOOLS})
    commit_promotion_dag(airflow)
    airflow.start()


def wait_for_dags(airflow: Deployment, *dag_ids: str) -> None:
    """Wait until the target, the promotion Dag, the tools and further Dags are registered."""
    for dag_id in (TARGET, PROMOTION_DAG_ID, *TOOL_IDS, *dag_ids):
        airflow.wait_until(lambda: airflow.database.dag(dag_id), what=f"Dag {dag_id} is registered")  # noqa: B023


@dataclass(frozen=True)
class Outcome:
    """How a run of one of the tools ended."""

    run: Run
    log: str
    killed_by_scheduler: int
    """See :func:`killed_by_scheduler`."""

    @property
    def state(self) -> str | None:
        """State of its task."""
        return self.run.tasks[0].state

    @property
    def tries(self) -> int:
        """How often its task was tried."""
        return self.run.tasks[0].try_number


def pin(airflow: Deployment, dag_id: str, version_number: int) -> None:
    """Pin a version."""
    airflow.pinning.put(f"/dags/{dag_id}/pin", {"version_number": version_number, "reason": "stable"})


def wait_for_version(airflow: Deployment, dag_id: str, number: int, commit: str | None = None) -> None:
    """Wait until a version, of a commit if one is given, is the latest one."""

    def registered() -> bool:
        latest = airflow.pinning.get(f"/dags/{dag_id}")["latest"]
        return latest["version_number"] == number and commit in (None, latest["bundle_version"])

    airflow.wait_until(registered, what=f"version {number} of Dag {dag_id} is registered")


def version(airflow: Deployment, dag_id: str, number: int) -> dict[str, Any]:
    """Return one version as the API lists it."""
    versions = airflow.pinning.get(f"/dags/{dag_id}/versions")["versions"]
    return next(one for one in versions if one["version_number"] == number)


def trigger(airflow: Deployment, dag_id: str, run_id: str, **conf: Any) -> None:
    """Create a run of a Dag."""
    airflow.airflow.post(f"/dags/{dag_id}/dagRuns", {"dag_run_id": run_id, "logical_date": None, "conf": conf})


def run_of(airflow: Deployment, dag_id: str, run_id: str) -> Run | None:
    """Return a run as it is now."""
    return next((run for run in airflow.database.runs(dag_id) if run.run_id == run_id), None)


def finished_run(airflow: Deployment, dag_id: str, run_id: str) -> Run:
    """Wait until a run is finished."""

    def found() -> Run | None:
        run = run_of(airflow, dag_id, run_id)
        return run if run and run.is_finished else None

    return airflow.wait_until(found, what=f"run {run_id} of {dag_id} is finished")


def start_tools(airflow: Deployment, runs: Mapping[str, tuple[str, Mapping[str, Any]]]) -> None:
    """
    Start tools at the same time.

    :param airflow: the deployment
    :param runs: by name the tool's Dag and its parameters
    """
    for name, (dag_id, params) in runs.items():
        trigger(airflow, dag_id, _id(name), **params)


def run_tools(airflow: Deployment, runs: Mapping[str, tuple[str, Mapping[str, Any]]]) -> dict[str, Outcome]:
    """Run tools as :func:`start_tools` does, and wait until they are finished."""
    start_tools(airflow, runs)
    return {name: finished(airflow, dag_id, name) for name, (dag_id, _) in runs.items()}


def _id(name: str) -> str:
    """Return a run id, in which Airflow allows no spaces."""
    return name.replace(" ", "_")


def finished(airflow: Deployment, dag_id: str, name: str) -> Outcome:
    """Wait until a tool's run is finished."""
    run = finished_run(airflow, dag_id, _id(name))
    tries = range(1, run.tasks[0].try_number + 1)
    log = "\n".join(airflow.task_log(dag_id, run.run_id, "task", try_number=number) for number in tries)
    return Outcome(run, log, killed_by_scheduler(airflow, run.run_id, "task"))


def killed_by_scheduler(airflow: Deployment, run_id: str, task_id: str) -> int:
    """
    Return how many tries of a task Airflow's scheduler took for killed.

    It does so if a deferred task is queued again before the executor has reported the end of the process that
    deferred it, which happens on a busy machine where a trigger has its answer at once.
    """
    return airflow.database.value(
        "SELECT count(*) FROM log WHERE event = 'state mismatch' AND run_id = :run_id AND task_id = :task_id",
        run_id=run_id,
        task_id=task_id,
    )


def decide(airflow: Deployment, runs: Iterable[PromotionRun], option: str) -> None:
    """
    Answer the question of promotions, and wait until the answer is taken.

    A try that Airflow's scheduler took for killed asks anew, see :func:`killed_by_scheduler`.
    """
    undecided = list(runs)

    def decided() -> bool:
        for run in [run for run in undecided if run.states()["approval"] == "awaiting_input"]:
            run.answer(option)
        undecided[:] = [run for run in undecided if run.states()["approval"] not in ("success", "failed")]
        return not undecided

    airflow.wait_until(decided, every=1, what=f"the answer {option} is taken")


def wait_for_states(airflow: Deployment, runs: Iterable[Any], task_id: str, *states: str) -> None:
    """Wait until a task of several promotion runs has reached one of the states."""
    for run in runs:
        try:
            airflow.wait_until(
                run.reached(task_id, *states), what=f"{task_id} of {run.run_id} is {' or '.join(states)}"
            )
        except RuntimeError as error:
            raise AssertionError(f"{error}\n{airflow.logs(60)}") from error
