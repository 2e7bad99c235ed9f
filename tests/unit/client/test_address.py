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
from airflow.sdk import Connection

from airflow_providers_pinning.client.address import ApiAddress


def address(extra=None, **fields) -> ApiAddress:
    return ApiAddress.of(Connection(conn_id="c", conn_type="pinning", **fields), extra or {})


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"host": "airflow"}, "http://airflow"),
        ({"host": "airflow", "port": 8080}, "http://airflow:8080"),
        ({"host": "airflow", "port": 8443, "schema": "https"}, "https://airflow:8443"),
        ({"host": "https://airflow.example.com/team-a/"}, "https://airflow.example.com/team-a"),
        ({"host": "http://airflow/team-a", "port": 8080}, "http://airflow:8080/team-a"),
        ({"host": "airflow:9000/team-a", "port": 8080}, "http://airflow:9000/team-a"),
        ({"host": "[::1]", "port": 8080}, "http://[::1]:8080"),
        ({"host": "https://alice:secret@airflow"}, "https://airflow"),
    ],
)
def test_base_url_is_put_together_from_host_port_and_schema(fields, expected):
    assert address(**fields).base_url == expected


@pytest.mark.parametrize("fields", [{}, {"host": " "}, {"host": "ftp://airflow"}, {"host": "airflow", "schema": "ssh"}])
def test_connection_without_http_address_is_refused_with_its_name(fields):
    with pytest.raises(ValueError, match="'c'"):
        address(**fields)


def test_uri_of_an_environment_variable_is_understood():
    connection = Connection(
        conn_id="c", uri="pinning://op:p%40ss@https%3A%2F%2Fairflow.example.com%2Fteam:8443/?verify=false&timeout=5"
    )
    read = ApiAddress.of(connection, connection.extra_dejson)
    assert (read.base_url, read.login, read.password) == ("https://airflow.example.com:8443/team", "op", "p@ss")
    assert (read.verify, read.timeout) == (False, 5.0)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, True),
        ("", True),
        (True, True),
        ("True", True),
        (False, False),
        ("no", False),
        ("/etc/ca.pem", "/etc/ca.pem"),
    ],
)
def test_verify_is_a_switch_or_a_path(value, expected):
    assert address({"verify": value}, host="a").verify == expected


@pytest.mark.parametrize(
    ("extra", "expected"),
    [
        ({"cert": "both.pem"}, "both.pem"),
        ({"cert": "c.pem", "key": "k.pem"}, ("c.pem", "k.pem")),
        ({"cert": ["c.pem", "k.pem"]}, ("c.pem", "k.pem")),
        ({"cert": "", "key": ""}, None),
    ],
)
def test_client_certificate_is_one_file_or_two(extra, expected):
    assert address(extra, host="a").cert == expected


def test_timeout_must_be_positive():
    with pytest.raises(ValueError, match="positive"):
        address({"timeout": 0}, host="a")


def test_secrets_are_not_in_the_representation():
    shown = repr(address({"token": "t0ken"}, host="a", login="op", password="passw0rd"))
    assert "t0ken" not in shown and "passw0rd" not in shown
