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
"""The command line stands on the domain, beside the REST API and not on it."""

from __future__ import annotations

import pytest

from tests.unit.test_layers import PACKAGE, imports, modules, within

BESIDE = [f"{PACKAGE}.{layer}" for layer in ("api", "plugins", "ui", "operators", "sensors", "triggers", "hooks")]
EXAMINES = "process_checks.py"
"""Compares Airflow with what the enforcement was written for, as the doctor must."""


@pytest.mark.parametrize("path", modules("cli"), ids=lambda path: path.stem)
def test_a_module_of_the_command_line_imports_nothing_beside_or_above_it(path):
    forbidden = BESIDE if path.name == EXAMINES else [*BESIDE, f"{PACKAGE}.enforcement"]

    assert [name for name in sorted(imports(path)) if within(name, forbidden)] == []
