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
import runpy

import pytest

from airflow_providers_pinning.domain.history.announcer import Announcer
from tests.support.listening import listening
from tests.support.python import ROOT
from tests.support.remembered import remembered
from tests.support.smtp import smtp
from tests.support.sources import dag_file


@pytest.fixture
@remembered
def orders(lab):
    """Return a deployment that announces what is committed in this process."""
    lab.commit("sha1", orders=dag_file("orders"))
    return lab


@pytest.fixture
def example():
    """Return a function that gives the listeners of an example plugin."""
    return lambda module, plugin: runpy.run_path(str(ROOT / "example_plugins" / module))[plugin].listeners


def announce(orders, listeners):
    """Pin, reject and unpin, and announce that."""
    announcer = Announcer()
    announcer.begin()
    with listening(*listeners):
        orders.pin("orders", 1)
        orders.commit("sha2", orders=dag_file("orders", tasks="two"))
        orders.candidate("orders", 2)
        orders.unpin("orders")
        announcer.end()


def test_mails_are_sent_of_what_became_active(orders, example, monkeypatch):
    with smtp() as (port, mails):
        extra = {"disable_ssl": True, "disable_tls": True}
        connection = {"conn_type": "smtp", "host": "127.0.0.1", "port": port, "extra": extra}
        monkeypatch.setenv("AIRFLOW_CONN_SMTP_DEFAULT", json.dumps(connection))
        announce(orders, example("mail_changes.py", "MailChanges"))

    assert [mail["Subject"] for mail in mails] == ["orders: pinned", "orders: unpinned"]
    [text] = [part.get_payload(decode=True).decode() for part in mails[1].walk() if not part.is_multipart()]
    assert text == "alice changed orders from version 1 to 2: because"


def test_every_change_is_logged(orders, example, caplog):
    announce(orders, example("log_changes.py", "LogChanges"))

    assert [record.getMessage() for record in caplog.records if record.name == "audit"] == [
        "orders: pinned by alice: because",
        "orders: candidate by alice: because",
        "orders: unpinned by alice: because",
    ]
