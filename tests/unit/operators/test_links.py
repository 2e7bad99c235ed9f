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
from airflow.providers_manager import ProvidersManager
from airflow.sdk import DAG
from airflow.serialization.serialized_objects import DagSerialization

from airflow_providers_pinning.operators.links import PinningTabLink
from airflow_providers_pinning.operators.pin import UnpinDagVersionOperator


def link(conn_id="pinning_default"):
    operator = UnpinDagVersionOperator(task_id="t", target_dag_id="a b", pinning_conn_id=conn_id)
    return PinningTabLink().get_link(operator, ti_key=None)


@pytest.mark.parametrize(
    ("extra", "base_url", "expected"),
    [
        ({}, "", "http://api-server:8080"),
        ({}, "https://airflow.example.com/team/", "https://airflow.example.com/team"),
        ({"ui_url": "https://other.example.com"}, "https://airflow.example.com", "https://other.example.com"),
    ],
)
def test_link_leads_to_the_tab_where_browsers_reach_it(connect, monkeypatch, extra, base_url, expected):
    connect("http://api-server:8080", extra=extra)
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", base_url)
    assert link() == f"{expected}/dags/a%20b/plugin/pinning"


@pytest.mark.parametrize(
    ("host", "extra", "expected"),
    [
        ("https://there.example.com", {}, "https://there.example.com"),
        ("http://there:8080", {"ui_url": "https://there.example.com"}, "https://there.example.com"),
        ("http://api-server:8080", {}, "https://here.example.com"),
        ("https://here.example.com:443", {}, "https://here.example.com"),
    ],
)
def test_link_of_another_connection_leads_to_the_airflow_that_it_names(connect, monkeypatch, host, extra, expected):
    connect(host, conn_id="releases", extra=extra)
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "https://here.example.com")
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTION_API_SERVER_URL", "http://api-server:8080/execution/")

    assert link("releases") == f"{expected}/dags/a%20b/plugin/pinning"


def test_link_is_registered_and_survives_serialization(monkeypatch):
    # Airflow keeps this switch for the whole process, and every scheduler that ran in it has turned it off.
    monkeypatch.setattr(DagSerialization, "_load_operator_extra_links", True)
    assert "airflow_providers_pinning.operators.links.PinningTabLink" in ProvidersManager().extra_links_class_names
    with DAG("d") as dag:
        UnpinDagVersionOperator(task_id="t", target_dag_id="orders")
    restored = DagSerialization.from_dict(DagSerialization.to_dict(dag)).get_task("t")
    assert restored.extra_links == ["Pinning"]
