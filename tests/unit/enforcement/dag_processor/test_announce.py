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
from datetime import timedelta

from airflow._shared.timezones import timezone
from sqlalchemy import select, update

from airflow_providers_pinning.models import Event
from tests.support.python import run
from tests.support.sources import dag_file
from tests.support.statsd import statsd

PLUGIN = """
import json
import os

from airflow.listeners import hookimpl
from airflow.plugins_manager import AirflowPlugin
from airflow.sdk import Connection


class Recorder:
    @hookimpl
    def on_dag_version_event(self, event):
        host = Connection.get("pager").host
        with open(os.environ["TOLD"], "a") as told:
            told.write(json.dumps([event.event_id, event.kind, event.dag_id, host]) + "\\n")


class RecorderPlugin(AirflowPlugin):
    name = "recorder"
    listeners = [Recorder()]
"""


def test_a_process_of_its_own_tells_listeners_of_plugins_and_counts(lab, session, tmp_path):
    plugins = tmp_path / "plugins"
    plugins.mkdir()
    (plugins / "recorder.py").write_text(PLUGIN)
    lab.commit("sha1", orders=dag_file("orders"))
    lab.pin("orders", 1)
    lab.unpin("orders")
    session.execute(update(Event).values(created_at=timezone.utcnow() - timedelta(minutes=1)))
    session.commit()
    pinned, unpinned = session.scalars(select(Event.id).order_by(Event.id))

    with statsd() as server:
        done = run(
            "-m",
            "airflow_providers_pinning.enforcement.dag_processor.announce",
            AIRFLOW__CORE__PLUGINS_FOLDER=str(plugins),
            AIRFLOW_CONN_PAGER='{"conn_type": "http", "host": "pager.example.com"}',
            TOLD=str(tmp_path / "told"),
            _AIRFLOW_PROCESS_CONTEXT="server",
            **server.configuration,
        )

        assert done.returncode == 0, done.stderr
        assert server.counted() == ["pinning.changes,kind=pinned", "pinning.changes,kind=unpinned"]
    assert [json.loads(line) for line in (tmp_path / "told").read_text().splitlines()] == [
        [pinned, "pinned", "orders", "pager.example.com"],
        [unpinned, "unpinned", "orders", "pager.example.com"],
    ]
    session.rollback()
    assert None not in session.scalars(select(Event.announced_at)).all()
