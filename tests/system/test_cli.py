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
from contextlib import ExitStack

import pytest
from airflow.utils.platform import getuser

from demo.deployment import Deployment
from demo.settings import airflow_settings, environment
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


QUIET = {"dag_processor": {"min_file_process_interval": 60}, "pinning": {"maintenance_interval": 30}}
"""A new commit is parsed at once all the same; in between, the processors are left to the commands."""


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
        deployment = running.enter_context(Deployment(database_url=url, config=QUIET, report=print))
        deployment.repository.commit({"orders.py": dag("extract")}, "First version")
        deployment.migrate()
        deployment.start_component("scheduler")
        deployment.start_component("dag-processor")
        deployment.wait_until(lambda: runs(deployment, version=1), what="version 1 of Dag orders runs on its schedule")
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

    airflow.wait_until(lambda: len(airflow.database.versions("orders")) == 2, what="HEAD is registered")
    listed, versions, compared = shell.together(
        lambda: shell.pinning("list", "-o", "wide"),
        lambda: shell.pinning("versions", "orders", "-o", "json"),
        lambda: shell.pinning("compare", "orders", "--exit-code", "-o", "json", code=7),
    )
    assert SHOWN in listed.out
    assert "\x1b" not in listed.out + listed.err
    assert [(v["version_number"], v["bundle_version"] == second) for v in versions.json] == [(2, True), (1, False)]
    assert compared.json["tasks"]["added"] == ["load"]
    assert 'EmptyOperator(task_id="load")' in compared.json["source"]["diff"].replace("'", '"')

    third = airflow.repository.commit({"README.md": "Orders\n"}, "Nothing that the Dag is made of")
    airflow.wait_until(
        lambda: airflow.database.versions("orders")[-1].bundle_version == third, what="version 2 moved on"
    )
    _, waited = shell.together(
        lambda: shell.pinning("candidate", "orders", "-r", "evaluate it", "--yes"),
        lambda: shell.pinning("wait", "orders", "--bundle-version", second, "--timeout", 300, "-o", "json"),
    )
    assert (waited.json["registration"], waited.json["version"]["version_number"]) == ("registered", 2)
    assert waited.json["version"]["bundle_version"] == third
    canary = shell.pinning(
        *("canary", "orders", "-V", 2, "--count", 2, "--conf", '{"size": 2}', "--note", HOSTILE),
        *("-r", "try it", "--wait", "--timeout", 300, "--yes", "-o", "json"),
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
    airflow.wait_until(lambda: runs(airflow, version=2, after=pinned_at), what="version 2 is live")

    back = shell.pinning("rollback", "orders", "-r", "wrong totals", "--yes", "-o", "json")
    assert back.json["active"]["version_number"] == 1
    rolled_back_at = newest_run(airflow)

    shell.pinning("restore", "orders", "-V", 2, "-r", "it was the data", "--yes")
    shell.pinning("reject", "orders", "-V", 2, "-r", "it was not", "--yes")
    airflow.wait_until(lambda: runs(airflow, version=1, after=rolled_back_at), what="version 1 is live")
    assert all(
        run.version_number == 1 for run in airflow.database.runs("orders", run_type="scheduled", after=rolled_back_at)
    )

    unpinned = shell.pinning("unpin", "orders", "-r", "done", "--yes", "-o", "json")
    assert (unpinned.json["pinned"], unpinned.json["active"]["version_number"]) == (False, 2)

    history, examined = shell.together(
        lambda: shell.pinning("history", "orders", "-o", "json"),
        lambda: shell.pinning("doctor", "-o", "json"),
    )
    assert [event["kind"] for event in reversed(history.json)] == [
        *("pinned", "candidate", "canary", "pinned", "rolled_back", "restored", "rejected", "unpinned")
    ]
    assert {(event["actor"], event["actor_kind"]) for event in history.json} == {(getuser(), "cli")}
    of_components = [
        (f["status"], f["found"].split()[0], f["remedy"]) for f in examined.json if f["check"] == "component"
    ]
    assert sorted(of_components) == [
        ("ok", "dag_processor", ""),
        ("ok", "scheduler", ""),
        ("warning", "no", "Start `airflow api-server` with the package."),
        ("warning", "no", "Start `airflow triggerer` with the package."),
    ]
    assert "failure" not in {finding["status"] for finding in examined.json}


def test_what_cannot_be_done_is_one_line(shell):
    refused, not_found, not_confirmed = all_ended = shell.together(
        lambda: shell.pinning("rollback", "orders", "-r", "x", "--yes", "--expected-revision", 99, code=3),
        lambda: shell.pinning("pin", "\x1b[31mgröße", "-V", 1, "-r", "x", "--yes", code=4, PYTHONIOENCODING="ascii"),
        lambda: shell.pinning("unpin", "orders", "-r", "x", code=5),
    )

    assert refused.err.startswith("airflow pinning rollback: revision_conflict: The pin of Dag 'orders' is at revision")
    assert not_found.err.startswith("airflow pinning pin: unknown_dag: Dag '\\x1b[31mgr\\xf6\\xdfe' not found.")
    assert not_confirmed.err.startswith("airflow pinning unpin: not_confirmed: confirmation needed")
    for ended in all_ended:
        assert (ended.out, ended.err.count("\n")) == ("", 1)


def test_a_database_out_of_reach_and_a_reader_that_has_seen_enough_leave_no_traceback(tmp_path):
    settings = airflow_settings(
        home=tmp_path, port=1, database_url=f"sqlite:///{tmp_path}/missing/airflow.db", repositories={}, users=[]
    )
    shell = Shell(environment(tmp_path, settings))
    reading, writing = os.pipe()
    os.close(reading)
    try:
        unreachable, unread = shell.together(
            lambda: shell.pinning("status", "orders", code=1),
            lambda: shell.pinning("doctor", "-o", "plain", code=1, stdout=writing),
        )
    finally:
        os.close(writing)

    assert unreachable.err.startswith(
        "airflow pinning status: database: unable to open database file. Check [database]"
    )
    assert unreachable.err.count("\n") == 1
    assert unread.err == ""
