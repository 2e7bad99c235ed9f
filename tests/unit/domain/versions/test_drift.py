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
"""The drift predicate: one in SQL and one in Python, which agree."""

from __future__ import annotations

from itertools import product
from types import SimpleNamespace

import pytest
from airflow.models.dag_version import DagVersion
from sqlalchemy import String, literal, select, update

from airflow_providers_pinning.domain.errors import PinUnavailableError
from airflow_providers_pinning.domain.monitoring.pin_list import PinFilter, list_pins
from airflow_providers_pinning.domain.monitoring.release_state import release_state
from airflow_providers_pinning.domain.resolution.locked_pin import lock_active_pin
from airflow_providers_pinning.domain.versions.drift import CONTENT, has_drifted, has_drifted_condition
from airflow_providers_pinning.models import Pin
from tests.support.sources import dag_file

VALUES = (None, "old", "new")


def content(which, value):
    return SimpleNamespace(**{**dict.fromkeys(CONTENT, "same"), which: value})


def in_sql(source):
    return SimpleNamespace(**{name: literal(value, String) for name, value in vars(source).items()})


@pytest.mark.parametrize(("which", "recorded", "present"), product(CONTENT, VALUES, VALUES))
def test_sql_and_python_agree_also_on_missing_values(session, which, recorded, present):
    one, other = content(which, recorded), content(which, present)
    there = in_sql(other)

    found = session.scalar(select(has_drifted_condition(in_sql(one), there, there.dag_hash)))

    assert (bool(found), found is None) == (has_drifted(one, other), False)
    assert has_drifted(one, other) == (recorded != present)


@pytest.mark.parametrize("which", CONTENT)
@pytest.mark.parametrize("value", [None, "other"])
def test_a_pin_that_is_not_honored_is_not_healthy_either(lab, which, value):
    lab.commit("sha1", orders=dag_file("orders"))
    lab.pin("orders", 1)
    lab.session.execute(update(Pin).values({which: value}))
    lab.session.commit()

    assert DagVersion.get_latest_version("orders", session=lab.session) is None
    with pytest.raises(PinUnavailableError):
        lock_active_pin("orders", session=lab.session)
    lab.session.rollback()

    health = release_state("orders", session=lab.session).health
    assert "version_drifted" in [problem.reason for problem in health.problems]
    _, unhealthy = list_pins(PinFilter(unhealthy=True), limit=10, offset=0, session=lab.session)
    assert unhealthy == 1
