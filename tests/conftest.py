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
"""A database of Airflow for the tests, chosen before Airflow is imported."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.support.ending import pytest_configure  # noqa: F401

# How long an example takes depends on what else the machine does.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")

# What pytest makes of the modules of tests, by rewriting their assertions, takes as long as everything else that it
# imports. It is kept also where Python is told to write no bytecode. What tests write and import is not.
_WRITES_NO_BYTECODE = sys.dont_write_bytecode
sys.dont_write_bytecode = False

_HOME = Path(tempfile.mkdtemp(prefix="pinning-tests-"))
os.environ.update(
    AIRFLOW_HOME=str(_HOME),
    AIRFLOW__CORE__LOAD_EXAMPLES="False",
    AIRFLOW__CORE__UNIT_TEST_MODE="False",
    AIRFLOW__CORE__MIN_SERIALIZED_DAG_UPDATE_INTERVAL="0",
    AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS="False",
    AIRFLOW__DATABASE__SQL_ALCHEMY_CONN=os.environ.get(
        "PINNING_TEST_DATABASE", f"sqlite:///{_HOME}/airflow.db?timeout=60"
    ),
    AIRFLOW__API_AUTH__JWT_SECRET="0123456789abcdef" * 4,
    AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_STORAGE_PATH=str(_HOME / "bundles"),
    AIRFLOW__LOGGING__LOGGING_LEVEL="WARNING",
)


def pytest_collection_finish():
    sys.dont_write_bytecode = _WRITES_NO_BYTECODE


@pytest.fixture(autouse=True)
def bundles_as_configured():
    """Let each test configure bundles: Airflow 3.4 reads them once in a process."""
    manager = sys.modules.get("airflow.dag_processing.bundles.manager")
    if remembered := getattr(manager, "_load_bundle_config_snapshot", None):
        remembered.cache_clear()


def pytest_unconfigure(config):
    shutil.rmtree(_HOME, ignore_errors=True)
