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
Writes two databases into ``AIRFLOW_HOME``: ``story.db``, and ``crowd.db`` with traps and 10,000 pins more.

Run in a process whose environment names ``AIRFLOW_HOME``, ``airflow.db`` in it as the database, and FAB's auth
manager, so that the databases fit servers with either auth manager.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

USERS = {"admin": "Admin", "op": "Op", "viewer": "Onlooker", "stock_viewer": "Viewer", "blind_viewer": "Blind"}
"""Names and FAB roles of the users, whose passwords are ``secret``."""
CROWD = 10_000


def main() -> None:
    """Write the databases."""
    from airflow import settings
    from airflow.utils import db

    from tests.e2e import crowd, story, traps

    home = Path(os.environ["AIRFLOW_HOME"])
    db.initdb()
    _add_users()
    session = settings.NonScopedSession()
    story.tell(home / "commits", session)
    _copy(home / "airflow.db", home / "story.db")
    traps.set_traps(home / "traps", session)
    crowd.gather(CROWD, session)
    _copy(home / "airflow.db", home / "crowd.db")


def _copy(database: Path, copy: Path) -> None:
    # The file alone lacks what still stands in the write-ahead log.
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("VACUUM INTO ?", (str(copy),))


def _add_users() -> None:
    from airflow.providers.fab.www.app import create_app

    with create_app(enable_plugins=False).app_context() as context:
        security = context.app.appbuilder.sm
        onlooker = security.add_role("Onlooker")
        # FAB's Viewer may not know which plugins there are, and so has no tab.
        for permission in (
            *security.find_role("Viewer").permissions,
            security.create_permission("can_read", "Plugins"),
        ):
            security.add_permission_to_role(onlooker, permission)
        # Who sees the pages, and may read nothing of them.
        blind = security.add_role("Blind")
        for permission in onlooker.permissions:
            if permission.resource.name != "DAG Versions":
                security.add_permission_to_role(blind, permission)
        for name, role in USERS.items():
            security.add_user(
                username=name,
                first_name=name,
                last_name=name,
                email=f"{name}@example.com",
                role=security.find_role(role),
                password="secret",
            )


if __name__ == "__main__":
    main()
