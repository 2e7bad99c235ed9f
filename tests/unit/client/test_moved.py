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
"""What Dag authors imported from the hooks before there was a client."""

from __future__ import annotations

import importlib
import sys

import pytest
from airflow.exceptions import AirflowProviderDeprecationWarning


@pytest.mark.parametrize(
    ("module", "name"),
    [("soak", "SoakCriteria"), ("soak", "RunKind"), ("comparison", "as_markdown"), ("task_source", "TaskSource")],
)
def test_a_former_import_is_the_same_object_with_a_warning(module, name):
    sys.modules.pop(f"airflow_providers_pinning.hooks.{module}", None)

    with pytest.warns(AirflowProviderDeprecationWarning, match=f"providers_pinning.client.{module}"):
        former = importlib.import_module(f"airflow_providers_pinning.hooks.{module}")

    present = importlib.import_module(f"airflow_providers_pinning.client.{module}")
    assert getattr(former, name) is getattr(present, name)
