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
from airflow.models.dag_version import DagVersion
from sqlalchemy import delete, select

from airflow_providers_pinning.domain import errors
from airflow_providers_pinning.models import Event, ManagedVersion
from tests.support.sources import dag_file


def commit(lab, *numbers):
    for number in numbers:
        lab.commit(f"sha{number}", orders=dag_file("orders", tasks=f"step_{number}"))


def kinds(lab):
    return lab.session.scalars(select(Event.kind).order_by(Event.id)).all()


class TestCandidate:
    def test_is_the_latest_version_if_none_is_named(self, lab):
        commit(lab, 1)
        lab.candidate("orders", 1)
        commit(lab, 2)

        lab.candidate("orders")

        assert lab.managed("orders") == {1: "candidate", 2: "candidate"}

    def test_leaves_the_active_version(self, lab):
        commit(lab, 1)
        lab.pin("orders", 1)
        commit(lab, 2)

        state = lab.candidate("orders", 2)

        assert (state.active.version_number, state.revision) == (1, 1)

    def test_is_recorded(self, lab):
        commit(lab, 1)
        lab.candidate("orders", 1, reason="to be tried")

        [event] = lab.session.scalars(select(Event))
        assert (event.kind, event.reason, event.to_version["version_number"]) == ("candidate", "to be tried", 1)

    def test_is_snapshotted(self, lab):
        commit(lab, 1)
        lab.candidate("orders", 1, reason="to be tried")

        [managed] = lab.session.scalars(select(ManagedVersion))
        assert (managed.bundle_version, managed.dag_hash) == ("sha1", lab.serialized("orders", 1).dag_hash)
        assert (managed.state_reason, managed.code_state) == ("to be tried", "unknown")

    def test_again_changes_nothing(self, lab):
        commit(lab, 1)
        for _ in range(2):
            lab.candidate("orders", 1)

        assert kinds(lab) == ["candidate"]

    def test_does_not_bring_back_a_rejected_version(self, lab):
        commit(lab, 1)
        lab.reject("orders", 1)

        with pytest.raises(errors.VersionRejectedError):
            lab.candidate("orders", 1)

        assert lab.managed("orders") == {1: "rejected"}

    def test_does_not_demote_the_pinned_version(self, lab):
        commit(lab, 1)
        lab.pin("orders", 1)

        lab.candidate("orders", 1)

        assert lab.managed("orders") == {1: "active"}

    @pytest.mark.parametrize(
        ("number", "error"), [(99, errors.UnknownVersionError), (None, errors.UnknownDagError)], ids=["version", "Dag"]
    )
    def test_that_is_not_known_is_refused(self, number, error, lab):
        if number:
            commit(lab, 1)

        with pytest.raises(error):
            lab.candidate("orders", number)

    def test_of_a_dag_that_has_none_is_refused_without_naming_one(self, lab):
        commit(lab, 1)
        lab.session.execute(delete(DagVersion))
        lab.session.commit()

        with pytest.raises(errors.UnknownVersionError, match="has no registered version"):
            lab.candidate("orders", None)

    def test_without_a_commit_is_refused(self, lab):
        lab.commit(None, orders=dag_file("orders"))

        with pytest.raises(errors.UnversionedBundleError):
            lab.candidate("orders", 1)

    def test_that_was_rewritten_is_refused(self, lab):
        commit(lab, 1)
        lab.candidate("orders", 1)
        lab.rewrite("orders", 1, bundle_version="rewritten")

        with pytest.raises(errors.VersionDriftedError):
            lab.candidate("orders", 1)

    def test_with_the_key_of_an_earlier_request_is_not_made_again(self, lab):
        commit(lab, 1)
        lab.candidate("orders", None, idempotency_key="k")
        commit(lab, 2)

        lab.candidate("orders", None, idempotency_key="k")

        assert lab.managed("orders") == {1: "candidate"}


class TestRejected:
    def test_version_is_not_pinned(self, lab):
        commit(lab, 1)
        lab.reject("orders", 1, reason="loses orders")

        with pytest.raises(errors.VersionRejectedError, match="loses orders"):
            lab.pin("orders", 1)

    def test_version_may_be_pinned_once_it_is_restored(self, lab):
        commit(lab, 1)
        lab.reject("orders", 1)
        lab.restore("orders", 1)

        assert lab.pin("orders", 1).pinned
        assert kinds(lab) == ["rejected", "restored", "pinned"]

    def test_version_must_not_be_the_pinned_one(self, lab):
        commit(lab, 1)
        lab.pin("orders", 1)

        with pytest.raises(errors.VersionActiveError, match="Roll back the Dag"):
            lab.reject("orders", 1)

    def test_version_again_changes_nothing(self, lab):
        commit(lab, 1)
        for _ in range(2):
            lab.reject("orders", 1)

        assert kinds(lab) == ["rejected"]

    def test_version_without_a_commit_is_refused(self, lab):
        lab.commit(None, orders=dag_file("orders"))

        with pytest.raises(errors.UnversionedBundleError):
            lab.reject("orders", 1)

    @pytest.mark.parametrize("change", ["reject", "restore"])
    def test_version_must_be_known(self, change, lab):
        commit(lab, 1)

        with pytest.raises(errors.UnknownVersionError):
            getattr(lab, change)("orders", 99)

    def test_with_the_key_of_an_earlier_request_it_is_not_done_again(self, lab):
        commit(lab, 1)
        lab.reject("orders", 1, idempotency_key="k")
        lab.restore("orders", 1)

        lab.reject("orders", 1, idempotency_key="k")

        assert lab.managed("orders") == {1: "candidate"}


class TestRestored:
    def test_version_that_was_not_rejected_stays_as_it_is(self, lab):
        commit(lab, 1)
        lab.pin("orders", 1)

        lab.restore("orders", 1)

        assert lab.managed("orders") == {1: "active"}
        assert kinds(lab) == ["pinned"]

    def test_version_that_was_never_managed_stays_so(self, lab):
        commit(lab, 1)

        lab.restore("orders", 1)

        assert lab.managed("orders") == {}


class TestNumberOfKeptVersions:
    def test_is_limited(self, lab, option):
        option("keep_versions", 2)
        for number in range(1, 5):
            commit(lab, number)
            lab.candidate("orders", number)
        commit(lab, 5)

        lab.pin("orders", 5)

        assert lab.managed("orders") == {3: "candidate", 4: "candidate", 5: "active"}

    def test_does_not_count_the_pinned_and_the_rejected_ones(self, lab, option):
        option("keep_versions", 1)
        for number in (1, 2):
            commit(lab, number)
            lab.candidate("orders", number)
        commit(lab, 3)
        lab.reject("orders", 3)
        commit(lab, 4)

        lab.pin("orders", 4)

        assert lab.managed("orders") == {2: "candidate", 3: "rejected", 4: "active"}

    def test_does_not_count_candidates_that_are_newer_than_the_pin(self, lab, option):
        option("keep_versions", 1)
        commit(lab, 1)
        lab.pin("orders", 1)
        for number in (2, 3, 4):
            commit(lab, number)
            lab.candidate("orders", number)

        assert lab.managed("orders") == {1: "active", 2: "candidate", 3: "candidate", 4: "candidate"}

    def test_does_not_count_candidates_of_a_dag_that_is_not_pinned(self, lab, option):
        option("keep_versions", 1)
        for number in (1, 2, 3):
            commit(lab, number)
            lab.candidate("orders", number)

        assert lab.managed("orders") == {1: "candidate", 2: "candidate", 3: "candidate"}

    def test_keeps_those_that_were_used_last(self, lab, option):
        option("keep_versions", 2)
        for number in (1, 2, 3):
            commit(lab, number)
            lab.pin("orders", number)
        lab.pin("orders", 1)
        commit(lab, 4)
        lab.pin("orders", 4)

        assert lab.managed("orders") == {1: "retained", 3: "retained", 4: "active"}

    def test_keeps_what_was_active_until_a_moment_ago_rather_than_a_candidate(self, lab, option):
        option("keep_versions", 1)
        commit(lab, 1)
        lab.pin("orders", 1)
        commit(lab, 2)
        lab.candidate("orders", 2)
        commit(lab, 3)

        lab.pin("orders", 3)

        assert lab.managed("orders") == {1: "retained", 3: "active"}

    def test_of_one_dag_does_not_touch_another(self, lab, option):
        option("keep_versions", 0)
        lab.commit("sha0", invoices=dag_file("invoices"))
        lab.candidate("invoices", 1)
        for number in (1, 2):
            commit(lab, number)
            lab.pin("orders", number)

        assert lab.managed("orders") == {2: "active"}
        assert lab.managed("invoices") == {1: "candidate"}
