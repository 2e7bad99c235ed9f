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
"""The clock of the database beside this host's, as ``airflow pinning doctor`` compares them."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
import time_machine

from airflow_providers_pinning.cli.clock_checks import check_clocks


@pytest.mark.parametrize(("offset", "where"), [(60, "60 s ahead of"), (-60, "60 s behind")], ids=["ahead", "behind"])
def test_clock_of_this_host_that_is_off_is_told(session, offset, where):
    with time_machine.travel(datetime.now(timezone.utc) + timedelta(seconds=offset)):
        [found] = check_clocks()
    assert (found.status.value, found.found) == ("failure", f"this host's clock is {where} the database's")


def test_clocks_that_agree_are_in_order(session):
    assert [found.status.value for found in check_clocks()] == ["ok"]
