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
"""What ``docs/airflow-versions.md`` counts is what ``scripts/airflow_report.py`` finds."""

from __future__ import annotations

import pytest

from airflow_providers_pinning.patch_points import points_in
from tests.support.airflow_versions_page import comparisons

COMPARISONS = comparisons()
DECLARED = {point.name for point in points_in((3, 3))}


def test_the_page_compares_the_oldest_and_the_newest_release_with_the_supported_one():
    assert list(COMPARISONS) == [("3.3.0", "3.3.2"), ("3.3.2", "3.4.0b2")]


@pytest.mark.parametrize("told", COMPARISONS.values(), ids=lambda told: told.sentence)
def test_the_page_counts_the_places_that_are_declared(told):
    assert told.places == len({point.place for point in points_in((3, 3))})


@pytest.mark.parametrize("told", COMPARISONS.values(), ids=lambda told: told.sentence)
def test_each_place_that_the_page_counts_as_changed_has_a_row(told):
    assert told.changed == len(told.rows.keys() & DECLARED)


def test_a_row_that_is_not_declared_for_3_3_is_so_since_3_4():
    since = {point.name for point in points_in((3, 4))}

    assert {name for told in COMPARISONS.values() for name in told.rows} - DECLARED <= since
