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
from airflow import settings

from airflow_providers_pinning.domain.changes.canary import CanaryRequest, create_canary_runs
from airflow_providers_pinning.domain.changes.pins import Target, pin_version
from airflow_providers_pinning.domain.errors import RevisionConflictError
from airflow_providers_pinning.models import Pin
from tests.support.remembered import remembered
from tests.support.statements import recorded


def canary(lab, **conditions):
    return create_canary_runs("orders", CanaryRequest(2), lab.change(**conditions), session=lab.session)


CHANGES = {
    "pin": lambda lab, **conditions: lab.pin("orders", 2, **conditions),
    "unpin": lambda lab, **conditions: lab.unpin("orders", **conditions),
    "rollback": lambda lab, **conditions: lab.roll_back("orders", to_version=2, **conditions),
    "candidate": lambda lab, **conditions: lab.candidate("orders", 2, **conditions),
    "reject": lambda lab, **conditions: lab.reject("orders", 2, **conditions),
    "restore": lambda lab, **conditions: lab.restore("orders", 2, **conditions),
    "canary": canary,
}


@pytest.fixture
@remembered
def pinned(lab):
    lab.pin_first_of_two()
    return lab


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
class TestEveryChange:
    def test_locks_the_dag_before_it_reads_anything(self, change, pinned, session):
        """Else the dag processor, a run or another change could get between what it reads and what it writes."""
        with recorded(session) as statements:
            change(pinned)

        selects = [statement for statement in statements if statement.startswith("SELECT")]
        gate = "pg_advisory_xact_lock" in selects[0]
        assert gate == (session.get_bind().dialect.name == "postgresql")
        assert selects[gate].endswith("FOR NO KEY UPDATE OF dag")

    def test_goes_by_the_pin_as_it_is_under_the_lock(self, change, pinned, session):
        """A command has read the pin before, to show it, and may have waited for the lock since."""
        seen = session.get(Pin, "orders")
        assert seen.revision == 1
        with settings.NonScopedSession() as elsewhere:
            pin_version("orders", Target(version_number=2), pinned.change(), session=elsewhere)
            elsewhere.commit()

        with pytest.raises(RevisionConflictError) as conflict:
            change(pinned, expected_revision=1)

        assert conflict.value.data["state"].revision == 2
