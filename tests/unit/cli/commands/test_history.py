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
"""Searching and exporting the history."""

import csv
import io
import json

import pytest

from airflow_providers_pinning.models import Commit
from tests.support.remembered import remembered
from tests.support.sources import dag_file


@pytest.fixture
@remembered
def history(lab):
    """Changes of two Dags."""
    lab.commit("sha1", orders=dag_file("orders"), invoices=dag_file("invoices"))
    lab.pin("orders", 1, reason="first release")
    lab.pin("invoices", 1, reason="=1+1")
    lab.commit("sha2", orders=dag_file("orders", tasks="extract load"))
    lab.pin("orders", 2, reason="second release")
    lab.roll_back("orders", reason="wrong totals", hold=True)
    return lab


def lines(done):
    return [json.loads(line) for line in done.out.splitlines()]


def test_without_a_dag_is_that_of_all_dags(pinning, history):
    found = lines(pinning("history", "-o", "jsonl"))

    assert [(event["dag_id"], event["kind"]) for event in found] == [
        ("orders", "held"),
        ("orders", "rolled_back"),
        ("orders", "pinned"),
        ("invoices", "pinned"),
        ("orders", "pinned"),
    ]


@pytest.mark.parametrize(
    ("options", "reasons"),
    [
        (("--kind", "rolled_back"), ["wrong totals"]),
        (("--kind", "rolled_back", "--kind", "held"), ["wrong totals"] * 2),
        (("--search", "RELEASE"), ["second release", "first release"]),
        (("--search", "%"), []),
        (("--actor", "alice", "--limit", 1), ["wrong totals"]),
        (("--actor", "nobody"), []),
        (("--since", "2999-01-01"), []),
        (("--until", "2001-01-01"), []),
    ],
)
def test_is_searched(options, reasons, pinning, history):
    found = lines(pinning("history", "orders", "-o", "jsonl", *options))

    assert [event["reason"] for event in found] == reasons


@pytest.fixture
def recorded(history):
    """Let the commit of version 2 be known, with a message that steers terminals and spreadsheets."""
    history.session.add(
        Commit(
            bundle_name=history.version("orders", 2).bundle_name,
            bundle_version="sha2",
            parents=[],
            author="=maria",
            message="Load\x1b[2J twice\n\nfor the auditors",
        )
    )
    history.session.commit()


@pytest.mark.usefixtures("recorded")
def test_tells_message_and_author_of_the_commits_that_are_recorded(pinning):
    shown = pinning("history", "orders", "--kind", "pinned", "-o", "wide").out
    entries = lines(pinning("history", "orders", "--kind", "pinned", "-o", "jsonl"))
    rows = list(csv.DictReader(io.StringIO(pinning("history", "orders", "--kind", "pinned", "-o", "csv").out)))

    assert "sha2 Load\\x1b[2J twice (=maria)" in shown
    assert [entry["commit"] and entry["commit"]["author"] for entry in entries] == ["=maria", None]
    assert [(row["commit"], row["commit_author"]) for row in rows] == [("sha2", "'=maria"), ("", "")]
    assert rows[0]["commit_message"].endswith("for the auditors")


def test_is_exported_as_csv_without_formulas(pinning, history):
    rows = list(csv.DictReader(io.StringIO(pinning("history", "-o", "csv").out)))

    assert [(row["dag_id"], row["from_version"], row["to_version"]) for row in rows][1] == ("orders", "2", "1")
    assert [row["reason"] for row in rows if row["dag_id"] == "invoices"] == ["'=1+1"]


def test_says_in_a_table_whose_changes_they_are(pinning, history):
    assert "invoices" in pinning("history").out
