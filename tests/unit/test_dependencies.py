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
"""Whatever the package imports is installed with it."""

from __future__ import annotations

import ast
import sys
from functools import cache
from importlib.metadata import packages_distributions

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.support.python import ROOT

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PACKAGE = ROOT / "airflow_providers_pinning"
PROVIDERS = "airflow.providers."


def declared():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = [requirement for listed in project["optional-dependencies"].values() for requirement in listed]
    return [Requirement(text) for text in (*project["dependencies"], *extras)]


def imported():
    """Return the modules that are imported at run time, which is not for type checkers only."""
    found = set()

    def visit(node):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            return
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module)
        for child in ast.iter_child_nodes(node):
            visit(child)

    for path in PACKAGE.rglob("*.py"):
        visit(ast.parse(path.read_text()))
    return found


def top(module):
    """Return what is installed on its own: the first name, and for a provider of Airflow its whole path."""
    return module if module.startswith(PROVIDERS) else module.split(".")[0]


THIRD_PARTY = sorted({top(module) for module in imported()} - set(sys.stdlib_module_names) - {PACKAGE.name})


# Each call reads the files of everything that is installed.
packages_distributions = cache(packages_distributions)


def distributions(module):
    if module == "airflow":
        return {"apache-airflow"}
    if not module.startswith(PROVIDERS):
        return {canonicalize_name(name) for name in packages_distributions()[module]}
    parts = module.removeprefix(PROVIDERS).split(".")
    return {f"apache-airflow-providers-{'-'.join(parts[:length])}" for length in range(1, len(parts) + 1)}


@pytest.mark.parametrize("module", THIRD_PARTY)
def test_what_is_imported_is_declared(module):
    assert distributions(module) & {canonicalize_name(requirement.name) for requirement in declared()}


def test_nothing_else_is_declared():
    used = set().union(*map(distributions, THIRD_PARTY))

    assert {canonicalize_name(requirement.name) for requirement in declared()} <= used


@pytest.mark.parametrize("requirement", declared(), ids=lambda requirement: requirement.name)
def test_a_dependency_says_from_which_version_on(requirement):
    assert any(bound.operator == ">=" for bound in requirement.specifier)
