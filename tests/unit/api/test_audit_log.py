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

import json

import pytest
from airflow.models.log import Log
from sqlalchemy import or_, select

from tests.support.remembered import remembered
from tests.support.routes import READS, RELEASE_ID, WRITES
from tests.support.sources import dag_file

EVENTS = {
    "PUT /dags/{dag_id}/pin": "pin_dag_version",
    "DELETE /dags/{dag_id}/pin": "unpin_dag_version",
    "POST /dags/{dag_id}/rollback": "roll_back_dag_version",
    "DELETE /dags/{dag_id}/pending": "cancel_pending_change",
    "POST /dags/{dag_id}/ramp": "start_ramp",
    "PATCH /dags/{dag_id}/ramp": "change_ramp",
    "POST /dags/{dag_id}/candidates": "add_dag_version_candidate",
    "POST /dags/{dag_id}/versions/{version_number}/reject": "reject_dag_version",
    "POST /dags/{dag_id}/versions/{version_number}/restore": "restore_dag_version",
    "POST /dags/{dag_id}/versions/{version_number}/repair": "repair_dag_version",
    "POST /dags/{dag_id}/acknowledgements": "acknowledge_escaped_runs",
    "PUT /dags/{dag_id}/hold": "hold_dag",
    "DELETE /dags/{dag_id}/hold": "unhold_dag",
    "POST /releases": "release_dags",
    "POST /releases/{release_id}/rollback": "roll_back_release",
    "POST /pins/apply": "apply_pins",
    "POST /holds": "hold_dags",
    "POST /holds/lift": "unhold_dags",
    "PUT /dags/{dag_id}/criteria": "set_dag_criteria",
    "POST /dags/{dag_id}/versions/{version_number}/evidence": "record_evidence",
    "POST /dags/{dag_id}/versions/{version_number}/approvals": "approve_dag_version",
    "DELETE /dags/{dag_id}/versions/{version_number}/approvals": "revoke_approval",
    "POST /dags/{dag_id}/canaryRuns": "trigger_canary_runs",
}


@pytest.fixture(autouse=True)
@remembered
def pinned(lab):
    lab.commit("sha1", orders=dag_file("orders"))
    lab.pin("orders", 1)
    lab.commit("sha2", orders=dag_file("orders", tasks="extract load"))
    lab.keep_release(RELEASE_ID, "orders")


def logged(session):
    # A request for several Dags is one row, of none of them.
    events = [event for route, event in EVENTS.items() if "{dag_id}" not in route]
    return session.scalars(select(Log).where(or_(Log.dag_id == "orders", Log.event.in_(events))).order_by(Log.id)).all()


@pytest.mark.parametrize("route", WRITES, ids=str)
def test_a_change_is_in_airflows_own_audit_log(route, api, session):
    api("op", username="bob").request(route.method, route.url("orders"), json=route.body)

    [row] = logged(session)
    assert (row.event, row.owner) == (EVENTS[str(route)], "bob")
    assert json.loads(row.extra)["method"] == route.method


def test_the_reason_is_in_the_audit_log_too(api, session):
    route = WRITES[0]
    api().request(route.method, route.url("orders"), json={**route.body, "reason": "version 1 is slow"})

    assert json.loads(logged(session)[0].extra)["reason"] == "version 1 is slow"


def test_a_change_that_is_refused_is_in_the_audit_log_too(api, session):
    api().put("/pinning/api/v1/dags/orders/pin", json={"version_number": 99, "reason": "because"})

    assert [row.event for row in logged(session)] == ["pin_dag_version"]


@pytest.mark.parametrize("route", READS, ids=str)
def test_a_read_is_not_in_the_audit_log(route, api, session):
    api().get(route.url("orders"))

    assert logged(session) == []


@pytest.mark.parametrize("route", WRITES, ids=str)
def test_an_attempt_without_permission_is_in_the_audit_log(route, api, session):
    """Unlike with Airflow's own routes: who may release is what pins are about."""
    answer = api("viewer", username="eve").request(route.method, route.url("orders"), json=route.body)

    assert answer.status_code == 403
    # What is about several Dags is there as it was asked for as well: which Dags those are, its body says.
    *asked, row = logged(session)
    assert len(asked) == ("{dag_id}" not in route.template)
    assert (row.event, row.owner) == (EVENTS[str(route)], "eve")
    assert json.loads(row.extra) == {"method": route.method, "refused": "forbidden"}


@pytest.mark.parametrize("route", WRITES, ids=str)
def test_an_attempt_without_a_login_is_not_in_the_audit_log(route, api, session):
    """There is nobody to name, and everybody could fill the log."""
    assert api(None).request(route.method, route.url("orders"), json=route.body).status_code == 401

    assert logged(session) == []
