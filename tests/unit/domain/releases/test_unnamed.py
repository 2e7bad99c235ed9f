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
"""Releases that name no version: what comes next of each Dag, or what it ran before."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from airflow_providers_pinning.domain.changes.hold import hold
from airflow_providers_pinning.domain.errors import ReleaseBlockedError, RevisionConflictError
from airflow_providers_pinning.domain.policies import freezes
from airflow_providers_pinning.models import CommitFiles, Event, VersionFiles
from airflow_providers_pinning.vocabulary import ReleaseAction
from tests.support.sources import CHANGED, STABLE, dag_file
from tests.unit.domain.releases.conftest import NAMES, named
from tests.unit.domain.releases.test_release import outcomes, pinned_numbers

SOME = ("orders", "stock")


def used(lab, dag_id):
    """Keep the second version from being rewritten by the next commit."""
    lab.pin(dag_id, 2)
    lab.pin(dag_id, 1)


class TestWhatComesNext:
    def test_is_the_candidate_else_the_newest_related_version(self, five, releases, session):
        five.candidate("orders", 2)
        used(five, "stock")
        five.commit("sha3", **{name: dag_file(name, tasks="one two three") for name in SOME})

        report = releases.make(newest=True, dag_ids=SOME)

        assert outcomes(report) == dict.fromkeys(SOME, "changed")
        assert {name: pinned_numbers(session)[name] for name in SOME} == {"orders": 2, "stock": 3}

    def test_is_not_rejected(self, five, releases, session):
        used(five, "stock")
        five.commit("sha3", stock=dag_file("stock", tasks="one two three"))
        five.reject("stock", 3)

        releases.make(newest=True, dag_ids=["stock"])

        assert pinned_numbers(session)["stock"] == 2

    def test_is_nothing_that_head_has_reverted(self, five, releases, session):
        used(five, "stock")
        five.commit("sha3", stock=named(STABLE, "stock"))
        for number, digest in enumerate(("a", "b", "a"), 1):
            version = five.version("stock", number)
            commit = {"bundle_name": version.bundle_name, "bundle_version": version.bundle_version}
            session.add(VersionFiles(dag_version_id=version.id, dag_id="stock", digest=digest, files={}, **commit))
            session.add(CommitFiles(shared_digest="shared", basis="files", file_count=1, **commit))
        session.commit()

        report = releases.make(newest=True, dag_ids=["stock"])

        assert [(dag.outcome.value, dag.reason) for dag in report.dags] == [("unchanged", "nothing_newer")]
        assert pinned_numbers(session)["stock"] == 1

    def test_is_nothing_if_the_row_of_the_pinned_version_is_gone(self, five, releases, session):
        used(five, "stock")
        five.commit("sha3", stock=dag_file("stock", tasks="one two three"))
        five.remove_version("stock", 1)

        report = releases.make(newest=True, dag_ids=["stock"])

        assert [(dag.outcome.value, dag.reason) for dag in report.dags] == [("unchanged", "nothing_newer")]

    def test_may_be_nothing(self, five, releases, session):
        five.pin("stock", 2)

        report = releases.make(newest=True, dag_ids=["stock"])

        assert [(dag.outcome.value, dag.reason) for dag in report.dags] == [("unchanged", "nothing_newer")]

    def test_is_the_latest_version_of_a_dag_that_is_not_pinned(self, lab, releases, session):
        lab.commit("sha1", orders=STABLE, stock=named(STABLE, "stock"))
        lab.pin("orders", 1)
        lab.unpin("orders")
        lab.commit("sha2", orders=CHANGED)

        releases.make(newest=True, dag_ids=SOME)

        assert pinned_numbers(session) == {"orders": 2, "stock": 1}

    def test_is_that_of_all_pinned_dags_that_match(self, five, releases, session):
        releases.make(newest=True, bundles=["team_dags"], exclude=["billing"])

        assert pinned_numbers(session) == {**dict.fromkeys(NAMES, 2), "billing": 1}


class TestGoingBack:
    @pytest.fixture
    def ahead(self, five, releases):
        """All Dags have their second version."""
        releases.make("sha2")
        return five

    def back(self, releases, **asked):
        return releases.make(action=ReleaseAction.ROLLBACK, **asked)

    def test_pins_what_was_active_before_and_is_a_rollback(self, ahead, releases, session):
        report = self.back(releases, dag_ids=SOME)

        assert outcomes(report) == dict.fromkeys(SOME, "changed")
        assert {name: pinned_numbers(session)[name] for name in NAMES} == {
            **dict.fromkeys(NAMES, 2), **dict.fromkeys(SOME, 1),
        }  # fmt: skip
        kinds = session.scalars(select(Event.kind).where(Event.release_id == report.release_id)).all()
        assert kinds == ["rolled_back"] * 2
        assert "rejected" not in ahead.managed("orders").values()

    def test_is_stopped_neither_by_a_hold_nor_by_a_freeze(self, ahead, releases, session):
        hold("orders", ahead.change(), session=session)
        freezes.freeze(ahead.change(), session=session)
        session.commit()

        assert outcomes(self.back(releases, dag_ids=SOME)) == dict.fromkeys(SOME, "changed")

    def test_is_blocked_by_a_dag_that_ran_nothing_before(self, ahead, releases, session):
        ahead.commit("sha3", new=dag_file("new"))
        ahead.pin("new", 1)

        planned = self.back(releases, dag_ids=["new", "orders"], dry_run=True)
        with pytest.raises(ReleaseBlockedError) as refused:
            self.back(releases, dag_ids=["new", "orders"])

        assert outcomes(planned) == {"new": "blocked", "orders": "changed"}
        assert [one["reason"] for one in refused.value.data["blocked"]] == ["nothing_to_roll_back_to"]
        assert pinned_numbers(session)["orders"] == 2

    def test_does_what_the_plan_showed_or_nothing(self, ahead, releases, session):
        planned = self.back(releases, dag_ids=SOME, dry_run=True)
        ahead.pin("orders", 1)

        with pytest.raises(RevisionConflictError):
            self.back(releases, dag_ids=SOME, expected_plan=planned.plan_hash)

        assert pinned_numbers(session)["stock"] == 2

    def test_leaves_dags_that_are_not_pinned(self, ahead, releases):
        ahead.unpin("stock")

        assert outcomes(self.back(releases, dag_ids=SOME)) == {"orders": "changed", "stock": "left"}

    def test_can_be_taken_back_like_any_release(self, ahead, releases, session):
        made = self.back(releases, dag_id_patterns=["*s"])

        releases.roll_back(made.release_id)

        assert pinned_numbers(session) == dict.fromkeys(NAMES, 2)
