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
from airflow.utils.types import DagRunTriggeredByType
from sqlalchemy import delete, update

from airflow_providers_pinning.domain.errors import UnknownDagError
from airflow_providers_pinning.domain.monitoring.pin_list import PinFilter, list_pins
from airflow_providers_pinning.domain.monitoring.version_list import list_versions
from airflow_providers_pinning.domain.sight import Sight, only
from airflow_providers_pinning.vocabulary import PinOrder
from tests.support.ramps import start_ramp
from tests.support.remembered import remembered
from tests.support.sources import dag_file
from tests.support.statements import recorded

EVERYTHING = Sight(frozenset, everything=True)


@pytest.fixture
@remembered
def deployment(lab):
    """Pin three Dags: one on its latest version, one behind, one whose version was rewritten; one is not pinned."""
    names = ("behind", "broken", "latest", "not_pinned")
    lab.commit("sha1", **{name: dag_file(name) for name in names})
    for name in ("behind", "broken"):
        lab.pin(name, 1, reason=f"pin of {name}")
    lab.commit("sha2", **{name: dag_file(name, tasks="one two") for name in names})
    lab.pin("latest", 1)
    lab.break_pin("broken")
    return lab


def listed(lab, limit=100, offset=0, **which):
    pins, total = list_pins(PinFilter(**which), limit=limit, offset=offset, session=lab.session)
    return [pin.dag_id for pin in pins], total


class TestPins:
    def test_are_listed_by_dag_id(self, deployment):
        assert listed(deployment) == (["behind", "broken", "latest"], 3)

    def test_tell_how_far_they_are_behind(self, deployment):
        pins, _ = list_pins(PinFilter(), limit=100, offset=0, session=deployment.session)

        found = {pin.dag_id: (pin.versions_behind, pin.latest_version_number) for pin in pins}
        assert found == {"behind": (1, 2), "broken": (1, 2), "latest": (0, 1)}

    def test_tell_who_made_them_and_why(self, deployment):
        [pin] = list_pins(PinFilter(sight=only("behind")), limit=1, offset=0, session=deployment.session)[0]

        assert (pin.revision, pin.pin.actor, pin.pin.reason) == (1, "alice", "pin of behind")
        assert (pin.active.version_number, pin.active.bundle_version) == (1, "sha1")

    def test_tell_of_a_hold(self, deployment):
        deployment.pin("behind", 2)
        deployment.roll_back("behind", reason="wrong totals", hold=True)

        pins, _ = list_pins(PinFilter(), limit=100, offset=0, session=deployment.session)

        found = {pin.dag_id: pin.hold and (pin.hold.reason, pin.hold.actor) for pin in pins}
        assert found == {"behind": ("wrong totals", "alice"), "broken": None, "latest": None}

    def test_tell_their_health(self, deployment):
        pins, _ = list_pins(PinFilter(), limit=100, offset=0, session=deployment.session)

        found = {pin.dag_id: pin.health.status.value for pin in pins}
        assert found == {"behind": "healthy", "broken": "broken", "latest": "healthy"}

    @pytest.mark.parametrize(
        ("order", "descending", "expected"),
        [
            (PinOrder.DAG_ID, True, ["latest", "broken", "behind"]),
            (PinOrder.VERSIONS_BEHIND, False, ["latest", "behind", "broken"]),
            (PinOrder.VERSIONS_BEHIND, True, ["behind", "broken", "latest"]),
            (PinOrder.PINNED_AT, False, ["behind", "broken", "latest"]),
            (PinOrder.PINNED_AT, True, ["latest", "broken", "behind"]),
            (PinOrder.ACTOR, False, ["latest", "behind", "broken"]),
            (PinOrder.ACTOR, True, ["behind", "broken", "latest"]),
        ],
    )
    def test_can_be_sorted(self, order, descending, expected, deployment):
        deployment.pin_row("latest").actor = "aaron"
        deployment.session.flush()

        pins, _ = list_pins(
            PinFilter(), order=order, descending=descending, limit=100, offset=0, session=deployment.session
        )

        assert [pin.dag_id for pin in pins] == expected

    def test_can_be_paged_through(self, deployment):
        assert listed(deployment, limit=2) == (["behind", "broken"], 3)
        assert listed(deployment, limit=2, offset=2) == (["latest"], 3)

    @pytest.mark.parametrize(
        ("which", "expected"),
        [
            pytest.param({"sight": only("behind", "not_pinned")}, ["behind"], id="sight"),
            pytest.param({"sight": only()}, [], id="no sight"),
            ({"dag_id_pattern": "E"}, ["behind", "broken", "latest"]),
            ({"dag_id_pattern": "b%n"}, ["behind", "broken"]),
            ({"dag_id_pattern": "lat_st"}, ["latest"]),
            ({"behind": True}, ["behind", "broken"]),
            ({"behind": False}, ["latest"]),
            ({"unhealthy": True}, ["broken"]),
            ({"unhealthy": False}, ["behind", "latest"]),
            ({"unhealthy": True, "behind": False}, []),
        ],
        ids=str,
    )
    def test_can_be_filtered(self, which, expected, deployment):
        assert listed(deployment, **which) == (expected, len(expected))

    def test_of_dags_that_the_caller_may_not_see_are_left_out_before_they_are_counted_and_cut(self, deployment):
        sight = only("broken", "latest", "not_pinned")

        assert listed(deployment, sight=sight) == (["broken", "latest"], 2)
        assert listed(deployment, limit=1, sight=sight) == (["broken"], 2)
        assert listed(deployment, limit=1, offset=1, sight=sight) == (["latest"], 2)
        assert listed(deployment, limit=1, sight=sight, unhealthy=False) == (["latest"], 1)

    def test_of_a_dag_that_airflow_does_not_know_any_more_are_seen_by_nobody_who_may_see_every_dag(self, deployment):
        deployment.session.execute(delete(DagModel).where(DagModel.dag_id == "latest"))

        assert listed(deployment, sight=EVERYTHING) == (["behind", "broken"], 2)
        assert listed(deployment) == (["behind", "broken", "latest"], 3)

    def test_with_overwritten_metadata_are_unhealthy(self, deployment):
        deployment.session.execute(
            update(DagModel).where(DagModel.dag_id == "latest").values(bundle_version="overwritten")
        )

        assert listed(deployment, unhealthy=True) == (["broken", "latest"], 2)

    def test_tell_of_ramps_with_one_statement_for_all(self, deployment):
        names = ("behind", "latest")
        deployment.commit("sha3", **{name: dag_file(name, tasks="one two three") for name in names})
        counts = []
        for name in names:
            start_ramp(deployment, 2, dag_id=name)
            with recorded(deployment.session) as statements:
                pins, _ = list_pins(PinFilter(), limit=100, offset=0, session=deployment.session)
            counts.append(len(statements))

        assert {pin.dag_id: str(pin.ramp) for pin in pins} == {
            "behind": "2 at 50 %",
            "broken": "None",
            "latest": "2 at 50 %",
        }
        assert counts[0] == counts[1]

    def test_that_were_lifted_are_not_listed(self, deployment):
        deployment.unpin("latest")

        assert listed(deployment) == (["behind", "broken"], 2)


class TestVersions:
    @pytest.fixture
    @remembered
    def lab(self, lab):
        lab.commit("sha1", orders=dag_file("orders"))
        lab.pin("orders", 1)
        for run_id in ("one", "two"):
            trigger_dag("orders", run_id=run_id, triggered_by=DagRunTriggeredByType.REST_API, session=lab.session)
        lab.runs("orders")[0].state = "success"
        lab.session.commit()
        lab.commit("sha2", orders=dag_file("orders", tasks="one two"))
        return lab

    def listed(self, lab, limit=100, offset=0):
        return list_versions("orders", limit=limit, offset=offset, session=lab.session)

    def test_are_listed_newest_first(self, lab):
        versions, total = self.listed(lab)

        assert [version.identity.version_number for version in versions] == [2, 1]
        assert total == 2

    def test_tell_which_is_active_and_which_is_the_latest(self, lab):
        versions, _ = self.listed(lab)

        assert [(version.is_active, version.is_latest) for version in versions] == [(False, True), (True, False)]

    def test_of_a_dag_that_is_not_pinned_have_the_latest_active(self, lab):
        lab.unpin("orders")

        versions, _ = self.listed(lab)

        assert [(version.is_active, version.is_latest) for version in versions] == [(True, True), (False, False)]

    def test_tell_why_they_are_managed(self, lab):
        lab.reject("orders", 2, reason="loses orders")

        versions, _ = self.listed(lab)

        found = [(version.state, version.state_reason, version.code_state) for version in versions]
        assert found == [("rejected", "loses orders", "unknown"), ("active", "because", "unknown")]

    def test_that_are_not_managed_are_registered(self, lab):
        [latest, _], _ = self.listed(lab)

        assert (latest.state, latest.state_reason, latest.code_state) == ("registered", None, None)

    def test_count_their_runs_by_state(self, lab):
        versions, _ = self.listed(lab)

        assert [version.run_counts for version in versions] == [{}, {"queued": 1, "success": 1}]

    def test_can_be_paged_through(self, lab):
        versions, total = self.listed(lab, limit=1, offset=1)

        assert ([version.identity.version_number for version in versions], total) == ([1], 2)
        assert not versions[0].is_latest

    def test_of_an_unknown_dag_are_refused(self, lab):
        with pytest.raises(UnknownDagError):
            list_versions("unknown", limit=1, offset=0, session=lab.session)
