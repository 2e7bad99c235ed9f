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
from airflow.models.team import Team
from sqlalchemy import select

from airflow_providers_pinning.domain.changes import first_pin
from airflow_providers_pinning.domain.history.events import Caller, Change
from airflow_providers_pinning.domain.policies import store
from airflow_providers_pinning.domain.policies.explain import explain
from airflow_providers_pinning.domain.policies.unpinned import UnpinnedFilter, list_unpinned, unpinned_despite_gate
from airflow_providers_pinning.models import Event
from airflow_providers_pinning.schemas.policies import validated
from tests.support.asynchronous import statements_sent
from tests.support.sources import dag_file

FIRST = dag_file("orders", "schedule=None, tags=['tier-1'], default_args={'owner': 'finance'}")
SECOND = dag_file("orders", "schedule=None, tags=['tier-1'], default_args={'owner': 'finance'}", tasks="extract load")


def gate(session, *, name="gated", word="manual", **match):
    policy = {"name": name, "match": match or {"tags": ["tier-1"]}, "gate": word}
    store.apply(validated({"policies": [policy]}), Change(Caller("ruler"), "because"), session=session)
    session.commit()


class TestANewDag:
    @pytest.mark.parametrize(
        "match",
        [{"tags": ["tier-1"]}, {"bundles": ["team_dags"]}, {"owners": ["finance"]}, {"dag_ids": ["ord*"]}],
        ids=lambda match: next(iter(match)),
    )
    def test_is_pinned_to_its_first_version(self, match, lab, session):
        gate(session, **match)

        lab.commit("sha1", orders=FIRST)
        lab.commit("sha2", orders=SECOND)

        state = lab.pin_state("orders")
        assert (state.pinned, state.active.version_number, state.latest.version_number) == (True, 1, 2)
        assert state.active.bundle_version == "sha1"
        assert state.health.problems == ()
        assert lab.managed("orders") == {1: "active"}
        [event] = session.scalars(select(Event).where(Event.dag_id == "orders"))
        assert (event.kind, event.actor, event.actor_kind) == ("pinned", first_pin.ACTOR, "system")
        assert event.evidence["gate"] == {"policies": ["gated"], "revision": 1}

    def test_is_pinned_by_the_team_of_its_bundle(self, lab, session):
        from airflow.models.dagbundle import DagBundleModel

        session.add(DagBundleModel(name="team_dags"))
        session.flush()
        bundle = session.get(DagBundleModel, "team_dags")
        bundle.teams.append(Team(name="finance"))
        session.commit()
        gate(session, teams=["finance"])

        lab.commit("sha1", orders=FIRST)

        assert lab.pin_state("orders").pinned

    def test_is_not_pinned_if_no_gate_is_about_it(self, lab, session):
        gate(session, tags=["another"])

        lab.commit("sha1", orders=FIRST)

        assert lab.pin_row("orders") is None

    def test_is_not_pinned_by_an_automatic_gate(self, lab, session):
        gate(session, word="automatic")

        lab.commit("sha1", orders=FIRST)

        assert lab.pin_row("orders") is None

    def test_is_registered_unpinned_if_its_bundle_has_no_versions(self, lab, session, caplog):
        gate(session)

        lab.commit(None, orders=FIRST)

        assert not lab.pin_state("orders").pinned
        assert "New Dag orders was not pinned to its first version" in caplog.text
        assert unpinned_despite_gate(session=session) == ["orders"]

    def test_is_registered_though_something_of_ours_fails(self, lab, session, monkeypatch):
        gate(session)
        monkeypatch.setattr(first_pin, "pin_first_version", lambda *args, **kwargs: 1 / 0)

        lab.commit("sha1", orders=FIRST, billing=dag_file("billing", "schedule=None, tags=['tier-1']"))

        assert lab.numbers("orders") == lab.numbers("billing") == [1]

    def test_is_pinned_together_with_others_of_its_file(self, lab, session):
        gate(session)
        lab.commit("sha1", dags=FIRST + dag_file("billing", "schedule=None") + dag_file("more", "tags=['tier-1']"))

        assert [lab.pin_state(dag_id).pinned for dag_id in ("orders", "billing", "more")] == [True, False, True]
        assert [lab.numbers(dag_id) for dag_id in ("orders", "billing", "more")] == [[1], [1], [1]]

    def test_is_new_again_after_it_was_deleted(self, lab, session, api):
        gate(session)
        lab.commit("sha1", orders=FIRST)
        lab.commit("sha2", orders=SECOND)
        assert api().delete("/api/v2/dags/orders").status_code == 204
        session.expire_all()

        lab.parse("sha2")

        state = lab.pin_state("orders")
        assert (state.pinned, state.active.bundle_version) == (True, "sha2")


class TestADagThatIsThereAlready:
    def test_stays_as_it_is_and_is_listed(self, lab, session):
        lab.commit("sha1", orders=FIRST)
        gate(session)
        lab.commit("sha2", orders=SECOND)

        assert not lab.pin_state("orders").pinned
        [listed], total = list_unpinned(UnpinnedFilter(), limit=10, session=session)
        assert (listed.dag_id, listed.latest, listed.gates, total) == ("orders", listed.latest, ("gated",), 1)
        found = explain("orders", actor="alice", session=session)
        assert (found.passes_gate, found.merged["gate"]) == (True, "manual")

    def test_is_listed_no_more_once_it_is_pinned(self, lab, session):
        lab.commit("sha1", orders=FIRST)
        gate(session)
        lab.pin("orders", 1)

        assert list_unpinned(UnpinnedFilter(), limit=10, session=session) == ([], 0)
        assert not explain("orders", actor="alice", session=session).passes_gate

    def test_is_listed_without_a_gate_if_none_is_about_it(self, lab, session):
        lab.commit("sha1", orders=FIRST, billing=dag_file("billing"))
        gate(session, dag_ids=["another"])

        listed, total = list_unpinned(UnpinnedFilter(dag_id_pattern="ill"), limit=10, session=session)

        assert ([(dag.dag_id, dag.gates) for dag in listed], total) == ([("billing", ())], 1)


class TestCost:
    def sent(self, lab, name):
        with statements_sent() as sent:
            lab.commit("sha1", **{name: dag_file(name, "tags=['tier-2']")})
        return len(sent)

    def test_is_nothing_for_dags_that_no_gate_is_about(self, lab, session):
        self.sent(lab, "warm")
        first, second = self.sent(lab, "first"), self.sent(lab, "second")
        gate(session)
        self.sent(lab, "third")

        # Each parse has one Dag more than the one before.
        assert self.sent(lab, "fourth") - second == 2 * (second - first)
