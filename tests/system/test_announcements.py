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
"""Changes reach the listeners of a plugin and the metrics, in an Airflow with real processes."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from demo.deployment import Deployment
from tests.support.sources import dag_file
from tests.support.statsd import Statsd, statsd

pytestmark = pytest.mark.system

PLUGIN = """
import json
import os
import time

from airflow.listeners import hookimpl
from airflow.plugins_manager import AirflowPlugin


class Hanging:
    @hookimpl
    def on_dag_version_event(self, event):
        if event.reason == "hang":
            time.sleep(3600)


class Raising:
    @hookimpl
    def on_dag_version_event(self, event):
        raise RuntimeError(f"no wish to know of {event}")


class Recorder:
    @hookimpl
    def on_dag_version_event(self, event):
        told = {"id": event.event_id, "kind": event.kind, "dag_id": event.dag_id, "actor": event.actor}
        with open(FILE, "a") as file:
            file.write(json.dumps({**told, "pid": os.getpid()}) + "\\n")


class Listening(AirflowPlugin):
    name = "listening"
    listeners = [Hanging(), Raising(), Recorder()]
"""


@dataclass
class Listened:
    """A deployment, and what it told."""

    deployment: Deployment
    statsd: Statsd
    told_file: Path

    def told(self) -> list[dict]:
        """Return what the listener was told, in order."""
        return [json.loads(line) for line in self.told_file.read_text().splitlines()] if self.told_file.exists() else []

    def pin(self, dag_id: str = "orders", **body):
        """Pin the first version of a Dag, and return the answer."""
        body = {"version_number": 1, "reason": "stable", **body}
        return self.deployment.pinning.request("PUT", f"/dags/{dag_id}/pin", json=body)

    def unpin(self, reason: str):
        """Unpin the Dag, and return the answer."""
        return self.deployment.pinning.request("DELETE", "/dags/orders/pin", reason=reason)

    def wait_until_told(self, count: int) -> list[dict]:
        """Wait until the listener was told of so many changes, and return them."""
        self.deployment.wait_until(lambda: len(self.told()) >= count, what=f"the listener is told of {count} change(s)")
        return self.told()


@pytest.fixture(scope="module")
def listened(tmp_path_factory):
    folder = tmp_path_factory.mktemp("plugins")
    told = folder.parent / "told.jsonl"
    (folder / "listening.py").write_text(f"FILE = {str(told)!r}\n{PLUGIN}")
    with statsd() as server:
        config = {
            "core": {"plugins_folder": folder},
            "metrics": {
                "statsd_on": True,
                "statsd_host": "127.0.0.1",
                "statsd_port": server.port,
                "statsd_influxdb_enabled": True,
            },
            "pinning": {"maintenance_interval": 1},
        }
        with Deployment(report=print, config=config) as deployment:
            deployment.repository.commit({"orders.py": dag_file("orders"), "invoices.py": dag_file("invoices")})
            deployment.start("api-server", "dag-processor")
            for dag_id in ("orders", "invoices"):
                deployment.wait_until(
                    lambda dag_id=dag_id: deployment.database.versions(dag_id), what=f"{dag_id} is there"
                )
            yield Listened(deployment, server, told)


def test_each_change_is_told_once_in_spite_of_a_listener_that_raises(listened):
    assert listened.pin().status_code == 200
    assert listened.pin("invoices").status_code == 200
    assert listened.unpin("done").status_code == 200

    told = listened.wait_until_told(3)

    assert [(event["kind"], event["dag_id"]) for event in told] == [
        ("pinned", "orders"),
        ("pinned", "invoices"),
        ("unpinned", "orders"),
    ]
    assert {event["actor"] for event in told} == {"admin"}
    assert listened.deployment.pinning.get("/dags/orders")["revision"] == 2


def test_changes_are_counted_and_pins_are_measured(listened):
    expected = {
        "pinning.pins": 1,
        "pinning.unhealthy_pins": 0,
        "pinning.failing_pins": 0,
        "pinning.pending_changes": 0,
        "pinning.pins_behind": 0,
        "pinning.versions_behind": 0,
        "pinning.max_versions_behind": 0,
        "pinning.escaped_runs": 0,
        "pinning.unenforced_components": 0,
    }
    listened.statsd.wait_until(lambda: listened.statsd.gauges() == expected, timeout=120)
    assert listened.statsd.counted() == [
        "pinning.changes,kind=pinned",
        "pinning.changes,kind=pinned",
        "pinning.changes,kind=unpinned",
    ]


def test_a_refused_change_is_not_told(listened):
    assert listened.pin(expected_revision=99).status_code == 409
    assert listened.pin(version_number=99).status_code == 404

    assert listened.pin().status_code == 200

    assert [event["kind"] for event in listened.wait_until_told(4)[3:]] == ["pinned"]


def test_a_listener_that_hangs_delays_neither_the_change_nor_other_listeners(listened):
    begun = time.monotonic()
    assert listened.unpin("hang").status_code == 200
    assert listened.pin().status_code == 200
    took = time.monotonic() - begun

    assert took < 60
    assert listened.wait_until_told(5)[4]["kind"] == "unpinned"


def test_what_a_command_changes_is_told_by_the_dag_processor(listened):
    listened.deployment.cli("dags", "delete", "--yes", "invoices")

    told = listened.wait_until_told(7)

    assert (told[6]["kind"], told[6]["dag_id"], told[6]["actor"]) == ("forgotten", "invoices", "airflow")
    assert told[6]["pid"] != told[0]["pid"]


def test_after_all_that_every_event_was_told_and_counted_once(listened):
    history = listened.deployment.database.rows("SELECT id, kind FROM pinning_event ORDER BY id")

    assert sorted((event["id"], event["kind"]) for event in listened.told()) == [(e["id"], e["kind"]) for e in history]
    assert listened.statsd.counted() == sorted(f"pinning.changes,kind={event['kind']}" for event in history)


def test_an_api_server_ends_in_spite_of_a_listener_that_hangs(listened):
    grace = 60.0
    begun = time.monotonic()
    listened.deployment.stop_component("api-server", grace=grace)

    assert time.monotonic() - begun < grace
