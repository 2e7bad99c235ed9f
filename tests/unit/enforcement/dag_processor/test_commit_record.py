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
"""What versions are made of is recorded in a process of its own, when something is due."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from airflow_providers_pinning.enforcement.dag_processor.maintenance import Upkeep
from airflow_providers_pinning.models import VersionFiles
from tests.support.dag_processor import Processor
from tests.support.lab import Lab
from tests.support.patience import PATIENCE
from tests.support.sources import dag_file


@pytest.fixture
def processor(tmp_path, session, monkeypatch):
    """Return a dag processor over a repository with a Dag."""
    processor = Processor(tmp_path, session, monkeypatch)
    processor.repository.commit(orders=dag_file("orders"))
    processor.parse()
    return processor


def test_it_starts_for_a_managed_dag_and_writes_what_it_finds(processor, session, tmp_path):
    Lab(tmp_path / "lab", session).pin("orders", 1)
    upkeep = Upkeep()
    upkeep._record_files([processor.bundle])
    assert upkeep._commit_record._process.wait(PATIENCE) == 0
    session.rollback()
    [files] = session.scalars(select(VersionFiles.files))
    assert set(files) == {"orders.py"}
    again = Upkeep()
    again._record_files([processor.bundle])
    assert again._commit_record._process is None


def test_it_does_not_start_for_dags_that_nothing_manages(processor):
    upkeep = Upkeep()
    upkeep._record_files([processor.bundle])
    assert upkeep._commit_record._process is None
