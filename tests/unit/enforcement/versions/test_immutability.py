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
from airflow.models.deadline_alert import DeadlineAlert
from airflow.models.serialized_dag import SerializedDagModel
from airflow.serialization.serialized_objects import LazyDeserializedDAG
from airflow.utils.types import DagRunTriggeredByType
from sqlalchemy import select

from airflow_providers_pinning.domain.changes import pins
from tests.support.sources import CHANGED, STABLE, dag_file
from tests.support.stock import without_enforcement

V1 = dag_file("orders", tasks="extract load")
COMMENT_ONLY = f"# a remark\n{V1}"
STRUCTURE = dag_file("orders", tasks="extract transform load")


def pin(lab):
    lab.pin("orders", 1)


def approve(lab):
    lab.candidate("orders", 1)


def reject(lab):
    lab.reject("orders", 1)


def retain(lab):
    lab.pin("orders", 1)
    lab.unpin("orders")


@pytest.mark.parametrize("manage", [pin, approve, reject, retain], ids=lambda f: f.__name__)
class TestManagedVersion:
    @pytest.mark.parametrize("change", [V1, COMMENT_ONLY, STRUCTURE], ids=["helper only", "comment only", "structure"])
    def test_is_the_same_to_the_byte_after_a_commit(self, change, manage, lab):
        lab.commit("sha1", orders=V1)
        manage(lab)
        before = lab.bytes_of("orders", 1)

        lab.commit("sha2", orders=change)

        assert lab.bytes_of("orders", 1) == before
        assert lab.numbers("orders") == [1, 2]
        assert lab.version("orders", 2).bundle_version == "sha2"

    def test_is_the_same_after_many_commits_of_which_only_the_last_is_kept(self, manage, lab):
        lab.commit("sha1", orders=V1)
        manage(lab)
        before = lab.bytes_of("orders", 1)

        for i in range(2, 6):
            lab.commit(f"sha{i}", orders=dag_file("orders", tasks=f"extract step_{i}"))

        assert lab.bytes_of("orders", 1) == before
        assert lab.numbers("orders") == [1, 2]
        assert lab.version("orders", 2).bundle_version == "sha5"

    def test_is_the_same_to_the_byte_when_its_commit_is_parsed_again(self, manage, lab):
        lab.commit("sha1", orders=V1)
        manage(lab)
        before = lab.bytes_of("orders", 1)

        for _ in range(5):
            lab.parse("sha1")

        assert lab.bytes_of("orders", 1) == before
        assert lab.numbers("orders") == [1]

    def test_is_followed_by_one_new_version_however_often_a_commit_is_parsed(self, manage, lab):
        lab.commit("sha1", orders=STABLE)
        manage(lab)
        lab.commit("sha2", orders=CHANGED)

        for _ in range(5):
            lab.parse("sha2")

        assert lab.numbers("orders") == [1, 2]


class TestVersionThatIsNotManaged:
    def test_is_rewritten_as_ever(self, lab):
        lab.commit("sha1", orders=V1)

        lab.commit("sha2", orders=STRUCTURE)

        assert lab.numbers("orders") == [1]
        assert lab.version("orders", 1).bundle_version == "sha2"

    def test_is_followed_by_a_new_one_if_it_has_runs_as_ever(self, lab, session):
        lab.commit("sha1", orders=V1)
        trigger_dag("orders", triggered_by=DagRunTriggeredByType.REST_API, session=session)

        lab.commit("sha2", orders=STRUCTURE)

        assert lab.numbers("orders") == [1, 2]

    def test_is_rewritten_again_once_it_is_managed_no_longer(self, lab, option):
        option("keep_versions", 0)
        lab.commit("sha1", orders=V1)
        lab.pin("orders", 1)
        lab.commit("sha2", orders=STRUCTURE)
        lab.pin("orders", 2)
        lab.pin("orders", 1, reason="version 2 is managed no longer")

        lab.commit("sha3", orders=V1)

        assert lab.numbers("orders") == [1, 2]
        assert lab.version("orders", 2).bundle_version == "sha3"

    def test_is_rewritten_although_an_older_one_is_managed(self, lab):
        lab.commit("sha1", orders=V1)
        lab.pin("orders", 1)
        lab.commit("sha2", orders=STRUCTURE)

        lab.commit("sha3", orders=COMMENT_ONLY)

        assert lab.numbers("orders") == [1, 2]
        assert lab.code("orders", 2).startswith("# a remark")


def test_a_candidate_that_has_not_run_is_not_overwritten_by_the_next_commit(lab):
    lab.commit("sha1", orders=V1)
    lab.pin("orders", 1)
    lab.commit("sha2", orders=STRUCTURE)
    lab.candidate("orders", 2)
    before = lab.bytes_of("orders", 2)

    lab.commit("sha3", orders=dag_file("orders", tasks="other"))

    assert lab.bytes_of("orders", 2) == before
    assert lab.numbers("orders") == [1, 2, 3]


def test_a_version_is_protected_within_the_transaction_that_manages_it(lab, session):
    lab.commit("sha1", orders=V1)
    pins.pin_version("orders", pins.Target(version_number=1), lab.change(), session=session)

    lab.commit("sha2", orders=STRUCTURE)

    assert lab.numbers("orders") == [1, 2]


def test_a_commit_that_goes_back_to_the_managed_one_does_not_touch_it(lab):
    lab.commit("sha1", orders=V1)
    lab.pin("orders", 1)
    before = lab.bytes_of("orders", 1)
    lab.commit("sha2", orders=STRUCTURE)

    lab.parse("sha1")

    assert lab.bytes_of("orders", 1) == before
    assert lab.numbers("orders") == [1, 2]
    assert lab.version("orders", 2).bundle_version == "sha1"


def test_another_bundle_that_defines_the_dag_makes_a_new_version(lab):
    lab.commit("sha1", orders=V1)
    lab.pin("orders", 1)
    before = lab.bytes_of("orders", 1)

    lab.commit("sha1", bundle="elsewhere", orders=V1)

    assert lab.bytes_of("orders", 1) == before
    assert lab.numbers("orders") == [1, 2]


def test_one_file_with_a_managed_and_another_dag_writes_both(lab):
    lab.commit("sha1", dags=V1 + dag_file("invoices"))
    lab.pin("orders", 1)

    lab.commit("sha2", dags=STRUCTURE + dag_file("invoices", tasks="other"))

    assert lab.numbers("orders") == [1, 2]
    assert lab.numbers("invoices") == [1]
    assert lab.version("invoices", 1).bundle_version == "sha2"


def test_a_dag_written_alone_protects_its_managed_version_too(lab, session):
    lab.commit("sha1", orders=V1)
    lab.pin("orders", 1)
    before = lab.bytes_of("orders", 1)

    parsed = LazyDeserializedDAG(data=lab.serialized("orders", 1).data)
    SerializedDagModel.write_dag(parsed, "team_dags", "sha2")

    assert lab.bytes_of("orders", 1) == before
    assert lab.numbers("orders") == [1, 2]


def test_other_data_of_a_bundle_version_make_a_new_version(lab):
    lab.commit("sha1", orders=V1)
    lab.pin("orders", 1)
    before = lab.bytes_of("orders", 1)

    parsed = LazyDeserializedDAG(data=lab.serialized("orders", 1).data)
    SerializedDagModel.write_dag(parsed, "team_dags", "sha1", {"manifest": "another"})

    assert lab.bytes_of("orders", 1) == before
    assert lab.numbers("orders") == [1, 2]


class TestSourceCode:
    def test_of_a_comment_only_edit_goes_to_the_newest_version(self, lab):
        lab.commit("sha1", orders=V1)
        lab.pin("orders", 1)
        lab.commit("sha2", orders=STRUCTURE)

        lab.commit("sha3", orders=f"# a remark\n{STRUCTURE}")

        assert not lab.code("orders", 1).startswith("# a remark")
        assert lab.code("orders", 2).startswith("# a remark")

    def test_goes_to_the_newest_version_although_an_older_one_was_updated_later(self, lab, session):
        from airflow._shared.timezones import timezone
        from airflow.models.dagcode import DagCode

        lab.commit("sha1", orders=V1)
        lab.pin("orders", 1)
        lab.commit("sha2", orders=STRUCTURE)
        pinned = session.scalars(select(DagCode).where(DagCode.dag_version_id == lab.version("orders", 1).id)).one()
        pinned.last_updated = timezone.utcnow()
        session.commit()

        lab.commit("sha3", orders=f"# a remark\n{STRUCTURE}")

        assert not lab.code("orders", 1).startswith("# a remark")
        assert lab.code("orders", 2).startswith("# a remark")

    def test_is_left_alone_if_the_newest_version_is_managed(self, lab):
        lab.commit("sha1", orders=V1)
        lab.reject("orders", 1)
        (lab.root / "team_dags" / "sha1" / "orders.py").write_text(COMMENT_ONLY)

        lab.parse("sha1")

        assert not lab.code("orders", 1).startswith("# a remark")

    def test_is_updated_as_ever_if_nothing_is_managed(self, lab):
        lab.commit("sha1", orders=V1)
        (lab.root / "team_dags" / "sha1" / "orders.py").write_text(COMMENT_ONLY)

        lab.parse("sha1")

        assert lab.code("orders", 1).startswith("# a remark")


class TestDeadlines:
    DEADLINE = (
        "deadline=DeadlineAlert(name={name!r}, reference=DeadlineReference.DAGRUN_QUEUED_AT, "
        "interval=timedelta(hours={hours}), callback=AsyncCallback('asyncio.sleep'))"
    )

    def source(self, name="late", hours=1, tasks="extract"):
        return dag_file("orders", self.DEADLINE.format(name=name, hours=hours), tasks)

    def alerts(self, lab, number):
        lab.session.expire_all()
        rows = lab.session.execute(
            select(DeadlineAlert.id, DeadlineAlert.name, DeadlineAlert.interval).where(
                DeadlineAlert.serialized_dag_id == lab.serialized("orders", number).id
            )
        )
        return [tuple(row) for row in rows]

    @pytest.mark.parametrize(
        "change",
        [{"name": "too late"}, {"hours": 9}, {"tasks": "extract load"}],
        ids=["renamed", "another interval", "another structure"],
    )
    def test_of_a_managed_version_stay_as_they_are(self, change, lab):
        lab.commit("sha1", orders=self.source())
        lab.pin("orders", 1)
        before = (lab.bytes_of("orders", 1), self.alerts(lab, 1))
        assert before[1]

        lab.commit("sha2", orders=self.source(**change))

        assert (lab.bytes_of("orders", 1), self.alerts(lab, 1)) == before
        assert lab.numbers("orders") == [1, 2]
        assert len(self.alerts(lab, 2)) == 1

    def test_renamed_in_place_make_a_new_version(self, lab):
        lab.commit("sha1", orders=self.source())
        lab.pin("orders", 1)
        before = self.alerts(lab, 1)
        (lab.root / "team_dags" / "sha1" / "orders.py").write_text(self.source(name="too late"))

        lab.parse("sha1")

        assert self.alerts(lab, 1) == before
        assert [name for _, name, _ in self.alerts(lab, 2)] == ["too late"]

    def test_renamed_in_place_make_no_new_version_of_another_dag_of_the_file(self, lab):
        invoices = self.source().replace("'orders'", "'invoices'")
        lab.commit("sha1", dags=self.source() + invoices)
        lab.pin("orders", 1)
        lab.pin("invoices", 1)
        (lab.root / "team_dags" / "sha1" / "dags.py").write_text(self.source(name="too late") + invoices)

        for _ in range(2):
            lab.parse("sha1")

        assert lab.numbers("orders") == [1, 2]
        assert lab.numbers("invoices") == [1]

    def test_do_not_make_a_new_version_by_themselves(self, lab):
        lab.commit("sha1", orders=self.source())
        lab.pin("orders", 1)
        before = lab.bytes_of("orders", 1)

        for _ in range(5):
            lab.parse("sha1")

        assert lab.bytes_of("orders", 1) == before
        assert lab.numbers("orders") == [1]

    def test_added_at_head_do_not_reach_the_managed_version(self, lab):
        lab.commit("sha1", orders=dag_file("orders"))
        lab.pin("orders", 1)

        lab.commit("sha2", orders=self.source())

        assert self.alerts(lab, 1) == []
        assert len(self.alerts(lab, 2)) == 1

    def test_of_a_version_that_is_not_managed_are_renamed_as_ever(self, lab):
        lab.commit("sha1", orders=self.source())
        lab.pin("orders", 1)
        lab.commit("sha2", orders=self.source())

        lab.commit("sha3", orders=self.source(name="too late"))

        assert lab.numbers("orders") == [1, 2]
        assert [name for _, name, _ in self.alerts(lab, 2)] == ["too late"]


def test_without_managed_versions_the_rows_are_what_stock_airflow_writes(lab, tmp_path):
    from tests.support.lab import Lab

    with without_enforcement():
        stock = Lab(tmp_path / "stock", lab.session)
        for sha, source in (("sha1", V1), ("sha2", COMMENT_ONLY), ("sha3", STRUCTURE)):
            stock.commit(sha, orders=source)
        expected = (lab.numbers("orders"), lab.version("orders", 1).bundle_version, lab.code("orders", 1))

    for sha, source in (("sha1", V1), ("sha2", COMMENT_ONLY), ("sha3", STRUCTURE)):
        lab.commit(sha, orders=source.replace("'orders'", "'invoices'"))

    found = (lab.numbers("invoices"), lab.version("invoices", 1).bundle_version, lab.code("invoices", 1))
    assert (found[0], found[1], found[2].replace("'invoices'", "'orders'")) == expected
