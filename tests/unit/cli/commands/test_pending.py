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

from datetime import datetime, timedelta, timezone

LATER = (datetime.now(timezone.utc) + timedelta(days=1)).isoformat()
WHY = ("--reason", "tested", "--yes")


def test_a_pin_for_later_is_shown_and_can_be_canceled(pinning, orders):
    done = pinning("pin", "orders", "-V", 1, *WHY, "--effective-from", LATER, "-o", "json")

    assert done.code == 0
    assert "New runs of Dag 'orders' keep using version 3" in done.err
    assert f"Runs due at {LATER} or later use version 1" in done.err
    assert done.json["pending"]["version"]["version_number"] == 1
    [listed] = pinning("pending", "-o", "json").json
    assert (listed["dag_id"], listed["action"]) == ("orders", "pin")
    assert "pin of version 1" in pinning("status", "orders").table["pending"]
    assert pinning("pin", "orders", "-V", 2, *WHY).code == 3

    assert pinning("cancel", "orders", *WHY).code == 0

    assert pinning("pending", "-o", "json").json == []
    assert pinning("cancel", "orders", *WHY).code == 3


def test_another_one_takes_its_place(pinning, orders):
    pinning("pin", "orders", "-V", 1, *WHY, "--effective-from", LATER)

    done = pinning("pin", "orders", "-V", 2, *WHY, "--supersede")

    assert done.code == 0
    assert "was canceled" in done.err


def test_a_rollback_for_later_repairs_no_runs(pinning, orders):
    done = pinning("rollback", "orders", *WHY, "--effective-from", LATER, "--finished", "rerun")

    assert done.code == 2


def test_a_time_that_is_over_is_a_mistake(pinning, orders):
    done = pinning("pin", "orders", "-V", 1, *WHY, "--effective-from", "2020-01-01T00:00:00+00:00")

    assert (done.code, "activation_in_past" in done.err) == (2, True)
