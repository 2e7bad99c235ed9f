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

from airflow_providers_pinning.client.replays import replays_as_markdown


def pair(**changes):
    return {
        "run_id": "canary__v2__1",
        "original_run_id": "scheduled__1",
        "state": "success",
        "original_state": "success",
        "seconds": 2.5,
        "original_seconds": 2,
        "differences": 0,
        "shown": [],
        "problem": None,
        **changes,
    }


def difference(**changes):
    shown = {"what": "xcom", "task_id": "load", "map_index": -1, "key": "rows", "original": "3", "replay": "4"}
    return {**shown, **changes}


def told(*pairs, total=None):
    return replays_as_markdown({"replays": list(pairs), "total_entries": total or len(pairs)})


def test_nothing_is_said_without_replays():
    assert told() == ""


def test_pairs_are_told_with_states_seconds_and_differences():
    differing = pair(state="failed", differences=2, shown=[difference(), difference(map_index=3, original=None)])
    assert told(differing, pair()).splitlines() == [
        "**Replays of live runs** (original → replay): 1 of 2 differs.",
        "",
        "- `scheduled__1`: success → failed, 2.0 s → 2.5 s; 2 outputs differ",
        "  - `load` XCom `rows`: `3` → `4`",
        "  - `load[3]` XCom `rows`: nothing → `4`",
        "- `scheduled__1`: success, 2.0 s → 2.5 s; 0 outputs differ",
    ]


def test_pairs_that_are_not_compared_say_why():
    gone = pair(differences=None, problem="The original is *gone*.", original_state=None, original_seconds=None)
    running = pair(differences=None, state=None, seconds=None, original_state=None)
    assert told(gone, running).splitlines()[0].endswith("none of 0 differs.")
    assert told(gone, running).splitlines()[2:] == [
        "- `scheduled__1`: success; not compared: The original is \\*gone\\*.",
        "- `scheduled__1`: not finished; not compared yet",
    ]


@pytest.mark.parametrize(
    ("what", "key", "name"), [("state", None, "state"), ("asset_event", "orders", "asset events `orders`")]
)
def test_outputs_have_names(what, key, name):
    assert f"`load` {name}: `3` → `4`" in told(pair(differences=1, shown=[difference(what=what, key=key)]))


def test_long_lists_are_cut_and_counted():
    many = pair(differences=200, shown=[difference() for _ in range(100)])
    assert told(many).splitlines()[-1] == "  - and 195 more"
    assert told(*[pair()] * 20, total=50).splitlines()[-1] == "- and 35 more"


def test_values_cannot_break_out_of_their_code_span():
    assert "→ `` `x` ``" in told(pair(differences=1, shown=[difference(replay="`x`")]))
