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
"""The environments with two Airflows, which `make upgrade-airflow` names."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items):
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.system)


def python_of(release):
    """Return the Python of the environment with a release of Airflow."""
    name = f"PINNING_PYTHON_{release.replace('.', '_')}"
    if not (path := os.environ.get(name)):
        pytest.fail(
            f"{name} is not set to the Python of an environment with Airflow {release}: run make upgrade-airflow"
        )
    script = "from importlib.metadata import version; print(version('apache-airflow-core'))"
    found = subprocess.run([path, "-c", script], capture_output=True, text=True, check=True).stdout.strip()
    assert found.startswith(f"{release}."), f"{name} has Airflow {found}"
    return path, found


@pytest.fixture(scope="session")
def airflow_33():
    """Return the Python with Airflow 3.3, and its version."""
    return python_of("3.3")


@pytest.fixture(scope="session")
def airflow_34():
    """Return the Python with Airflow 3.4, and its version."""
    return python_of("3.4")
