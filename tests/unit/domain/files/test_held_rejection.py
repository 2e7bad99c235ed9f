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
"""A rejection holds for later versions that differ from the rejected one in nothing related to the Dag."""

from __future__ import annotations

import pytest

from airflow_providers_pinning.domain.changes import canary
from airflow_providers_pinning.domain.changes.canary import CanaryRequest
from airflow_providers_pinning.domain.errors import VersionRejectedError
from airflow_providers_pinning.domain.monitoring.version_list import list_versions
from tests.support.api import PINNING
from tests.support.sources import dag_file

VERSIONS = f"{PINNING}/dags/orders/versions"


@pytest.fixture
def rejected(processor, pins):
    """Reject version 2; the commit that makes version 3 of it changes another Dag."""
    processor.repository.commit(orders=dag_file("orders"), other=dag_file("other"))
    processor.parse()
    pins.pin("orders", 1)
    processor.repository.commit(orders=dag_file("orders", tasks="extract load"))
    processor.round()
    pins.reject("orders", 2, reason="loses orders")
    processor.repository.commit(other=dag_file("other", tasks="one two"))
    processor.round()
    assert pins.numbers("orders") == [1, 2, 3]
    return pins


def test_it_is_shown_on_the_later_version(rejected, api):
    newest, *_ = api("viewer").get(VERSIONS).json()["versions"]
    assert newest["rejection_held"] == {"version_number": 2, "reason": "loses orders"}
    assert newest["related_to_active"] is True
    assert (newest["commit"]["message"], newest["commit"]["author"]) == ("a change", "alice")
    state = api("viewer").get(f"{PINNING}/dags/orders").json()
    assert (state["versions_behind"], state["related_versions_behind"]) == (2, 1)
    [pin] = api("viewer").get(f"{PINNING}/pins").json()["pins"]
    assert (pin["versions_behind"], pin["related_versions_behind"]) == (2, 1)


@pytest.mark.parametrize("how", ["pin", "candidate", "canary"])
def test_the_later_version_is_refused(rejected, how):
    act = {
        "pin": lambda: rejected.pin("orders", 3),
        "candidate": lambda: rejected.candidate("orders"),
        "canary": lambda: canary.create_canary_runs(
            "orders", CanaryRequest(3), rejected.change(), session=rejected.session
        ),
    }[how]
    with pytest.raises(VersionRejectedError, match="has no related change since version 2") as refused:
        act()
    assert refused.value.data["rejected_version_number"] == 2


def test_who_overrides_it_says_why_and_may_return_later(rejected, processor):
    rejected.pin("orders", 3, override_reason="The numbers are right after all")
    rejected.pin("orders", 1)
    rejected.pin("orders", 3)
    assert rejected.pin_row("orders").version_number == 3


def test_it_ends_when_the_rejected_version_is_restored(rejected):
    rejected.restore("orders", 2)
    rejected.pin("orders", 3)


def test_it_does_not_hold_for_a_version_that_changes_something(rejected, processor):
    processor.repository.write("lib/fix.py", "x = 1\n")
    processor.repository.commit(orders="import lib.fix\n" + dag_file("orders", tasks="extract load"))
    processor.round()
    listed, _ = list_versions("orders", limit=1, offset=0, session=rejected.session)
    assert listed[0].rejection_held is None
    rejected.pin("orders", listed[0].identity.version_number)
