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
from __future__ import annotations

import re
from datetime import timedelta

import pytest
from airflow._shared.timezones import timezone
from airflow.jobs.job import Job, JobState
from airflow.models.dagbundle import DagBundleModel
from sqlalchemy import text, update
from sqlalchemy.exc import OperationalError

from airflow_providers_pinning.cli import deployment_checks, process_checks
from airflow_providers_pinning.cli.findings import Finding, Status, examine
from airflow_providers_pinning.domain.monitoring import attestation
from airflow_providers_pinning.enforcement.checking import EnforcementError
from airflow_providers_pinning.models import Component, ManagedVersion, Pin
from tests.support.sources import dag_file


@pytest.fixture
def running(session):
    """Return a function that makes components seem to run, each with the enforcement."""

    def run(*job_types, attested=True, latest_heartbeat=None):
        for job_type in job_types:
            job = Job(job_type=job_type, state=JobState.RUNNING, hostname="host-1")
            job.latest_heartbeat = latest_heartbeat or timezone.utcnow()
            session.add(job)
            session.flush()
            if attested:
                attestation.attest(attestation.JOB_COMPONENTS[job_type], job_id=job.id, session=session)
        session.commit()

    return run


@pytest.fixture
def complete(running, session, orders):
    """Run a complete deployment, in which everything is in order."""
    running("SchedulerJob", "DagProcessorJob", "TriggererJob")
    attestation.attest(attestation.API_SERVER, session=session)
    session.execute(update(DagBundleModel).values(version="sha3"))
    orders.pin("orders", 1)
    session.execute(update(ManagedVersion).values(code_state="available"))
    session.commit()


def findings(done, check):
    return [finding for finding in done.json if finding["check"] == check]


def test_a_deployment_in_order_is_healthy(pinning, complete):
    done = pinning("doctor", "-o", "json")

    assert done.code == 0
    assert {finding["status"] for finding in done.json} == {"ok"}
    assert {finding["check"] for finding in done.json} == {
        *("package", "enforcement", "contract", "plugin", "tables", "component", "clocks", "bundle", "pins", "runs"),
        *("database", "failing", "pending", "head", "readable", "code", "workers"),
    }
    assert done.err == f"{len(done.json)} checks: 0 failed, 0 warnings.\n"


def test_findings_are_shown_with_signs_and_remedies(pinning, running):
    running("SchedulerJob", attested=False)

    done = pinning("doctor")
    assert done.code == 6
    rows = [[cell.strip() for cell in line.split(" | ")] for line in done.out.splitlines()]
    assert ["✓", "enforcement", "is loaded in this process", ""] in rows
    [row] = [row for row in rows if row[0] == "✗"]
    assert row[1:] == [
        "component",
        "scheduler on host-1 (job 1) runs without the enforcement",
        "Install airflow-providers-pinning there and restart it.",
    ]
    assert next(row[:2] for row in rows if row[:2] == ["!", "bundle"]) == ["!", "bundle"]


def test_a_component_of_another_version_must_be_dealt_with(pinning, complete, session):
    session.execute(update(Component).values(fingerprint="other", package_version="0.0.9"))
    session.commit()

    done = pinning("doctor", "-o", "json")
    assert done.code == 6
    assert all("like version 0.0.9" in f["found"] for f in findings(done, "component"))
    assert {f["remedy"] for f in findings(done, "component")} == {"Install the same version everywhere and restart it."}


def test_what_does_not_run_is_told(pinning, running):
    running("SchedulerJob")

    done = pinning("doctor", "-o", "json")
    assert done.code == 0
    assert [(f["status"], f["remedy"]) for f in findings(done, "component")] == [
        ("ok", ""),
        ("warning", "Start `airflow dag-processor` with the package."),
        ("warning", "Start `airflow triggerer` with the package."),
        ("warning", "Start `airflow api-server` with the package."),
    ]


def test_other_releases_of_the_package_are_told(pinning, complete, session):
    session.execute(update(Component).where(Component.component == "scheduler").values(package_version="0.1.9"))
    session.commit()

    done = pinning("doctor", "-o", "json")
    [found] = [finding for finding in findings(done, "component") if finding["status"] == "warning"]
    assert "has release 0.1.9 of the package, but this host has " in found["found"]
    assert (done.code, found["remedy"]) == (0, "Install the same release everywhere and restart.")


def test_an_api_server_without_the_package_is_not_taken_for_none(pinning, running):
    running("SchedulerJob", "DagProcessorJob", "TriggererJob")
    [found] = [f for f in findings(pinning("doctor", "-o", "json"), "component") if f["status"] == "warning"]
    assert "An API server without the package leaves no trace" in found["found"]


def test_workers_that_cannot_import_tasks_of_the_package_are_told(pinning, complete, session):
    from airflow.api.common.trigger_dag import trigger_dag
    from airflow.models.taskinstance import TaskInstance
    from airflow.models.taskreschedule import TaskReschedule
    from airflow.utils.types import DagRunTriggeredByType

    run = trigger_dag("orders", run_id="r", triggered_by=DagRunTriggeredByType.CLI, session=session)
    [ti, *_] = run.task_instances
    now = timezone.utcnow()
    session.execute(
        update(TaskInstance)
        .where(TaskInstance.id == ti.id)
        .values(operator="PinDagVersionOperator", hostname="worker-1")
    )
    session.add(TaskReschedule(ti.id, now, now, now))
    session.commit()

    [found] = findings(pinning("doctor", "-o", "json"), "workers")
    assert (found["status"], found["found"]) == (
        "warning",
        "tasks of Dag 'orders' were put off 1 times on worker-1, as happens where the Dag's file cannot be imported",
    )


def test_a_heartbeat_from_the_future_tells_that_clocks_differ(pinning, running):
    running("SchedulerJob", latest_heartbeat=timezone.utcnow() + timedelta(seconds=90))

    [found] = findings(pinning("doctor", "-o", "json"), "clocks")
    assert found["status"] == "failure"
    assert re.match(r"the last heartbeat of scheduler on \S+ is (89|90) s ahead", found["found"])


def test_a_bundle_without_versions_is_told(pinning, lab):
    lab.commit(None, loose=dag_file("loose"))

    [found] = findings(pinning("doctor", "-o", "json"), "bundle")
    assert (found["status"], "GitDagBundle" in found["remedy"]) == ("warning", True)


def test_bundle_versioning_that_is_switched_off_is_told(pinning, complete, monkeypatch):
    monkeypatch.setenv("AIRFLOW__DAG_PROCESSOR__DISABLE_BUNDLE_VERSIONING", "True")

    found = findings(pinning("doctor", "-o", "json"), "bundle")
    assert ["disable_bundle_versioning is set" in f["found"] for f in found if f["status"] == "warning"] == [True]


def test_a_pin_that_is_not_honored_must_be_dealt_with(pinning, complete, orders):
    orders.break_pin("orders")

    done = pinning("doctor", "-o", "json")
    assert done.code == 6
    [summary] = findings(done, "pins")
    [found] = findings(done, "pin")
    assert summary["found"] == "1 of 1 pins have a problem"
    assert found["found"].startswith("orders: version_drifted: Version 1 is pinned, but a process that does")
    assert "Then restore the pinned content" in found["remedy"]


def test_a_pinned_version_that_cannot_be_read_must_be_dealt_with(pinning, complete, orders):
    """No run is created with it, though its rows are as they should be."""
    orders.remove_plugin("orders", 1)

    done = pinning("doctor", "-o", "json")
    [found] = findings(done, "readable")
    assert (done.code, found["status"]) == (6, "failure")
    assert found["found"].startswith("orders: version_unreadable")


def test_the_code_of_a_rejected_version_may_be_gone(pinning, complete, session):
    """To reject it is the remedy that is told."""
    session.execute(update(ManagedVersion).values(code_state="available"))
    session.execute(update(ManagedVersion).where(ManagedVersion.version_number == 2).values(code_state="missing"))
    session.commit()
    assert pinning("doctor").code == 6

    assert pinning("reject", "orders", "-V", 2, "-r", "its code is gone", "--yes").code == 0
    assert pinning("doctor").code == 0


def test_a_run_that_escaped_its_pin_is_told(pinning, complete, orders, session):
    from airflow.api.common.trigger_dag import trigger_dag
    from airflow.utils.types import DagRunTriggeredByType

    trigger_dag("orders", triggered_by=DagRunTriggeredByType.CLI, session=session)
    [run] = orders.runs("orders")
    run.created_dag_version_id = orders.version("orders", 2).id
    session.commit()

    [found] = findings(pinning("doctor", "-o", "json"), "run")
    assert "used version 2 instead of the pinned version 1" in found["found"]


def test_a_pinned_dag_that_is_gone_at_head_is_told_and_fails_nothing(pinning, complete, session):
    session.execute(update(Pin).values(head_missing_at=timezone.utcnow()))
    session.commit()

    done = pinning("doctor", "-o", "json")

    assert done.code == 0
    [told] = findings(done, "head")
    assert (told["status"], told["found"].startswith("orders: missing")) == ("warning", True)
    assert pinning("status", "orders").code == 0
    assert "missing: At HEAD no file defines the Dag any more" in pinning("status", "orders").out


@pytest.mark.parametrize(
    ("values", "says", "remedy"),
    [
        (
            {"code_problem": "local_trouble", "code_message": "No space left on device"},
            "managed versions cannot be checked: No space left on device",
            "Fix this on the dag processor's host. The version itself may be fine.",
        ),
        (
            {"code_problem": "remote_unreachable", "code_message": "connection refused"},
            "managed versions cannot be checked: connection refused",
            "Make the remote reachable for the dag processor",
        ),
        (
            {"code_source": "checkout", "code_message": "no branch contains it"},
            "cannot be fetched by new hosts: no branch contains it",
            "Push the commit again with a tag",
        ),
    ],
    ids=["local_trouble", "remote_unreachable", "only_a_checkout"],
)
def test_code_that_new_hosts_may_not_get_is_told_with_the_remedy(values, says, remedy, pinning, complete, session):
    session.execute(update(ManagedVersion).values(code_state="available", **values))
    session.commit()

    told = findings(pinning("doctor", "-o", "json"), "code")
    assert {(f["status"], says in f["found"], f["remedy"].startswith(remedy)) for f in told} == {
        ("warning", True, True)
    }


@pytest.mark.parametrize(
    ("state", "status", "code", "says"),
    [
        ("missing", "failure", 6, "is not available: no such commit"),
        ("unknown", "warning", 0, "of 3 of 3 managed versions has not been checked yet"),
    ],
)
def test_code_that_cannot_be_had_or_was_not_checked_is_told(state, status, code, says, pinning, complete, session):
    session.execute(update(ManagedVersion).values(code_state=state, code_message="no such commit"))
    session.execute(update(ManagedVersion).where(ManagedVersion.state == "active").values(code_state="available"))
    if state == "unknown":
        session.execute(update(ManagedVersion).values(code_state=state))
    session.commit()

    done = pinning("doctor", "-o", "json")
    assert done.code == code
    assert {(f["status"], says in f["found"]) for f in findings(done, "code")} == {(status, True)}


def test_a_database_that_cannot_be_reached_is_told_once(pinning, monkeypatch):
    def unreachable(**options):
        raise OperationalError(None, None, Exception("connection refused\nby the server"))

    monkeypatch.setattr(deployment_checks, "create_session", unreachable)

    done = pinning("doctor", "-o", "json")
    assert done.code == 6
    assert [f for f in done.json if f["status"] != "ok"] == [
        {
            "check": "database",
            "status": "failure",
            "found": "is not reachable: connection refused by the server",
            "remedy": "Check [database] sql_alchemy_conn and whether the server is reachable.",
        }
    ]


def test_what_the_database_refuses_is_told_without_the_statement():
    def refused():
        raise OperationalError("SELECT * FROM pages", None, Exception("no such\ntable"))

    [found] = examine([("pins", refused)])
    assert found.found == "could not be checked: no such table"


def test_missing_tables_are_told_beside_everything_else(pinning, session):
    session.execute(text("ALTER TABLE pinning_component RENAME TO pinning_component_away"))
    session.execute(text("DELETE FROM alembic_version_pinning"))
    session.commit()
    try:
        done = pinning("doctor", "-o", "json")
    finally:
        session.rollback()
        session.execute(text("ALTER TABLE pinning_component_away RENAME TO pinning_component"))
        session.commit()
        from airflow_providers_pinning.db_manager import REVISION_HEADS

        session.execute(
            text("INSERT INTO alembic_version_pinning VALUES (:head)"), {"head": [*REVISION_HEADS.values()][-1]}
        )
        session.commit()

    assert done.code == 6
    assert [(f["status"], f["remedy"]) for f in findings(done, "tables")] == [
        ("failure", "Run `airflow db migrate`."),
        ("warning", "Run the doctor again afterwards."),
    ]
    assert findings(done, "tables")[1]["found"].startswith(
        "component, clocks, workers, pins, gates, failing, pending, head, readable, runs, code: not checked"
    )
    assert {f["check"] for f in done.json}.isdisjoint({"component", "clocks", "pins", "readable", "runs", "code"})
    assert [f["status"] for f in findings(done, "enforcement")] == ["ok"]


class TestThisProcess:
    def test_without_the_enforcement_is_told(self, monkeypatch):
        monkeypatch.delitem(process_checks.sys.modules, process_checks.BOOTSTRAP)

        [found] = process_checks.check_enforcement()
        assert (found.status, "airflow.policy" in found.remedy) == (Status.FAILURE, True)

    def test_on_an_airflow_that_was_changed_is_told(self, monkeypatch):
        def changed(point, module):
            if point.name == "DagCode.update_source_code":
                raise EnforcementError(f"{point.name} takes other parameters")

        monkeypatch.setattr(process_checks, "check", changed)

        [found] = process_checks.check_contract()
        assert (found.status, found.found) == (Status.FAILURE, "DagCode.update_source_code takes other parameters")

    def test_whose_metadata_is_of_another_version_is_told(self, monkeypatch):
        monkeypatch.setattr(process_checks, "version", lambda package: "0.0.9")

        [found] = process_checks.check_package()
        assert (found.status, "but pip reports 0.0.9" in found.found) == (Status.FAILURE, True)

    def test_whose_plugin_does_not_load_is_told(self, monkeypatch):
        monkeypatch.setattr(process_checks.plugins_manager, "get_fastapi_plugins", lambda: ([], []))
        monkeypatch.setattr(
            process_checks.plugins_manager, "get_import_errors", lambda: {"airflow_providers_pinning": "no FastAPI"}
        )

        [found] = process_checks.check_plugin()
        assert (found.status, found.found) == (Status.FAILURE, "airflow_providers_pinning: no FastAPI")


def test_a_check_that_cannot_be_made_does_not_keep_others_from_it():
    def broken():
        raise RuntimeError("no\nway")

    good = Finding("good", Status.OK, "fine")

    assert list(examine([("broken", broken), ("good", lambda: [good])])) == [
        Finding(
            "broken",
            Status.FAILURE,
            "could not be checked: RuntimeError: no way",
            "Fix the other findings first, then run the doctor again.",
        ),
        good,
    ]
