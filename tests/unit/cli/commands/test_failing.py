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
"""What the command line says of a Dag that fails since it was pinned."""

from __future__ import annotations

import pytest
from airflow.api.common.trigger_dag import trigger_dag
from airflow.utils.types import DagRunTriggeredByType


@pytest.fixture(autouse=True)
def failing(orders):
    """Version 1 was pinned, then version 2, whose newest runs fail."""
    orders.pin("orders", 1)
    orders.pin("orders", 2, reason="Release of the week")
    for number in range(3):
        run = trigger_dag(
            "orders", run_id=f"run_{number}", triggered_by=DagRunTriggeredByType.REST_API, session=orders.session
        )
        run.state = "success" if number == 0 else "failed"
    orders.session.commit()
    return orders


def test_status_ends_with_a_code_of_its_own_and_says_how_to_go_on(pinning):
    done = pinning("status", "orders")

    assert done.code == 11
    [told] = [line for line in done.out.splitlines() if line.startswith("runs since the pin")]
    assert "2 failed of 3 - failing since the pin" in told
    assert done.err.splitlines() == [
        "The newest run since the pin failed.",
        "  Why:            airflow pinning failures orders",
        "  What changed:   airflow pinning compare orders --from-version 1",
        "  Go back:        airflow pinning rollback orders -r REASON",
        "  ... and repair: --unfinished cancel --finished rerun --only-failed",
    ]
    assert max(map(len, done.err.splitlines())) <= 80


def test_status_of_a_dag_whose_other_versions_are_rejected_offers_no_way_back(pinning, failing):
    for number in (1, 3):
        failing.reject("orders", number, reason="wrong as well")

    assert "rollback" not in pinning("status", "orders").err


def test_status_of_a_dag_whose_newest_run_succeeded_ends_well(pinning, failing):
    failing.runs("orders")[-1].state = "success"
    failing.session.commit()

    done = pinning("status", "orders")

    assert (done.code, done.err) == (0, "")


def test_list_finds_it_and_the_inbox_counts_it(pinning):
    assert [pin["dag_id"] for pin in pinning("list", "--failing", "-o", "json").json] == ["orders"]
    assert pinning("list", "--no-failing", "-o", "json").json == []
    assert pinning("inbox", "-o", "json").json["failing"] == 1


def test_rollback_says_how_many_runs_are_left_and_how_to_repair_them(pinning):
    done = pinning("rollback", "orders", "--reason", "wrong totals", "--dry-run")

    assert "Runs of version 2 since it was pinned: 2 failed, 1 success. They are kept." in done.err
    assert "To stop and rerun them: --unfinished cancel --finished rerun, and --only-failed if" in done.err
