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
"""The table of ``docs/airflow-versions.md`` is what ``scripts/airflow_report.py`` prints of both environments."""

from __future__ import annotations

import subprocess
from pathlib import Path

from airflow_providers_pinning.patch_points import points_in
from scripts.airflow_report import changes_of, markdown, rows, summary
from scripts.airflow_source import Source
from tests.support.airflow_versions_page import ROW, cells, comparisons


def installed(python):
    """Return the source of the Airflow of an environment."""
    script = "from sysconfig import get_path; print(get_path('purelib'))"
    done = subprocess.run([python, "-c", script], capture_output=True, text=True, check=True)
    return Source.of(done.stdout.strip(), Path())


def test_the_page_says_what_changed_where_airflow_is_patched(airflow_33, airflow_34):
    old, new = installed(airflow_33[0]), installed(airflow_34[0])
    told = comparisons()[airflow_33[1], airflow_34[1]]

    changes = changes_of(points_in((3, 3)), old, new)

    printed = markdown(rows(changes, everything=False)).splitlines()
    found = {row[1]: cells(row[2]) for row in map(ROW.match, printed) if row}
    assert told.sentence == summary(changes, old, new)
    assert {name: told.rows.get(name) for name in found} == found
