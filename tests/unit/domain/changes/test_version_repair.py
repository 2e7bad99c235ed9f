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
"""A managed version that a process without the package rewrote, and the ways out."""

from __future__ import annotations

import pytest
from airflow.exceptions import DagNotFound
from airflow.models.dag import DagModel
from airflow.models.dagcode import DagCode
from airflow.models.serialized_dag import SerializedDagModel
from airflow.utils.state import DagRunState
from airflow.utils.types import DagRunTriggeredByType
from sqlalchemy import delete, func, select

from airflow_providers_pinning.domain.changes.canary import CanaryRequest, create_canary_runs
from airflow_providers_pinning.domain.changes.pins import Target, pin_version
from airflow_providers_pinning.domain.changes.version_repair import repair_version
from airflow_providers_pinning.domain.errors import (
    ContentNotKeptError,
    NotManagedError,
    RevisionConflictError,
    VersionDriftedError,
    VersionInUseError,
)
from airflow_providers_pinning.domain.history.events import Caller, Change
from airflow_providers_pinning.domain.monitoring.health import HealthStatus
from airflow_providers_pinning.domain.soak.soak import SoakQuestion, soak
from airflow_providers_pinning.domain.versions.content import keep_missing_content
from airflow_providers_pinning.models import ManagedVersion, VersionContent
from airflow_providers_pinning.vocabulary import RunKind
from tests.support.remembered import remembered
from tests.support.sources import CHANGED, STABLE, dag_file
from tests.support.stock import without_enforcement

WITH_DEADLINE = dag_file(
    "orders",
    arguments="""schedule=None, deadline=DeadlineAlert(
        reference=DeadlineReference.DAGRUN_QUEUED_AT, interval=timedelta(hours=1), callback=AsyncCallback("print"))""",
)


@pytest.fixture
@remembered
def drifted(lab):
    """Pin the latest version, which no run refers to, and let a stock dag processor parse the next commit."""
    lab.commit("sha1", orders=STABLE)
    lab.pin("orders", 1)
    with without_enforcement():
        lab.commit("sha2", orders=CHANGED)
    assert lab.numbers("orders") == [1]
    return lab


def contents(lab, number=1):
    version, serialized = lab.version("orders", number), lab.serialized("orders", number)
    return (
        version.bundle_version,
        serialized.dag_hash,
        serialized._data,
        serialized._data_compressed,
        lab.code("orders", number),
    )


def repair(session, number=1, **conditions):
    state = repair_version(
        "orders", number, Change(Caller("jan"), "a stock processor ran", **conditions), session=session
    )
    session.commit()
    return state


def pin_as_it_is(lab, session, **conditions):
    version = lab.version("orders", 1)
    known = {
        "expected_dag_hash": lab.serialized("orders", 1).dag_hash,
        "expected_bundle_version": version.bundle_version,
        "override_reason": "it is fine",
    }
    change = Change(Caller("jan"), "as it is", **{**known, **conditions})
    state = pin_version("orders", Target(version_number=1), change, session=session)
    session.commit()
    return state


def trigger(session, run_id="r"):
    from airflow.api.common.trigger_dag import trigger_dag

    return trigger_dag("orders", run_id=run_id, triggered_by=DagRunTriggeredByType.CLI, session=session)


class TestRepair:
    def test_writes_the_version_again_as_it_was(self, lab, session):
        lab.commit("sha1", orders=STABLE)
        lab.pin("orders", 1)
        before = contents(lab)
        with without_enforcement():
            lab.commit("sha2", orders=CHANGED)
        session.expire_all()
        assert contents(lab) != before

        state = repair(session)

        session.expire_all()
        assert contents(lab) == before
        assert state.health.status == HealthStatus.HEALTHY
        assert session.get(DagModel, "orders").max_active_runs == 2

    def test_makes_runs_of_the_pinned_version_possible_again(self, drifted, session):
        with pytest.raises(DagNotFound):
            trigger(session)
        session.rollback()

        repair(session)

        run = trigger(session)
        assert run.bundle_version == "sha1"
        assert sorted(ti.task_id for ti in run.get_task_instances(session=session)) == ["extract", "load"]

    def test_has_what_it_was_rewritten_to_registered_as_a_version_of_its_own(self, drifted, session):
        repair(session)
        drifted.parse("sha2")

        assert drifted.numbers("orders") == [1, 2]
        state = drifted.pin_state("orders")
        assert (state.active.version_number, state.latest.bundle_version, state.versions_behind) == (1, "sha2", 1)

    def test_works_after_unpinning_which_was_a_dead_end(self, drifted, session):
        drifted.unpin("orders")
        with pytest.raises(VersionDriftedError, match="airflow pinning repair orders -V 1"):
            drifted.pin("orders", 1)
        session.rollback()

        repair(session)

        assert drifted.pin("orders", 1).active.bundle_version == "sha1"

    def test_of_a_version_that_is_as_it_was_changes_nothing(self, lab, session):
        lab.commit("sha1", orders=STABLE)
        lab.pin("orders", 1)
        before = contents(lab)
        state = repair(session)
        assert (contents(lab), state.revision) == (before, 1)

    def test_is_part_of_the_history_with_what_was_there(self, drifted, session):
        from tests.support.events import list_events

        rewritten = drifted.serialized("orders", 1).dag_hash
        repair(session)
        [event, *_] = list_events("orders", limit=1, offset=0, session=session)[0]
        assert (event.kind, event.actor, event.reason) == ("repaired", "jan", "a stock processor ran")
        assert event.evidence["was"]["dag_hash"] == rewritten
        assert event.to_version["bundle_version"] == "sha1"

    def test_is_made_once_with_a_key(self, drifted, session):
        repair(session, idempotency_key="k")
        assert repair(session, idempotency_key="k").repeated is not None

    def test_is_bound_to_what_was_seen(self, drifted, session):
        with pytest.raises(RevisionConflictError):
            repair(session, expected_revision=7)
        session.rollback()
        with pytest.raises(VersionDriftedError):
            repair(session, expected_bundle_version="sha1")

    def test_waits_for_runs_that_use_the_version_as_it_is_now(self, drifted, session):
        drifted.unpin("orders")
        run = trigger(session, "live")
        session.commit()
        with pytest.raises(VersionInUseError, match="live"):
            repair(session)
        session.rollback()

        run = session.merge(run)
        run.state = DagRunState.FAILED
        session.commit()
        repair(session)

    def test_of_a_version_that_is_not_managed_is_refused(self, lab, session):
        lab.commit("sha1", orders=STABLE)
        with pytest.raises(NotManagedError):
            repair(session)

    def test_without_the_content_says_how_to_go_on(self, drifted, session):
        session.execute(delete(VersionContent))
        with pytest.raises(ContentNotKeptError, match="pin it as it is now"):
            repair(session)

    def test_of_deadlines_that_were_deleted_is_refused(self, lab, session):
        lab.commit("sha1", orders=WITH_DEADLINE)
        lab.pin("orders", 1)
        with without_enforcement():
            lab.commit("sha2", orders=WITH_DEADLINE.replace("hours=1", "hours=2"))
        with pytest.raises(ContentNotKeptError, match="deadlines that it refers to"):
            repair(session)

    def test_works_on_compressed_dags(self, lab, session, monkeypatch):
        monkeypatch.setattr("airflow.models.serialized_dag._COMPRESS_SERIALIZED_DAGS", True)
        lab.commit("sha1", orders=STABLE)
        lab.pin("orders", 1)
        before = contents(lab)
        assert before[3] is not None
        with without_enforcement():
            lab.commit("sha2", orders=CHANGED)
        repair(session)
        session.expire_all()
        assert contents(lab) == before


class TestPinAsItIs:
    @pytest.mark.parametrize("pinned", [True, False], ids=["pinned", "unpinned"])
    def test_is_possible_knowingly(self, pinned, drifted, session):
        if not pinned:
            drifted.unpin("orders")

        state = pin_as_it_is(drifted, session)

        assert (state.active.bundle_version, state.health.status) == ("sha2", HealthStatus.HEALTHY)
        assert any("its current content is pinned" in warning for warning in state.warnings)
        assert session.get(DagModel, "orders").max_active_runs == 7
        assert trigger(session).bundle_version == "sha2"

    @pytest.mark.parametrize("left_out", ["expected_dag_hash", "expected_bundle_version", "override_reason"])
    def test_needs_a_reason_and_what_it_is_now(self, left_out, drifted, session):
        with pytest.raises(VersionDriftedError, match="a process that does not enforce pins rewrote it"):
            pin_as_it_is(drifted, session, **{left_out: None})

    def test_protects_what_it_is_now(self, drifted, session):
        pin_as_it_is(drifted, session)
        accepted = contents(drifted)
        drifted.commit("sha3", orders=STABLE)
        session.expire_all()
        assert (contents(drifted), drifted.numbers("orders")) == (accepted, [1, 2])
        assert session.get_one(VersionContent, drifted.version("orders", 1).id).dag_hash == accepted[1]

    def test_goes_by_the_code_that_it_has_now(self, drifted, session):
        """The commit that it was at before is gone, and only one host had it."""
        managed = session.get(ManagedVersion, drifted.version("orders", 1).id)
        managed.code_state, managed.code_source, managed.code_attempts = "missing", "checkout", 3
        managed.code_problem, managed.code_message = "commit_gone", "sha1 is gone"
        session.commit()

        state = pin_as_it_is(drifted, session)

        assert not any("sha1" in warning for warning in state.warnings)
        facts = (managed.code_state, managed.code_source, managed.code_attempts, managed.code_problem)
        assert facts == ("unknown", None, None, None)


class TestEvidence:
    def test_is_not_gathered_of_a_version_that_was_rewritten(self, drifted, session):
        """Not even if a rejection is overridden by somebody who names what the version is now."""
        conditions = {
            "expected_dag_hash": drifted.serialized("orders", 1).dag_hash,
            "expected_bundle_version": "sha2",
            "override_reason": "try it",
        }
        with pytest.raises(VersionDriftedError):
            create_canary_runs("orders", CanaryRequest(1), Change(Caller("jan"), "try", **conditions), session=session)

    @pytest.mark.parametrize("mend", [repair, pin_as_it_is], ids=["repaired", "pinned as it is"])
    def test_of_what_the_version_was_meanwhile_does_not_count(self, mend, drifted, session):
        drifted.unpin("orders")
        trigger(session).state = "success"
        session.commit()

        mend(*((session,) if mend is repair else (drifted, session)))

        judged = soak("orders", 1, SoakQuestion(run_kinds=RunKind.ANY), session=session)
        assert (judged.evidence.runs, judged.evidence.running) == (0, 0)


class TestContent:
    def test_is_dropped_with_the_version(self, lab, session, option):
        option("keep_versions", 1)
        for number in range(1, 6):
            lab.commit(f"sha{number}", orders=STABLE.replace("max_active_runs=2", f"max_active_runs={number + 1}"))
            lab.pin("orders", number)
        assert session.scalar(select(func.count()).select_from(VersionContent)) == 2

    def test_is_dropped_with_the_dag(self, lab, session):
        from airflow.api.common.delete_dag import delete_dag

        lab.commit("sha1", orders=STABLE)
        lab.pin("orders", 1)
        delete_dag("orders", session=session)
        assert session.scalar(select(func.count()).select_from(VersionContent)) == 0

    def test_of_versions_from_before_is_kept_by_the_maintenance_unless_they_were_rewritten(self, lab, session):
        for dag_id in ("orders", "billing"):
            lab.commit("sha1", **{dag_id: STABLE.replace("orders", dag_id)})
            lab.pin(dag_id, 1)
        session.execute(delete(VersionContent))
        session.commit()
        with without_enforcement():
            lab.commit("sha1", billing=CHANGED.replace("orders", "billing"))

        assert keep_missing_content(session=session) == 1
        session.commit()
        assert keep_missing_content(session=session) == 0
        [kept] = session.scalars(select(VersionContent))
        source = session.scalar(select(DagCode.source_code).where(DagCode.dag_version_id == kept.dag_version_id))
        stored = session.scalars(
            select(SerializedDagModel).where(SerializedDagModel.dag_version_id == kept.dag_version_id)
        ).one()
        assert (kept.dag_id, kept.source_code, kept.data) == ("orders", source, stored._data)
