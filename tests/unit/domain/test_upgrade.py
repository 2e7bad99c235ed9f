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
"""What 0.1.0 left in the database is read by this release. Runs on SQLite here, and on PostgreSQL with the folder."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest
from airflow import settings
from airflow._shared.timezones import timezone
from airflow.models.dag import DagModel
from airflow.models.dagrun import DagRun
from airflow.utils.types import DagRunTriggeredByType, DagRunType
from sqlalchemy import column, insert, inspect, select, table

from airflow_providers_pinning.db_manager import REVISION_HEADS, PinningDBManager
from airflow_providers_pinning.domain.changes.canary import CanaryRequest, create_canary_runs
from airflow_providers_pinning.domain.dag_model.stored_dags import active_dag
from airflow_providers_pinning.domain.errors import DagHeldError, VersionRejectedError
from airflow_providers_pinning.domain.versions.identity import find_version
from airflow_providers_pinning.models import Base, RoutedRun
from tests.support.events import list_events
from tests.support.scheduler import Scheduler
from tests.support.sources import dag_file

DAGS = ("orders", "billing", "held")
OF_FIRST_RELEASE = {"pinning_pin", "pinning_version", "pinning_event", "pinning_run", "pinning_component"}
PINNED = {"dag_version_id": None, "bundle_version": None, "expected_dag_hash": None}
"""What 0.1.0 recorded of the request of a pin, beside the version."""


class FirstRelease:
    """Writes rows as 0.1.0 did: column by column, with no model of this release."""

    def __init__(self, session):
        self.session = session
        self.revisions = {}
        self.at = timezone.utcnow()

    def insert(self, name, **values):
        types = Base.metadata.tables[name].c
        # No defaults of the models. The database has no column that 0.1.0 did not know.
        row = table(name, *(column(key, types[key].type) for key in values))
        self.session.execute(insert(row).values(**values))

    def managed(self, dag_id, number, state, **values):
        identity = find_version(dag_id, version_number=number, session=self.session)
        self.insert(
            "pinning_version",
            dag_id=dag_id,
            state=state,
            state_reason="because",
            state_changed_at=self.at,
            created_at=self.at,
            **identity_columns(identity),
            **{"code_state": "unknown", **values},
        )

    def pinned(self, dag_id, number, revision, **values):
        identity = find_version(dag_id, version_number=number, session=self.session)
        self.insert(
            "pinning_pin",
            dag_id=dag_id,
            revision=revision,
            reason="because",
            actor="alice",
            actor_kind="user",
            changed_at=self.at,
            last_run_before=0,
            **identity_columns(identity),
            **values,
        )

    def event(self, dag_id, number, revision, kind, request, *, before=None, evidence=None, key=None):
        to, from_ = (
            n and find_version(dag_id, version_number=n, session=self.session).as_dict() for n in (number, before)
        )
        self.insert(
            "pinning_event",
            dag_id=dag_id,
            revision=revision,
            kind=kind,
            from_version=from_,
            to_version=to,
            actor="alice",
            actor_kind="user",
            source=None,
            reason="because",
            evidence=evidence,
            idempotency_key=key,
            request={"action": kind, "dag_id": dag_id, **request},
            created_at=self.at,
            announced_at=self.at,
        )

    def canary(self, dag_id, number, run_id):
        identity = find_version(dag_id, version_number=number, session=self.session)
        self.insert(
            "pinning_run",
            dag_id=dag_id,
            run_id=run_id,
            dag_version_id=identity.dag_version_id,
            kind="canary",
            created_at=self.at,
        )


def identity_columns(identity):
    return {
        "dag_version_id": UUID(str(identity.dag_version_id)),
        **{name: value for name, value in identity.as_dict().items() if name != "dag_version_id"},
    }


@pytest.fixture
def manager(session):
    """Return what migrates the store, which is as it was afterwards."""
    yield PinningDBManager(session)
    session.rollback()
    PinningDBManager(session).downgrade("base")
    session.commit()
    PinningDBManager(session).upgradedb()


@pytest.fixture
def migrate(manager, session):
    """Return a function that migrates the store to a revision."""

    def to(revision):
        session.rollback()
        if revision == REVISION_HEADS["0.2.0"]:
            manager.upgradedb(use_migration_files=True)
        else:
            manager.downgrade(revision)
        session.rollback()
        session.expire_all()

    return to


@pytest.fixture
def first_release(lab, session, migrate):
    """
    Leave behind what 0.1.0 had, and return the id of a canary run that is not finished.

    Of three Dags, one was rolled back and is on hold, and one has a candidate, which the canary run is of, and a
    rejected version.
    """
    for tasks in ("extract", "extract load", "extract load clean"):
        for dag_id in DAGS:
            lab.commit(f"sha{len(tasks.split())}", **{dag_id: dag_file(dag_id, "schedule='@daily'", tasks)})
            # So that the next commit registers a version of its own.
            lab.candidate(dag_id)
    # The run is Airflow's, as 0.1.0 created it.
    [canary] = create_canary_runs("billing", CanaryRequest(2), lab.change(), session=session).run_ids
    session.commit()
    migrate("base")
    # All tables of this release, without any row; then as 0.1.0's migration makes them.
    migrate(REVISION_HEADS["0.2.0"])
    migrate(REVISION_HEADS["0.1.0"])
    found = {name for name in inspect(settings.engine).get_table_names() if name.startswith("pinning_")}
    assert found == OF_FIRST_RELEASE

    old = FirstRelease(session)
    old.managed("orders", 1, "retained")
    old.managed("orders", 2, "active")
    old.pinned("orders", 2, 2)
    old.event("orders", 1, 1, "pinned", {"action": "pin", "version_number": 1, **PINNED}, before=3)
    old.event("orders", 2, 2, "pinned", {"action": "pin", "version_number": 2, **PINNED}, before=1, key="release-2")
    old.managed("held", 1, "active")
    old.managed("held", 2, "rejected", code_state="missing", code_message="the commit is gone")
    old.pinned("held", 1, 3, hold_reason="loses orders", hold_actor="bob", hold_at=old.at)
    old.event(
        "held",
        1,
        3,
        "rolled_back",
        {"action": "rollback", "to_version": None, "reject_current": True, "hold": True},
        before=2,
        evidence={"rejected": 2},
    )
    old.managed("billing", 1, "active")
    old.managed("billing", 2, "candidate")
    old.managed("billing", 3, "rejected")
    old.pinned("billing", 1, 1)
    old.event("billing", 2, 1, "candidate", {"version_number": 2})
    old.event("billing", 3, 1, "rejected", {"action": "reject", "version_number": 3})
    old.canary("billing", 2, canary)
    old.event(
        "billing",
        2,
        1,
        "canary",
        {"version_number": 2, "count": 1, "conf": None},
        evidence={"run_ids": [canary]},
        key="canary-of-2",
    )
    old.insert(
        "pinning_component",
        id=uuid4(),
        component="scheduler",
        job_id=None,
        hostname="host",
        pid=1,
        package_version="0.1.0",
        airflow_version="3.3.2",
        fingerprint="f" * 64,
        started_at=old.at,
        last_seen=old.at,
    )
    session.commit()
    return canary


@pytest.fixture
def upgraded(first_release, migrate, lab):
    migrate(REVISION_HEADS["0.2.0"])
    return lab


def test_pins_holds_and_judgements_stay(upgraded):
    orders, held = upgraded.pin_state("orders"), upgraded.pin_state("held")
    assert (orders.revision, orders.active.version_number, orders.active.bundle_version) == (2, 2, "sha2")
    assert (orders.pin.actor, orders.pin.reason, orders.hold) == ("alice", "because", None)
    assert (held.revision, held.active.version_number) == (3, 1)
    assert (held.hold.actor, held.hold.reason) == ("bob", "loses orders")
    assert upgraded.managed("billing") == {1: "active", 2: "candidate", 3: "rejected"}
    for refused, dag_id, number in ((DagHeldError, "held", 3), (VersionRejectedError, "billing", 3)):
        with pytest.raises(refused):
            upgraded.pin(dag_id, number)
        upgraded.session.rollback()


def test_history_stays(upgraded, session):
    events, total = list_events("held", limit=10, offset=0, session=session)
    assert total == 1
    assert (events[0].kind, events[0].evidence, events[0].from_version["version_number"]) == (
        "rolled_back",
        {"rejected": 2},
        2,
    )


def test_new_runs_use_the_pinned_version(upgraded, session):
    dag = active_dag("orders", session=session)
    assert set(dag.task_ids) == {"extract", "load"}


def test_rollback_finds_the_version_that_was_active_before(upgraded):
    state = upgraded.roll_back("orders")
    assert (state.active.version_number, upgraded.managed("orders")[2]) == (1, "rejected")


def test_code_that_was_missing_is_looked_for_again(upgraded, session):
    from airflow_providers_pinning.models import ManagedVersion

    attempts = dict(
        session.execute(select(ManagedVersion.code_state, ManagedVersion.code_attempts).distinct()).tuples().all()
    )
    assert attempts == {"missing": 1, "unknown": None}


def test_repeated_request_is_recognized_by_its_key(first_release, upgraded, session):
    state = upgraded.pin("orders", 2, idempotency_key="release-2")
    assert (state.revision, state.repeated.revision) == (2, 2)
    change = upgraded.change(idempotency_key="canary-of-2")
    repeated = create_canary_runs("billing", CanaryRequest(2), change, session=session)
    assert repeated.run_ids == (first_release,)


def test_unfinished_canary_run_is_kept_apart_from_live_ones(first_release, upgraded, session):
    """It takes no slot, and the next live run does not have it as its past."""
    dag_model = session.get(DagModel, "billing")
    dag_model.is_paused, dag_model.max_active_runs = False, 16
    session.commit()
    Scheduler(session).start_and_decide(2)
    run = session.scalars(select(DagRun).where(DagRun.run_id == first_release)).one()
    assert run.state in ("running", "success")
    assert upgraded.used_versions(run) == {2}
    dag = active_dag("billing", session=session)
    live = dag.create_dagrun(
        run_id="manual__live",
        run_type=DagRunType.MANUAL,
        logical_date=timezone.utcnow(),
        data_interval=(timezone.utcnow(), timezone.utcnow()),
        run_after=timezone.utcnow(),
        triggered_by=DagRunTriggeredByType.REST_API,
        state="queued",
        session=session,
    )
    session.commit()
    assert live.get_previous_dagrun(live, session=session) is None
    assert upgraded.used_versions(live) == {1}


def test_downgrade_and_another_upgrade_keep_the_pins(first_release, upgraded, migrate, session):
    upgraded.pin("orders", 3)
    before = {dag_id: upgraded.pin_state(dag_id).active for dag_id in DAGS}
    migrate(REVISION_HEADS["0.1.0"])
    found = {name for name in inspect(settings.engine).get_table_names() if name.startswith("pinning_")}
    assert found == OF_FIRST_RELEASE
    migrate(REVISION_HEADS["0.2.0"])
    assert {name for name in inspect(settings.engine).get_table_names() if name.startswith("pinning_")} == {
        *Base.metadata.tables
    }
    assert {dag_id: upgraded.pin_state(dag_id).active for dag_id in DAGS} == before
    assert upgraded.pin_state("orders").revision == 3
    assert upgraded.managed("billing") == {1: "active", 2: "candidate", 3: "rejected"}
    assert session.scalars(select(RoutedRun.run_id)).all() == [first_release]
