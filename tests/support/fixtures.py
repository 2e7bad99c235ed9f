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
"""Fixtures that tests share, whichever database their folder chooses with its own fixture ``airflow_database``."""

from __future__ import annotations

import pytest


@pytest.fixture
def session(airflow_database):
    """Return a session on an empty database."""
    from airflow import settings

    from tests.support.database import empty

    session = settings.NonScopedSession()
    empty(session)
    yield session
    session.rollback()
    session.close()


@pytest.fixture
def lab(tmp_path, session):
    """Return a deployment to register Dags in."""
    from tests.support.lab import Lab

    return Lab(tmp_path, session)


@pytest.fixture
def scheduler(session):
    """Return a scheduler that creates the runs which are due."""
    from tests.support.scheduler import Scheduler

    return Scheduler(session)
