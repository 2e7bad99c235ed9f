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
from airflow.api.common import delete_dag
from airflow.models.log import Log
from sqlalchemy import select

from airflow_providers_pinning.domain.canaries.withheld import EffectKind, withhold
from airflow_providers_pinning.models import Event, ManagedVersion, WithheldEffect
from tests.support.sources import dag_file

V1 = dag_file("orders", "schedule='@daily'")
V2 = dag_file("orders", "schedule='@daily'", "extract load")


def delete(lab):
    """Delete the Dag as the command line does."""
    delete_dag.delete_dag("orders")
    lab.session.expire_all()


def test_the_pin_goes_with_the_dag(lab):
    lab.commit("sha1", orders=V1)
    lab.pin("orders", 1)

    delete(lab)

    assert lab.pin_row("orders").dag_version_id is None
    assert lab.session.scalars(select(ManagedVersion)).all() == []


def test_what_was_withheld_of_its_canary_runs_goes_with_the_dag(lab, session):
    lab.commit("sha1", orders=V1)
    withhold(EffectKind.CALLBACK, [{}], dag_id="orders", run_id="canary__1", session=session)
    withhold(EffectKind.CALLBACK, [{}], dag_id="invoices", run_id="canary__1", session=session)
    session.commit()

    delete(lab)

    assert session.scalars(select(WithheldEffect.dag_id)).all() == ["invoices"]


@pytest.mark.parametrize("keep", [True, False])
def test_the_audit_log_of_the_dag_is_kept_or_not_as_ever(keep, lab, session):
    lab.commit("sha1", orders=V1)
    session.add(Log(event="looked at", dag_id="orders"))
    session.commit()

    delete_dag.delete_dag("orders", keep_records_in_log=keep)

    assert session.scalars(select(Log.event).where(Log.dag_id == "orders")).all() == ["looked at"] * keep


def test_it_goes_when_the_dag_is_deleted_through_the_api(lab, api):
    lab.commit("sha1", orders=V1)
    lab.pin("orders", 1)

    assert api().delete("/api/v2/dags/orders").status_code == 204
    lab.session.expire_all()

    assert lab.pin_row("orders").dag_version_id is None


def test_a_new_dag_of_the_same_id_gets_runs(lab, scheduler):
    lab.commit("sha1", orders=V1)
    lab.pin("orders", 1)
    delete(lab)

    lab.commit("sha2", orders=V2)
    scheduler.create_due_runs()

    assert [run.bundle_version for run in lab.runs("orders")] == ["sha2"]


def test_the_revision_goes_on_where_it_was(lab):
    lab.commit("sha1", orders=V1)
    lab.pin("orders", 1)
    delete(lab)
    lab.commit("sha2", orders=V2)

    state = lab.pin("orders", 1)

    assert state.revision == 3


def test_the_history_stays_and_tells_of_the_deletion(lab):
    lab.commit("sha1", orders=V1)
    lab.pin("orders", 1)

    delete(lab)

    events = lab.session.scalars(select(Event).order_by(Event.id)).all()
    assert [(event.kind, event.actor_kind) for event in events] == [("pinned", "user"), ("forgotten", "system")]
    assert events[1].from_version["version_number"] == 1


def test_a_hold_goes_with_the_dag(lab):
    lab.pin_first_of_two(V1, V2)
    lab.roll_back("orders", to_version=2, hold=True)
    delete(lab)
    lab.commit("sha3", orders=V1)

    assert lab.pin("orders", 1).hold is None


def test_the_pins_of_other_dags_stay(lab):
    lab.commit("sha1", orders=V1, invoices=dag_file("invoices"))
    lab.pin("orders", 1)
    lab.pin("invoices", 1)

    delete(lab)

    assert lab.pin_row("invoices").dag_version_id is not None
    assert lab.managed("invoices") == {1: "active"}


def test_a_dag_that_was_never_pinned_leaves_no_trace(lab):
    lab.commit("sha1", orders=V1)

    delete(lab)

    assert lab.pin_row("orders") is None
    assert lab.session.scalars(select(Event)).all() == []


def test_candidates_of_a_dag_that_was_never_pinned_go_too(lab):
    lab.commit("sha1", orders=V1)
    lab.candidate("orders", 1)

    delete(lab)

    assert lab.managed("orders") == {}
