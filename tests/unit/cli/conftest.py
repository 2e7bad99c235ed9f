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

from tests.support.cli import Cli
from tests.support.remembered import remembered
from tests.support.sources import dag_file


@pytest.fixture
def pinning(session, capsys, monkeypatch):
    """Return ``airflow pinning``, to be called with arguments."""
    return Cli(capsys, monkeypatch)


@pytest.fixture
@remembered
def orders(lab):
    """Register three versions of the Dag orders."""
    lab.commit("sha1", orders=dag_file("orders"))
    lab.candidate("orders", 1)
    lab.commit("sha2", orders=dag_file("orders", tasks="extract load"))
    lab.candidate("orders", 2)
    lab.commit("sha3", orders=dag_file("orders", tasks="extract load report", arguments="schedule='@daily'"))
    return lab
