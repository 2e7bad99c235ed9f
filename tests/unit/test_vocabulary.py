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
"""What stands in the vocabulary stands nowhere else."""

from __future__ import annotations

import ast
import re
import sys
from collections import Counter

from airflow_providers_pinning import vocabulary
from tests.support.python import ROOT
from tests.unit.test_layers import PACKAGE, imports, within

VOCABULARY = sorted((ROOT / PACKAGE / "vocabulary").glob("*.py"))


def declared(path):
    """Return the names of the classes and constants that a module declares."""
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Assign):
            yield from (target.id for target in node.targets if isinstance(target, ast.Name))
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node.target.id


def is_enum(node):
    return isinstance(node, ast.ClassDef) and any("Enum" in ast.dump(base) for base in node.bases)


def test_it_needs_nothing_but_the_standard_library():
    own = f"{PACKAGE}.vocabulary"
    brought = {name for path in VOCABULARY for name in imports(path) if not within(name, [own])}

    assert {name.split(".")[0] for name in brought} <= sys.stdlib_module_names


def test_all_of_it_is_imported_from_one_place():
    """Whichever module declares a word, so that it can move."""
    deep = {
        f"{path.relative_to(ROOT)}: {name}"
        for path in (ROOT / PACKAGE).rglob("*.py")
        if path not in VOCABULARY
        for name in imports(path)
        if name.startswith(f"{PACKAGE}.vocabulary.") and name.rpartition(".")[2] in {path.stem for path in VOCABULARY}
    }

    assert {name for path in VOCABULARY for name in declared(path)} <= set(vars(vocabulary))
    assert deep == set()


def test_limits_of_the_user_interface_are_those_of_the_vocabulary():
    own = (ROOT / PACKAGE / "ui/src/lib/limits.ts").read_text()
    limits = re.findall(r"^export const (\w+) = (\d+);$", own, re.MULTILINE)

    assert limits
    assert {name: int(value) for name, value in limits} == {name: getattr(vocabulary, name) for name, _ in limits}


def test_columns_of_the_history_are_the_same_in_every_export():
    own = (ROOT / PACKAGE / "ui/src/lib/exports.ts").read_text()
    columns = own.partition("const COLUMNS = [")[2].partition("]")[0]

    assert tuple(re.findall(r'"(\w+)"', columns)) == vocabulary.EVENT_COLUMNS


def test_its_words_and_limits_are_declared_nowhere_else():
    own = {name for path in VOCABULARY for name in declared(path)}
    again = {
        f"{path.relative_to(ROOT)}: {name}"
        for path in (ROOT / PACKAGE).rglob("*.py")
        if path not in VOCABULARY
        for name in declared(path)
        if name in own
    }

    assert {"REFUSALS", "MAX_REASON", "Verdict"} <= own
    assert again == set()


def test_no_enum_is_declared_twice():
    enums = Counter(
        node.name
        for path in (ROOT / PACKAGE).rglob("*.py")
        for node in ast.parse(path.read_text()).body
        if is_enum(node)
    )

    assert enums["Verdict"] == 1
    assert [name for name, times in enums.items() if times > 1] == []
