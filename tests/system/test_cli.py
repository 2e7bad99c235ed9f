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
"""Every command of ``airflow pinning`` in a process of its own, while the scheduler creates runs."""

from __future__ import annotations

import os
import subprocess
from contextlib import ExitStack

import pytest
from airflow.utils.platform import getuser

from demo.deployment import Deployment, airflow_command
from tests.support.postgres import postgres
from tests.support.shell import Shell

pytestmark = pytest.mark.system

HOSTILE = "[bold]tested[/] \x1b[31mred\x1b[0m :bomb: [/x]"
SHOWN = "[bold]tested[/] \\x1b[31mred\\x1b[0m :bomb: [/x]"

DAG = """
    from datetime import datetime, timedelta, timezone

    from airflow.providers.standard.operators.empty import EmptyOperator
    from airflow.sdk import DAG, Param

    with DAG(
        "orders",
        schedule=timedelta(seconds=5),
        start_date=datetime(2026, 1, 1, tzinfo=timezone.utc),
        catchup=False,
        params={{"size": Param(1, type="integer")}},
    ):
        {tasks}
"""


def dag(*task_ids):
    return DAG.format(tasks=" >> ".join(f"EmptyOperator(task_id={task_id!r})" for task_id in task_ids))


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def airflow(request):
    """Return a deployment whose scheduler and dag processor run, with a Dag of one version."""
    with ExitStack() as running:
        url = None
        if request.param == "postgres":
            url = running.enter_context(postgres()).create_database("airflow")
        # Tasks that do nothing are finished by the scheduler itself, so no API server is needed.
        deployment = running.enter_context(Deployment(database_url=url, report=print))
        deployment.repository.commit({"orders.py": dag("extract")}, "First version")
        deployment.migrate()
        deployment.start_component("scheduler")
        deployment.start_component("dag-processor")
        deployment.wait_until(
            lambda: runs(deployment, version=1), timeout=120, what="version 1 of Dag orders runs on its schedule"
        )
        yield deployment


@pytest.fixture(scope="module")
def shell(airflow):
    return Shell(airflow.env)


def runs(airflow, *, version, after=0):
    return [
        run
        for run in airflow.database.runs("orders", run_type="scheduled", after=after)
        if run.version_number == version and run.state == "success"
    ]


def newest_run(airflow):
    return max(run.id for run in airflow.database.runs("orders"))


def test_a_release_from_the_first_pin_to_the_doctor(airflow, shell):
    """Each command takes seconds to start, so each is run once, in the order in which people would."""
    before = shell.pinning("status", "orders", "-o", "json")
    assert (before.json["pinned"], before.err) == (False, "")

    pinned = shell.pinning("pin", "orders", "-V", 1, "--reason", HOSTILE, "--yes", "-o", "json")
    assert (pinned.json["active"]["version_number"], pinned.json["pin"]["reason"]) == (1, HOSTILE)
    second = airflow.repository.commit({"orders.py": dag("extract", "load")}, "Second version")

    listed = shell.pinning("list")
    assert SHOWN in listed.out
    assert "\x1b" not in listed.out + listed.err

    airflow.wait_until(lambda: len(airflow.database.versions("orders")) == 2, timeout=60, what="HEAD is registered")
    versions = shell.pinning("versions", "orders", "-o", "json").json
    assert [(v["version_number"], v["bundle_version"] == second) for v in versions] == [(2, True), (1, False)]

    compared = shell.pinning("compare", "orders", "--exit-code", "-o", "json", code=7)
    assert compared.json["tasks"]["added"] == ["load"]
    assert 'EmptyOperator(task_id="load")' in compared.json["source"]["diff"].replace("'", '"')

    shell.pinning("candidate", "orders", "-r", "evaluate it", "--yes")
    canary = shell.pinning(
        *("canary", "orders", "-V", 2, "--count", 2, "--conf", '{"size": 2}', "--note", HOSTILE),
        *("-r", "try it", "--wait", "--timeout", 120, "--yes", "-o", "json"),
    )
    assert set(canary.json["states"].values()) == {"success"}
    found = {run.run_id: run for run in airflow.database.runs("orders")}
    assert {found[run_id].version_number for run_id in canary.json["run_ids"]} == {2}

    soaked = shell.pinning("soak", "orders", "-V", 2, "--min-runs", 2)
    assert "successful" in soaked.out

    confirmed = shell.pinning(
        *("pin", "orders", "--bundle-version", second, "-r", "approved", "-o", "json"), typed="y\n"
    )
    assert (confirmed.json["active"]["version_number"], confirmed.json["revision"]) == (2, 2)
    assert "instead of version 1" in confirmed.err
    pinned_at = newest_run(airflow)
    airflow.wait_until(lambda: runs(airflow, version=2, after=pinned_at), timeout=60, what="version 2 is live")

    back = shell.pinning("rollback", "orders", "-r", "wrong totals", "--yes", "-o", "json")
    assert back.json["active"]["version_number"] == 1
    rolled_back_at = newest_run(airflow)

    shell.pinning("restore", "orders", "-V", 2, "-r", "it was the data", "--yes")
    shell.pinning("reject", "orders", "-V", 2, "-r", "it was not", "--yes")
    airflow.wait_until(lambda: runs(airflow, version=1, after=rolled_back_at), timeout=60, what="version 1 is live")
    assert all(
        run.version_number == 1 for run in airflow.database.runs("orders", run_type="scheduled", after=rolled_back_at)
    )

    unpinned = shell.pinning("unpin", "orders", "-r", "done", "--yes", "-o", "json")
    assert (unpinned.json["pinned"], unpinned.json["active"]["version_number"]) == (False, 2)

    history = shell.pinning("history", "orders", "-o", "json").json
    assert [event["kind"] for event in reversed(history)] == [
        *("pinned", "candidate", "canary", "pinned", "rolled_back", "restored", "rejected", "unpinned")
    ]
    assert {(event["actor"], event["actor_kind"]) for event in history} == {(getuser(), "cli")}

    examined = shell.pinning("doctor", "-o", "json").json
    assert [f["remedy"] for f in examined if f["status"] == "warning" and f["check"] != "code"] == [
        "Start `airflow api-server`."
    ]
    assert {f["found"].split()[0] for f in examined if f["check"] == "component" and f["status"] == "ok"} == {
        "scheduler",
        "dag_processor",
    }


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("pin", "orders", "-V", 1, "-r", "x"), 5, "there is no terminal to ask"),
        (("pin", "orders", "-V", 99, "-r", "x", "--yes"), 4, "unknown_version: "),
        (("rollback", "orders", "-r", "x", "--yes", "--expected-revision", 99), 3, "revision_conflict: "),
        (("status", "\x1b[31mother"), 4, "Dag '\\x1b[31mother' is not known"),
    ],
    ids=["not confirmed", "not found", "refused", "hostile"],
)
def test_what_cannot_be_done_is_one_line(arguments, code, says, shell):
    ended = shell.pinning(*arguments, code=code)

    assert ended.out == ""
    assert says in ended.err
    assert len(ended.err.splitlines()) == 1


def test_a_reader_that_has_seen_enough_is_no_error(airflow):
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            airflow_command("pinning", "versions", "orders"),
            env=airflow.env,
            stdin=subprocess.DEVNULL,
            stdout=writing,
            stderr=subprocess.PIPE,
            timeout=60,
            check=False,
        )
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (1, b"")


def test_a_database_that_does_not_answer_is_one_line(shell, tmp_path):
    nowhere = {
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{tmp_path}/missing/airflow.db",
        "PYTHONIOENCODING": "ascii",
    }

    ended = shell.pinning("status", "größe", code=1, **nowhere)
    assert ended.err.startswith("airflow pinning status: database: unable to open database file. Check [database]")
    assert len(ended.err.splitlines()) == 1
