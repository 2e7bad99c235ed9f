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
import sys

import pytest
from wrapt import FunctionWrapper

from tests.support.stock import without_enforcement

PLACE = "clear_task_instances"
SOURCE = f"from airflow.models.taskinstance import {PLACE}\n"


@pytest.fixture
def module(tmp_path, monkeypatch):
    (tmp_path / "names_a_patched_function.py").write_text(SOURCE)
    monkeypatch.syspath_prepend(tmp_path)
    yield "names_a_patched_function"
    sys.modules.pop("names_a_patched_function", None)


def test_module_that_is_imported_without_the_enforcement_is_patched_afterwards(module):
    with without_enforcement(PLACE):
        function = getattr(__import__(module), PLACE)
        assert not isinstance(function, FunctionWrapper)

    assert isinstance(getattr(sys.modules[module], PLACE), FunctionWrapper)


def test_places_are_imported_before_any_is_put_back(monkeypatch):
    """A route that is first imported in between would be without its patch in all later tests."""
    from airflow.models import taskinstance

    from tests.support import stock

    route = "airflow.api_fastapi.core_api.routes.public.task_instances"
    monkeypatch.setattr(stock, "PLACES", (("airflow.models.taskinstance", PLACE), (route, PLACE)))
    monkeypatch.delitem(sys.modules, route, raising=False)
    before = taskinstance.clear_task_instances
    with without_enforcement():
        pass

    assert taskinstance.clear_task_instances is before
    assert getattr(sys.modules[route], PLACE) is before
