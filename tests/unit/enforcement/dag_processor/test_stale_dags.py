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

from datetime import timedelta
from pathlib import Path

import pytest
from airflow._shared.timezones import timezone
from airflow.dag_processing.manager import DagFileInfo, DagFileProcessorManager
from airflow.models.asset import DagScheduleAssetReference, TaskOutletAssetReference
from airflow.models.dag import DagModel
from airflow.models.dagbundle import DagBundleModel
from airflow.models.errors import ParseImportError
from airflow.utils.db_cleanup import run_cleanup
from sqlalchemy import select, update

from airflow_providers_pinning.domain.dag_model.stale_dags import take_marks_back
from tests.support.lab import BUNDLE
from tests.support.remembered import remembered
from tests.support.sources import BROKEN, dag_file

DAILY = dag_file("orders", "schedule='@daily'")
WITH_ASSETS = dag_file(
    "orders", "schedule=[Asset('raw')]", body="EmptyOperator(task_id='publish', outlets=[Asset('report')])"
)


def refresh(lab, *present):
    """Do what the dag processor does when it has listed the files of the bundle."""
    files = {
        DagFileInfo(rel_path=Path(name), bundle_name=BUNDLE, bundle_path=lab.root / BUNDLE / "sha1") for name in present
    }
    DagFileProcessorManager(max_runs=1).deactivate_deleted_dags(BUNDLE, files)


def drop_unseen(lab, *parsed):
    """Do what the dag processor does with Dags that their files no longer define, some time later."""
    later = timezone.utcnow() + timedelta(hours=1)
    DagFileProcessorManager(max_runs=1).deactivate_stale_dags(
        last_parsed={DagFileInfo(rel_path=Path(name), bundle_name=BUNDLE): later for name in parsed}
    )


def references(lab, model):
    return len(lab.session.scalars(select(model).where(model.dag_id == "orders")).all())


def remove_bundle(lab):
    lab.session.execute(update(DagBundleModel).values(active=False))
    lab.session.commit()


class TestSyntaxErrorAtHead:
    def test_leaves_a_pinned_dag_in_service(self, lab, scheduler):
        lab.commit("sha1", orders=DAILY)
        lab.pin("orders", 1)

        lab.commit("sha2", orders=BROKEN)
        scheduler.create_due_runs()

        dag = lab.dag_model("orders")
        assert not dag.is_stale
        assert not dag.has_import_errors
        assert [run.bundle_version for run in lab.runs("orders")] == ["sha1"]

    def test_is_reported_all_the_same(self, lab):
        lab.commit("sha1", orders=DAILY)
        lab.pin("orders", 1)

        lab.commit("sha2", orders=BROKEN)

        assert lab.session.scalars(select(ParseImportError.filename)).all() == ["orders.py"]

    def test_lets_a_pinned_dag_be_triggered(self, lab, api):
        lab.commit("sha1", orders=DAILY)
        lab.pin("orders", 1)
        lab.commit("sha2", orders=BROKEN)

        answer = api().post("/api/v2/dags/orders/dagRuns", json={"logical_date": None})

        assert answer.status_code == 200

    def test_takes_another_dag_of_the_file_out_of_service_as_ever(self, lab):
        lab.commit("sha1", dags=DAILY + dag_file("invoices"))
        lab.pin("orders", 1)

        lab.commit("sha2", dags=BROKEN)

        assert not lab.dag_model("orders").is_stale
        assert lab.dag_model("invoices").is_stale
        assert lab.dag_model("invoices").has_import_errors

    def test_of_another_file_leaves_the_dag_alone(self, lab):
        lab.commit("sha1", orders=DAILY, invoices=dag_file("invoices"))
        lab.pin("orders", 1)

        lab.commit("sha2", invoices=BROKEN)

        assert not lab.dag_model("orders").is_stale
        assert lab.dag_model("invoices").is_stale

    def test_takes_the_dag_out_of_service_when_it_is_unpinned_and_parsed(self, lab):
        lab.commit("sha1", orders=DAILY)
        lab.pin("orders", 1)
        lab.commit("sha2", orders=BROKEN)

        lab.unpin("orders")
        lab.parse("sha2")

        assert lab.dag_model("orders").has_import_errors


class TestFileRemovedAtHead:
    def test_leaves_a_pinned_dag_in_service(self, lab, scheduler):
        lab.commit("sha1", orders=DAILY)
        lab.pin("orders", 1)

        refresh(lab, "other.py")
        scheduler.create_due_runs()

        assert not lab.dag_model("orders").is_stale
        assert [run.bundle_version for run in lab.runs("orders")] == ["sha1"]

    @pytest.mark.parametrize("model", [DagScheduleAssetReference, TaskOutletAssetReference], ids=lambda m: m.__name__)
    def test_leaves_the_assets_of_a_pinned_dag(self, model, lab):
        lab.commit("sha1", orders=WITH_ASSETS)
        lab.pin("orders", 1)

        refresh(lab, "other.py")

        assert references(lab, model) == 1

    def test_leaves_the_assets_triggering_a_pinned_dag(self, lab, scheduler):
        lab.commit("sha1", orders=WITH_ASSETS)
        lab.pin("orders", 1)
        refresh(lab, "other.py")

        lab.publish("raw")
        scheduler.create_due_runs()

        assert [run.bundle_version for run in lab.runs("orders")] == ["sha1"]

    def test_takes_a_dag_that_is_not_pinned_out_of_service_as_ever(self, lab):
        lab.commit("sha1", orders=WITH_ASSETS)
        lab.candidate("orders", 1)

        refresh(lab, "other.py")
        assert lab.dag_model("orders").is_stale
        # Airflow drops the references of Dags that were stale before.
        refresh(lab, "other.py")

        assert references(lab, DagScheduleAssetReference) == 0

    def test_leaves_a_pinned_dag_in_service_although_it_was_renamed_and_parsed(self, lab):
        lab.commit("sha1", orders=DAILY)
        lab.pin("orders", 1)
        lab.commit("sha2", orders=None, renamed=DAILY)

        refresh(lab, "renamed.py")

        dag = lab.dag_model("orders")
        assert not dag.is_stale
        assert dag.relative_fileloc == "orders.py"

    def test_that_came_from_a_zip_archive_leaves_the_pinned_dag_in_service(self, lab):
        lab.commit_zip("sha1", "packed.zip", DAILY)
        lab.pin("orders", 1)

        refresh(lab, "other.py")

        assert not lab.dag_model("orders").is_stale

    def test_leaves_the_pinned_version_to_db_clean(self, lab, session):
        lab.commit("sha1", orders=WITH_ASSETS, invoices=dag_file("invoices"))
        lab.pin("orders", 1)
        refresh(lab, "other.py")
        for dag_id in ("orders", "invoices"):
            lab.dag_model(dag_id).last_parsed_time = timezone.utcnow() - timedelta(days=400)
        session.commit()

        run_cleanup(
            clean_before_timestamp=timezone.utcnow() - timedelta(days=30),
            table_names=["dag"],
            confirm=False,
            skip_archive=True,
            session=session,
        )

        assert lab.numbers("orders") == [1]
        assert lab.numbers("invoices") == []
        assert references(lab, DagScheduleAssetReference) == 1

    def test_of_a_removed_bundle_takes_the_pinned_dag_out_of_service(self, lab):
        lab.commit("sha1", orders=DAILY)
        lab.pin("orders", 1)
        remove_bundle(lab)

        refresh(lab, "other.py")

        assert lab.dag_model("orders").is_stale


class TestDagNoLongerDefinedByItsFile:
    def test_stays_in_service_if_it_is_pinned(self, lab):
        lab.commit("sha1", orders=DAILY)
        lab.pin("orders", 1)

        drop_unseen(lab, "orders.py")

        assert not lab.dag_model("orders").is_stale

    def test_goes_out_of_service_as_ever_if_it_is_not(self, lab):
        lab.commit("sha1", orders=DAILY)

        drop_unseen(lab, "orders.py")

        assert lab.dag_model("orders").is_stale

    def test_goes_out_of_service_although_pinned_if_its_bundle_is_removed(self, lab):
        lab.commit("sha1", orders=DAILY)
        lab.pin("orders", 1)
        remove_bundle(lab)

        drop_unseen(lab)

        assert lab.dag_model("orders").is_stale

    def test_comes_back_into_service_if_it_went_out_in_spite_of_its_pin(self, lab):
        lab.commit("sha1", orders=DAILY)
        lab.pin("orders", 1)
        lab.dag_model("orders").is_stale = True
        lab.session.commit()

        take_marks_back(session=lab.session)

        assert not lab.dag_model("orders").is_stale


class TestBundleRenamed:
    """HEAD defines the Dag in a new bundle, and the pinned version is from the old one."""

    @pytest.fixture
    @remembered
    def renamed(self, lab):
        lab.commit("sha1", orders=DAILY)
        lab.pin("orders", 1)
        remove_bundle(lab)
        lab.commit("sha2", bundle="renamed")
        return lab

    def test_leaves_the_pinned_dag_out_of_service_after_each_parse(self, renamed):
        drop_unseen(renamed)
        for _ in range(2):
            renamed.parse("sha2", bundle="renamed")

            assert renamed.dag_model("orders").is_stale

    def test_gives_the_pinned_dag_no_scheduled_run_before_the_parse_nor_after(self, renamed, scheduler):
        renamed.session.execute(update(DagModel).values(is_stale=False))
        renamed.session.commit()
        scheduler.create_due_runs()
        renamed.parse("sha2", bundle="renamed")
        scheduler.create_due_runs()

        assert renamed.runs("orders") == []

    def test_lets_nobody_trigger_the_pinned_dag(self, renamed, api):
        renamed.session.execute(update(DagModel).values(is_stale=False))
        renamed.session.commit()

        answer = api().post("/api/v2/dags/orders/dagRuns", json={"logical_date": None})

        assert answer.status_code in (400, 404, 409)
        assert renamed.runs("orders") == []

    def test_gives_a_pinned_dag_no_run_for_its_assets(self, lab, scheduler):
        lab.commit("sha1", orders=WITH_ASSETS)
        lab.pin("orders", 1)
        remove_bundle(lab)

        lab.publish("raw")
        scheduler.create_due_runs()

        assert lab.runs("orders") == []

    def test_is_over_when_a_version_of_the_new_bundle_is_pinned(self, renamed, scheduler):
        renamed.pin("orders", renamed.numbers("orders")[-1])

        scheduler.create_due_runs()

        assert [run.bundle_version for run in renamed.runs("orders")] == ["sha2"]

    def test_is_over_when_the_dag_is_unpinned(self, renamed, scheduler):
        renamed.unpin("orders")
        renamed.parse("sha2", bundle="renamed")
        scheduler.create_due_runs()

        assert [run.bundle_version for run in renamed.runs("orders")] == ["sha2"]

    def test_is_over_when_the_old_bundle_is_configured_again(self, renamed, scheduler):
        renamed.session.execute(update(DagBundleModel).values(active=True))
        renamed.session.commit()
        take_marks_back(session=renamed.session)
        renamed.session.commit()
        scheduler.create_due_runs()

        assert [run.bundle_version for run in renamed.runs("orders")] == ["sha1"]


def test_unpinning_a_dag_whose_latest_version_is_of_a_removed_bundle_gives_it_no_run(lab, scheduler):
    lab.commit("sha1", orders=DAILY)
    lab.pin("orders", 1)
    remove_bundle(lab)

    lab.unpin("orders")
    scheduler.create_due_runs()

    assert lab.dag_model("orders").is_stale
    assert lab.runs("orders") == []
