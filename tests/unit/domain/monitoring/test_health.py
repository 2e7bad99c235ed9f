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

import pytest
from airflow.api.common.trigger_dag import trigger_dag
from airflow.models.dag import DagModel
from airflow.models.dagbundle import DagBundleModel
from airflow.models.dagrun import DagRun
from airflow.models.serialized_dag import SerializedDagModel
from airflow.utils.types import DagRunTriggeredByType
from sqlalchemy import delete, update

from airflow_providers_pinning.domain.errors import CodeUnavailableError
from airflow_providers_pinning.domain.monitoring.escaped_runs import escaped_runs
from airflow_providers_pinning.domain.monitoring.health import HealthStatus
from airflow_providers_pinning.domain.monitoring.pin_list import PinFilter, list_pins
from airflow_providers_pinning.domain.monitoring.release_state import release_state
from airflow_providers_pinning.domain.sight import only
from airflow_providers_pinning.models import ManagedVersion, RoutedRun
from tests.support.remembered import remembered
from tests.support.sources import dag_file
from tests.support.stock import without_enforcement

V1 = dag_file("orders", "schedule='@daily'")
V2 = dag_file("orders", "schedule='@hourly'", "extract load")


@pytest.fixture
@remembered
def pinned(lab):
    """Pin version 1 and register version 2."""
    lab.pin_first_of_two(V1, V2)
    return lab


def write(lab, statement):
    lab.session.execute(statement)
    lab.session.commit()


def problems(lab, **options):
    lab.session.expire_all()
    health = release_state("orders", session=lab.session, **options).health
    return health.status.value, [problem.reason for problem in health.problems]


def unhealthy(lab):
    """Return the Dags that the list of pins with a problem has."""
    listed, total = list_pins(PinFilter(unhealthy=True), limit=10, offset=0, session=lab.session)
    assert len(listed) == total
    return [pin.dag_id for pin in listed if pin.health.problems]


def trigger(lab, run_id, dag_id="orders"):
    run = trigger_dag(dag_id, run_id=run_id, triggered_by=DagRunTriggeredByType.REST_API, session=lab.session)
    lab.session.commit()
    return run


def trigger_without_enforcement(lab, run_id="escaped", dag_id="orders"):
    with without_enforcement():
        return trigger(lab, run_id, dag_id)


class TestPinThatIsHonored:
    def test_is_healthy(self, pinned):
        assert problems(pinned) == ("healthy", [])

    def test_is_healthy_after_runs_and_parses(self, pinned, scheduler):
        scheduler.create_due_runs()
        trigger(pinned, "by_hand")
        pinned.parse("sha2")

        assert problems(pinned) == ("healthy", [])

    def test_of_a_dag_with_a_syntax_error_at_head_is_healthy(self, pinned):
        pinned.commit("sha3", orders="this is not Python\n")

        assert problems(pinned) == ("healthy", [])


def test_a_dag_that_is_not_pinned_is_healthy_whatever_happens(pinned):
    pinned.unpin("orders")
    trigger_without_enforcement(pinned)

    assert problems(pinned) == ("healthy", [])


class TestVersion:
    def test_that_is_gone_breaks_the_pin(self, pinned):
        pinned.remove_version("orders", 1)

        assert problems(pinned) == ("broken", ["version_missing"])

    def test_that_is_gone_is_shown_as_it_was(self, pinned):
        pinned.remove_version("orders", 1)

        active = pinned.pin_state("orders").active
        assert (active.version_number, active.bundle_version) == (1, "sha1")

    def test_that_a_host_without_the_package_rewrote_breaks_the_pin_and_gets_no_runs(self, lab, scheduler):
        lab.commit("sha1", orders=V1)
        lab.pin("orders", 1)
        with without_enforcement():
            lab.commit("sha2", orders=V2)

        scheduler.create_due_runs()

        assert problems(lab) == ("broken", ["version_drifted"])
        assert lab.runs("orders") == []

    def test_whose_serialized_dag_is_gone_breaks_the_pin(self, pinned):
        write(
            pinned,
            delete(SerializedDagModel).where(SerializedDagModel.dag_version_id == pinned.version("orders", 1).id),
        )

        assert problems(pinned) == ("broken", ["version_missing"])

    @pytest.mark.parametrize("values", [{"bundle_version": "other"}, {"bundle_version": None}], ids=["other", "none"])
    def test_that_was_rewritten_breaks_the_pin(self, values, pinned):
        pinned.rewrite("orders", 1, **values)

        assert problems(pinned) == ("broken", ["version_drifted"])

    def test_whose_structure_was_rewritten_breaks_the_pin(self, pinned):
        write(
            pinned,
            update(SerializedDagModel)
            .where(SerializedDagModel.dag_version_id == pinned.version("orders", 1).id)
            .values(dag_hash="rewritten"),
        )

        assert problems(pinned) == ("broken", ["version_drifted"])

    def test_whose_code_is_missing_breaks_the_pin(self, pinned):
        write(pinned, update(ManagedVersion).values(code_state="missing", code_message="the commit is gone"))

        assert problems(pinned) == ("broken", ["code_unavailable"])
        assert "the commit is gone" in pinned.pin_state("orders").health.problems[0].message

    @pytest.mark.parametrize(
        ("problem", "remedy"),
        [
            ("commit_gone", "Push the commit again with a tag"),
            ("file_missing", "subdir or sparse_dirs"),
            (None, "Make the commit available again"),
        ],
    )
    def test_whose_code_is_missing_has_the_remedy_for_the_reason(self, pinned, problem, remedy):
        write(pinned, update(ManagedVersion).values(code_state="missing", code_problem=problem, code_message="gone"))

        assert remedy in pinned.pin_state("orders").health.problems[0].message

    def test_whose_code_the_remote_does_not_have_any_more_degrades_the_pin(self, pinned):
        write(pinned, update(ManagedVersion).values(code_state="available", code_source="checkout", code_message="no"))

        assert problems(pinned) == ("degraded", ["code_not_at_remote"])
        assert unhealthy(pinned) == ["orders"]

    @pytest.mark.parametrize("state", ["unknown", "available"])
    @pytest.mark.parametrize(
        ("problem", "remedy"),
        [("remote_unreachable", "Make the remote reachable"), ("local_trouble", "on the dag processor's host")],
    )
    def test_whose_code_cannot_be_checked_for_a_while_degrades_the_pin(self, pinned, state, problem, remedy):
        values = {"code_state": state, "code_problem": problem, "code_message": "No space left on device"}
        write(pinned, update(ManagedVersion).values(**values, code_attempts=2))
        assert problems(pinned) == ("healthy", [])
        assert unhealthy(pinned) == []

        write(pinned, update(ManagedVersion).values(code_attempts=3))

        assert problems(pinned) == ("degraded", ["code_unchecked"])
        assert unhealthy(pinned) == ["orders"]
        message = pinned.pin_state("orders").health.problems[0].message
        assert remedy in message
        assert "Make the commit available" not in message

    def test_whose_plugin_is_gone_breaks_the_pin_if_one_looks_closely(self, pinned):
        pinned.remove_plugin("orders", 1)

        assert problems(pinned, thorough=True) == ("broken", ["version_unreadable"])
        assert problems(pinned) == ("healthy", [])

    def test_that_can_be_read_is_healthy_if_one_looks_closely(self, pinned):
        assert problems(pinned, thorough=True) == ("healthy", [])


class TestSchedulingMetadata:
    @pytest.mark.parametrize(
        "values",
        [
            {"bundle_version": "sha2"},
            {"relative_fileloc": "other.py"},
            {"has_import_errors": True},
            {"is_stale": True},
        ],
        ids=lambda values: next(iter(values)),
    )
    def test_that_was_overwritten_degrades_the_pin(self, values, pinned):
        write(pinned, update(DagModel).values(values))

        assert problems(pinned) == ("degraded", ["metadata_out_of_sync"])

    def test_that_names_another_bundle_degrades_the_pin(self, pinned):
        pinned.session.add(DagBundleModel(name="elsewhere"))
        pinned.session.commit()
        write(pinned, update(DagModel).values(bundle_name="elsewhere"))

        assert problems(pinned) == ("degraded", ["metadata_out_of_sync"])

    def test_that_stock_airflow_writes_degrades_the_pin(self, pinned):
        with without_enforcement():
            pinned.parse("sha2")

        assert problems(pinned) == ("degraded", ["metadata_out_of_sync"])


class TestBundleThatIsNoLongerConfigured:
    @pytest.fixture(autouse=True)
    def remove(self, pinned):
        write(pinned, update(DagBundleModel).values(active=False))

    def test_breaks_the_pin(self, pinned):
        assert problems(pinned) == ("broken", ["bundle_removed"])

    def test_is_the_reason_that_is_given_for_a_stale_dag(self, pinned):
        write(pinned, update(DagModel).values(is_stale=True))

        assert problems(pinned) == ("broken", ["bundle_removed"])

    def test_keeps_its_versions_from_being_pinned(self, pinned):
        with pytest.raises(CodeUnavailableError, match="no longer configured"):
            pinned.pin("orders", 2)


class TestRunThatEscaped:
    def test_degrades_the_pin(self, pinned):
        trigger_without_enforcement(pinned)

        assert problems(pinned) == ("degraded", ["escaped_runs"])

    def test_is_listed(self, pinned):
        trigger_without_enforcement(pinned)

        [run] = escaped_runs(session=pinned.session)
        assert (run.dag_id, run.run_id) == ("orders", "escaped")
        assert (run.version_number, run.pinned_version_number) == (2, 1)

    def test_is_not_one_that_was_created_before_the_pin(self, lab):
        lab.commit("sha1", orders=V1)
        lab.candidate("orders", 1)
        lab.commit("sha2", orders=V2)
        trigger(lab, "before")
        lab.pin("orders", 1)

        assert escaped_runs(session=lab.session) == []
        assert problems(lab) == ("healthy", [])

    def test_is_not_one_of_the_pinned_version(self, pinned):
        trigger(pinned, "of_the_pin")

        assert escaped_runs(session=pinned.session) == []

    def test_is_not_a_canary_run(self, pinned):
        run = trigger_without_enforcement(pinned, "canary__routed")
        pinned.session.add(
            RoutedRun(
                dag_id="orders", run_id="canary__routed", dag_version_id=run.created_dag_version_id, kind="canary"
            )
        )
        pinned.session.commit()

        assert escaped_runs(session=pinned.session) == []
        assert problems(pinned) == ("healthy", [])

    def test_is_not_one_of_dag_test(self, pinned):
        trigger_without_enforcement(pinned)
        write(pinned, update(DagRun).values(triggered_by=DagRunTriggeredByType.TEST))

        assert escaped_runs(session=pinned.session) == []

    def test_is_forgotten_when_the_pin_moves(self, pinned):
        trigger_without_enforcement(pinned)
        pinned.pin("orders", 2)
        pinned.pin("orders", 1)

        assert escaped_runs(session=pinned.session) == []

    def test_is_listed_for_some_dags_only_if_asked(self, pinned):
        trigger_without_enforcement(pinned)

        assert escaped_runs(only("invoices"), session=pinned.session) == []
        assert len(escaped_runs(only("orders"), session=pinned.session)) == 1

    def test_of_another_dag_does_not_take_the_place_of_one_that_is_asked_for(self, pinned):
        trigger_without_enforcement(pinned)
        pinned.commit("sha3", invoices=V1.replace("'orders'", "'invoices'"))
        pinned.pin("invoices", 1)
        pinned.commit("sha4", invoices=V2.replace("'orders'", "'invoices'"))
        trigger_without_enforcement(pinned, dag_id="invoices")

        assert [run.dag_id for run in escaped_runs(limit=1, session=pinned.session)] == ["invoices"]
        assert [run.dag_id for run in escaped_runs(only("orders"), limit=1, session=pinned.session)] == ["orders"]

    def test_is_listed_newest_first_and_not_without_end(self, pinned):
        for number in range(3):
            trigger_without_enforcement(pinned, f"run_{number}")

        assert [run.run_id for run in escaped_runs(limit=2, session=pinned.session)] == ["run_2", "run_1"]


def test_the_worst_problem_decides_the_status(pinned):
    write(pinned, update(ManagedVersion).values(code_state="missing", code_message="gone"))
    trigger_without_enforcement(pinned)

    state = pinned.pin_state("orders")
    assert state.health.status is HealthStatus.BROKEN
    assert {problem.status for problem in state.health.problems} == {HealthStatus.BROKEN, HealthStatus.DEGRADED}
