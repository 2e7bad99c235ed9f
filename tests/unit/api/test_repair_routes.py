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
"""Rolling back with a repair, and holding, through the REST API."""

import json

import pytest
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
from airflow.models.log import Log
from sqlalchemy import select

from airflow_providers_pinning.domain.errors import DatabaseBusyError
from tests.support.api import PINNING
from tests.support.remembered import remembered
from tests.support.sources import dag_file
from tests.unit.domain.changes.test_run_repair import run

DAG = f"{PINNING}/dags/orders"
REPAIR = {"finished": "rerun"}


@pytest.fixture(autouse=True)
@remembered
def bad(lab):
    lab.commit("sha1", orders=dag_file("orders", tasks="extract load"))
    lab.pin("orders", 1)
    lab.commit("sha2", orders=dag_file("orders", tasks="extract"))
    lab.pin("orders", 2)
    run(lab, "wrong", "success", tasks="success")
    run(lab, "failed", "failed", tasks="failed")
    return lab


@pytest.fixture
def without_run_edits(airflow_app, monkeypatch):
    """Let nobody edit runs."""
    manager = type(airflow_app.state.auth_manager)
    allowed = manager.is_authorized_dag

    def is_authorized_dag(self, *, method, user, access_entity=None, details=None):
        return (method, access_entity) != ("PUT", DagAccessEntity.RUN) and allowed(
            self, method=method, user=user, access_entity=access_entity, details=details
        )

    monkeypatch.setattr(manager, "is_authorized_dag", is_authorized_dag)


def test_the_preview_of_a_rollback_counts_the_runs_that_it_would_leave_behind(api):
    told = api("viewer").get(f"{DAG}/rollback").json()

    assert (told["current"]["version_number"], told["runs"]) == (2, {"failed": 1, "success": 1})


def test_a_rollback_reruns_finished_runs(api, bad):
    answer = api().post(f"{DAG}/rollback", json={"reason": "wrong sums", "repair": REPAIR, "idempotency_key": "k"})

    assert answer.json()["repair"] == {
        "version_number": 2,
        "by_state": {"failed": 1, "success": 1},
        "canceled": [],
        "rerun": ["wrong", "failed"],
        "pending": 0,
        "blocked": [],
    }
    bad.session.expire_all()
    assert {str(one.state) for one in bad.runs("orders")} == {"queued"}


def test_a_dry_run_changes_nothing(api, bad):
    answer = api().post(f"{DAG}/rollback", json={"reason": "wrong sums", "repair": REPAIR, "dry_run": True}).json()

    assert (answer["active"]["version_number"], answer["repair"]["rerun"]) == (1, ["wrong", "failed"])
    assert bad.pin_state("orders").active.version_number == 2
    assert {str(one.state) for one in bad.runs("orders")} == {"success", "failed"}


def test_a_repair_without_an_idempotency_key_is_refused(api, bad):
    answer = api().post(f"{DAG}/rollback", json={"reason": "wrong sums", "repair": REPAIR})

    assert answer.status_code == 422
    assert "A repair needs an idempotency_key, with which the same request continues" in answer.text
    assert bad.pin_state("orders").active.version_number == 2


def test_a_rollback_whose_repair_the_database_ends_is_not_said_to_have_changed_nothing(api, bad, monkeypatch):
    def busy(*args, **options):
        raise DatabaseBusyError("Nothing was changed.", retry_after=2)

    monkeypatch.setattr("airflow_providers_pinning.domain.changes.run_repair.commit", busy)
    body = {"reason": "wrong sums", "repair": REPAIR, "idempotency_key": "k"}
    answer = api().post(f"{DAG}/rollback", json=body)

    detail = answer.json()["detail"]
    assert (answer.status_code, detail["reason"]) == (503, "database_busy")
    assert "The rollback was made (revision 3), but 2 runs are not repaired yet." in detail["message"]
    monkeypatch.undo()
    again = api().post(f"{DAG}/rollback", json=body).json()
    assert (again["revision"], again["repair"]["pending"]) == (3, 0)


def test_a_repair_needs_the_permission_to_edit_runs_and_an_attempt_without_it_is_noted(api, bad, without_run_edits):
    client = api("op")

    refused = client.post(f"{DAG}/rollback", json={"reason": "x", "repair": REPAIR, "idempotency_key": "k"})

    assert refused.status_code == 403
    assert "edit its runs" in refused.json()["detail"]["message"]
    assert bad.pin_state("orders").active.version_number == 2
    notes = bad.session.scalars(select(Log.extra).where(Log.event == "roll_back_dag_version"))
    assert any(json.loads(extra).get("refused") == "forbidden" for extra in notes if extra)
    assert client.get(f"{DAG}/permissions").json()["edit_runs"] is False


def test_a_rollback_without_a_repair_needs_no_permission_for_runs(api, without_run_edits):
    kept = {"unfinished": "keep", "finished": "keep"}

    assert api("op").post(f"{DAG}/rollback", json={"reason": "x", "repair": kept}).status_code == 200


def test_run_ids_of_a_repair_are_hidden_from_who_may_not_read_runs(api, bad, monkeypatch, airflow_app):
    api().post(f"{DAG}/rollback", json={"reason": "wrong sums", "repair": REPAIR, "idempotency_key": "k"})
    manager = type(airflow_app.state.auth_manager)
    allowed = manager.is_authorized_dag
    monkeypatch.setattr(
        manager,
        "is_authorized_dag",
        lambda self, *, method, user, access_entity=None, details=None: (
            access_entity is not DagAccessEntity.RUN
            and allowed(self, method=method, user=user, access_entity=access_entity, details=details)
        ),
    )

    evidence = api("viewer").get(f"{DAG}/events").json()["events"][0]["evidence"]

    assert evidence["repair"]["rerun"] == 2
    assert "rerun_run_ids" not in evidence


def test_the_loser_of_two_rollbacks_is_told_who_won(api, bad):
    seen = bad.pin_state("orders").revision
    body = {"reason": "wrong sums", "expected_revision": seen, "to_version": 1}
    api().post(f"{DAG}/rollback", json=body)

    detail = api().post(f"{DAG}/rollback", json=body).json()["detail"]

    assert detail["reason"] == "revision_conflict"
    assert "already rolled back from version 2 to version 1 by" in detail["message"]
    assert (detail["already"]["from_version"], detail["already"]["to_version"]) == (2, 1)


class TestHolds:
    def test_are_set_and_lifted(self, api):
        held = api().put(f"{DAG}/hold", json={"reason": "audit", "until": "2999-01-01T00:00:00Z"}).json()
        refused = api().put(f"{DAG}/pin", json={"reason": "x", "version_number": 1})
        lifted = api().delete(f"{DAG}/hold", params={"reason": "done"}).json()

        assert (held["hold"]["reason"], held["hold"]["until"]) == ("audit", "2999-01-01T00:00:00Z")
        assert (refused.status_code, refused.json()["detail"]["reason"]) == (409, "held")
        assert lifted["hold"] is None

    def test_that_end_in_the_past_are_refused(self, api):
        refused = api().put(f"{DAG}/hold", json={"reason": "audit", "until": "2001-01-01T00:00:00Z"})

        assert (refused.status_code, refused.json()["detail"]["reason"]) == (422, "hold_ends_in_past")

    def test_of_many_dags_are_set_and_lifted_together(self, api, bad):
        bad.commit("sha3", invoices=dag_file("invoices"))
        both = {"dag_ids": ["orders", "invoices"], "reason": "audit"}

        held = api().post(f"{PINNING}/holds", json=both).json()["dags"]
        lifted = api().post(f"{PINNING}/holds/lift", json=both).json()["dags"]

        assert [(state["dag_id"], state["hold"]["reason"]) for state in held] == [
            ("invoices", "audit"),
            ("orders", "audit"),
        ]
        assert [state["hold"] for state in lifted] == [None, None]

    def test_need_the_permission_to_edit_each_dag(self, api, bad, monkeypatch, airflow_app):
        bad.commit("sha3", invoices=dag_file("invoices"))
        manager = type(airflow_app.state.auth_manager)
        monkeypatch.setattr(
            manager, "get_authorized_dag_ids", lambda self, *, user, method="GET", session=None: {"orders"}
        )

        refused = api("op").post(f"{PINNING}/holds", json={"dag_ids": ["orders", "invoices"], "reason": "audit"})

        assert (refused.status_code, refused.json()["detail"]["reason"]) == (403, "forbidden")
        assert "invoices" in refused.json()["detail"]["message"]
        assert bad.pin_state("orders").hold is None

    @pytest.mark.parametrize("dag_id", ["orders", "not_there"])
    def test_do_not_tell_who_may_not_edit_a_dag_whether_it_is_there(self, dag_id, api):
        refused = api("viewer").post(f"{PINNING}/holds", json={"dag_ids": [dag_id], "reason": "audit"})

        assert (refused.status_code, refused.json()["detail"]["reason"]) == (403, "forbidden")
        assert dag_id in refused.json()["detail"]["message"]
