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
"""
Who may do what under FAB's auth manager: asks every route as every role, and prints the answers as JSON.

Run in a process and a database of its own, since the auth manager is chosen when Airflow is imported.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from tests.support.routes import READS, RELEASE_ID, RULES, WRITES

ROLES = ("Admin", "Op", "User", "Viewer", "Public")
RELEASER = "Releaser"
"""A role that may edit Dags, and release them where that needs a permission of its own."""
RULER = "Maker of rules"
"""A role that may read Dags, and set release policies."""
ONE_DAG = "Keeper of orders"
"""A role that may read and edit the Dag ``orders`` and no other."""


def main() -> None:
    """Print ``{role: {route: status}}``, and which pins the keeper of one Dag sees."""
    from airflow import settings
    from airflow.api_fastapi.app import create_app
    from airflow.providers.fab.www.app import create_app as create_flask_app
    from airflow.utils import db
    from fastapi.testclient import TestClient

    from airflow_providers_pinning import conf
    from airflow_providers_pinning.api.sight import sight_of
    from tests.support.lab import Lab
    from tests.support.sources import dag_file

    db.initdb()
    app = create_app()
    with create_flask_app(enable_plugins=False).app_context():
        manager = app.state.auth_manager
        tokens = {
            role: manager.generate_jwt(add_user(manager.security_manager, role))
            for role in (*ROLES, ONE_DAG, RULER, RELEASER)
        }

    lab = Lab(Path(settings.AIRFLOW_HOME) / "commits", settings.NonScopedSession())
    lab.commit("sha1", orders=dag_file("orders"), invoices=dag_file("invoices"))
    lab.pin("orders", 1)
    lab.pin("invoices", 1)
    lab.commit("sha2", orders=dag_file("orders", tasks="one two"), invoices=dag_file("invoices", tasks="one two"))
    lab.candidate("orders", 2)
    lab.candidate("invoices", 2)
    lab.keep_release(RELEASE_ID, "orders")

    def ask(role: str, dag_id: str) -> dict[str, int]:
        client = TestClient(app, headers={"Authorization": f"Bearer {tokens[role]}"})
        return {
            str(route): client.request(route.method, route.url(dag_id), json=route.body).status_code
            for route in (*READS, *WRITES)
        }

    keeper = TestClient(app, headers={"Authorization": f"Bearer {tokens[ONE_DAG]}"})
    pins = keeper.get("/pinning/api/v1/pins").json()
    whole_feed = TestClient(app, headers={"Authorization": f"Bearer {tokens['Admin']}"})
    every = whole_feed.get("/pinning/api/v1/events").json()["events"]
    feed = keeper.get("/pinning/api/v1/events").json()["events"]
    single = {event["dag_id"]: keeper.get(f"/pinning/api/v1/events/{event['id']}").status_code for event in every}
    answers = {role: ask(role, "orders") for role in (*ROLES, ONE_DAG)}
    answers["sight"] = {}
    for role in (*ROLES, ONE_DAG):
        user = manager.deserialize_user({"sub": str(manager.security_manager.find_user(username=role).id)})
        for method in ("GET", "PUT"):
            sight = sight_of(user, method, session=lab.session)
            answers["sight"][f"{role} {method}"] = {
                "everything": sight.everything,
                "among": sorted(sight.among(["orders", "invoices", "not_there"])),
                "listed": sorted(manager.get_authorized_dag_ids(user=user, method=method)),
            }
    answers["nobody"] = {
        str(route): TestClient(app).request(route.method, route.url("orders"), json=route.body).status_code
        for route in (*READS, *WRITES)
    }
    answers["another Dag"] = ask(ONE_DAG, "invoices")
    answers["missing"] = {
        role: {
            str(route): TestClient(app, headers={"Authorization": f"Bearer {tokens[role]}"})
            .request(route.method, route.url("orders"), json=route.body)
            .json()["detail"]
            .get("missing")
            for route in (*READS, *WRITES)
            if answers[role][str(route)] == 403
        }
        for role in ("Viewer", "Public")
    }
    answers["rules"] = {
        role: {
            str(route): TestClient(app, headers={"Authorization": f"Bearer {tokens[role]}"})
            .request(route.method, route.url("orders"), json=route.body)
            .status_code
            for route in RULES
        }
        for role in (*ROLES, RULER)
    }
    os.environ["AIRFLOW__PINNING__RELEASE_PERMISSION"] = "True"
    conf.release_permission.cache_clear()
    answers["release"] = {
        role: TestClient(app, headers={"Authorization": f"Bearer {tokens[role]}"})
        .put("/pinning/api/v1/dags/invoices/pin", json={"version_number": 2, "reason": "because"})
        .status_code
        for role in ("User", RELEASER)
    }
    answers["feed"] = {
        "every": sorted({event["dag_id"] for event in every}),
        "kept": sorted({event["dag_id"] for event in feed}),
        "single": single,
    }
    answers["editable"] = {pin["dag_id"]: pin["editable"] for pin in pins["pins"]}
    answers["pins"] = [pin["dag_id"] for pin in pins["pins"]]
    print(f"\n{json.dumps(answers)}", file=sys.stderr)


def add_user(security_manager, role_name):
    """Create a user with one role, and the role if it is none of FAB's own."""
    own = {
        ONE_DAG: (
            ("can_read", "DAG:orders"),
            ("can_edit", "DAG:orders"),
            ("can_read", "DAG Versions"),
            ("can_read", "DAG Runs"),
            ("can_read", "Task Logs"),
            ("can_create", "DAG Runs"),
        ),
        RELEASER: (
            ("can_read", "DAGs"),
            ("can_edit", "DAGs"),
            ("can_read", "DAG Versions"),
            ("can_edit", "Releases"),
        ),
        RULER: (("can_read", "DAGs"), ("can_read", "DAG Versions"), ("can_edit", "Release Rules")),
    }
    if role_name in own:
        role = security_manager.add_role(role_name)
        for action, resource in own[role_name]:
            security_manager.add_permission_to_role(role, security_manager.create_permission(action, resource))
    else:
        role = security_manager.find_role(role_name)
    return security_manager.add_user(
        username=role_name,
        first_name=role_name,
        last_name=role_name,
        email=f"{role_name.replace(' ', '')}@example.com",
        role=role,
        password="secret",
    )


if __name__ == "__main__":
    main()
