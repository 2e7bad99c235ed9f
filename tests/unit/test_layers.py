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
"""Imports point downwards only: faces and enforcement, domain, models."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.support.python import ROOT

PACKAGE = "airflow_providers_pinning"
AUTHORS = ("operators", "sensors", "triggers", "hooks", "notifications", "client")
"""What Dag authors import, and the HTTP client below it: talks HTTP, never opens a database session."""
ABOVE = ("api", "cli", "plugins", "ui", "schemas", "enforcement", *AUTHORS)
FORBIDDEN = {
    "patch_points": [f"{PACKAGE}.{layer}" for layer in ("models", "domain", *ABOVE)]
    + ["airflow", "sqlalchemy", "wrapt"],
    "models": [f"{PACKAGE}.{layer}" for layer in ("domain", *ABOVE)],
    "migrations": [f"{PACKAGE}.{layer}" for layer in ("domain", *ABOVE)],
    "domain": [f"{PACKAGE}.{layer}" for layer in ABOVE],
    "enforcement": [f"{PACKAGE}.{layer}" for layer in ABOVE if layer != "enforcement"],
    "listeners": [
        *(f"{PACKAGE}.{layer}" for layer in ("models", "domain", *ABOVE)),
        "airflow.models",
        "airflow.settings",
        "sqlalchemy",
    ],
    "api": [f"{PACKAGE}.{layer}" for layer in ("cli", "enforcement", *AUTHORS)],
    "cli": [f"{PACKAGE}.{layer}" for layer in ("api", *AUTHORS)],
    "schemas": [
        *(f"{PACKAGE}.{layer}" for layer in ("models", *ABOVE) if layer != "schemas"),
        "airflow.models",
        "airflow.settings",
        "sqlalchemy",
    ],
    **{
        layer: [
            *(f"{PACKAGE}.{below}" for below in ("api", "domain", "enforcement", "migrations", "models", "schemas")),
            "airflow.models",
            "airflow.settings",
            "airflow.utils.session",
            "sqlalchemy",
        ]
        for layer in AUTHORS
    },
}
"""What each layer must not import, anywhere."""


def modules(layer):
    return sorted((ROOT / PACKAGE / layer).rglob("*.py"))


def imports(path, *, when_loaded=False):
    """Return what a module imports, at all or while it is loaded; what is for type checkers only does not count."""
    tree = ast.parse(path.read_text())
    found = set()

    def visit(node):
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test):
                continue
            if when_loaded and isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)):
                continue
            if isinstance(child, ast.Import):
                found.update(alias.name for alias in child.names)
            elif isinstance(child, ast.ImportFrom) and child.module:
                found.add(child.module)
                found.update(f"{child.module}.{alias.name}" for alias in child.names)
            visit(child)

    visit(tree)
    return found


def within(name, roots):
    return any(name == root or name.startswith(f"{root}.") for root in roots)


CASES = [pytest.param(path, layer, id=f"{layer}/{path.name}") for layer in FORBIDDEN for path in modules(layer)]


@pytest.mark.parametrize(("path", "layer"), CASES)
def test_a_module_imports_nothing_from_above_it(path: Path, layer):
    assert [name for name in sorted(imports(path)) if within(name, FORBIDDEN[layer])] == []


@pytest.mark.parametrize("path", modules("enforcement"), ids=lambda path: path.name)
def test_the_enforcement_imports_no_airflow_while_it_is_loaded(path):
    """It is loaded in the middle of Airflow's own imports."""
    assert [name for name in sorted(imports(path, when_loaded=True)) if within(name, ["airflow"])] == []


@pytest.mark.parametrize("path", modules("client"), ids=lambda path: path.name)
def test_the_client_imports_nothing_that_is_made_from_it(path):
    above = [f"{PACKAGE}.{layer}" for layer in AUTHORS if layer != "client"]

    assert [name for name in sorted(imports(path)) if within(name, above)] == []


def test_only_the_enforcement_patches_airflow():
    patching = {
        path.relative_to(ROOT / PACKAGE).parts[0]
        for path in (ROOT / PACKAGE).rglob("*.py")
        if within("wrapt", imports(path)) or any(within(name, ["wrapt"]) for name in imports(path))
    }

    assert patching == {"enforcement"}


def test_every_module_of_the_enforcement_names_a_test_that_exists():
    for path in modules("enforcement"):
        named = re.findall(r"tests/\w+/[\w/]+\.py", path.read_text())
        assert [name for name in named if not (ROOT / name).exists()] == []
        if path.stem not in ("__init__", "bootstrap", "code_check", "retry_backoff"):
            assert named, f"{path.name} does not say which test shows it"


ENFORCEMENT_ROOMS = ("versions", "runs", "canaries", "scheduler", "dag_processor")
ENFORCEMENT_TOP = ("bootstrap", "call", "checking", "components", "missing_tables", "patching")


def test_the_enforcement_has_no_other_rooms():
    found = {path.stem for path in (ROOT / PACKAGE / "enforcement").iterdir() if not path.name.startswith("__")}

    assert found == {*ENFORCEMENT_TOP, *ENFORCEMENT_ROOMS}


@pytest.mark.parametrize("room", ENFORCEMENT_ROOMS)
def test_a_room_of_the_enforcement_imports_only_those_before_it(room):
    prefix = f"{PACKAGE}.enforcement."
    allowed = {*ENFORCEMENT_TOP, *ENFORCEMENT_ROOMS[: ENFORCEMENT_ROOMS.index(room) + 1]}
    for path in modules(f"enforcement/{room}"):
        rooms = {name.removeprefix(prefix).split(".")[0] for name in imports(path) if name.startswith(prefix)}
        assert rooms <= allowed


FOUNDATION = ("batches", "clocks", "errors", "json_limits", "locks", "ramp_steps", "sessions", "sight", "text", "tries")
"""Modules of the domain that every room may use."""
ROOMS = (
    "versions",
    "files",
    "history",
    "resolution",
    "dag_model",
    "canaries",
    "monitoring",
    "soak",
    "policies",
    "changes",
    "difference",
    "releases",
)
"""The rooms of the domain, in the order in which they may import each other: only what stands before them."""


def domain_imports(path):
    """Return the rooms and foundation modules of the domain that a module imports."""
    prefix = f"{PACKAGE}.domain."
    return {name.removeprefix(prefix).split(".")[0] for name in imports(path) if name.startswith(prefix)}


def test_the_domain_has_no_other_rooms():
    found = {path.stem for path in (ROOT / PACKAGE / "domain").iterdir() if not path.name.startswith("__")}

    assert found == {*FOUNDATION, *ROOMS}


@pytest.mark.parametrize(
    ("path", "room"),
    [
        pytest.param(path, room, id=f"{room}/{path.name}")
        for room in ROOMS
        for path in sorted((ROOT / PACKAGE / "domain" / room).rglob("*.py"))
    ],
)
def test_a_room_of_the_domain_imports_only_those_before_it(path, room):
    allowed = {*FOUNDATION, *ROOMS[: ROOMS.index(room) + 1]}

    assert domain_imports(path) <= allowed


@pytest.mark.parametrize("name", FOUNDATION)
def test_the_foundation_of_the_domain_imports_no_room(name):
    assert domain_imports(ROOT / PACKAGE / "domain" / f"{name}.py") <= set(FOUNDATION)


ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text()


def documented(section):
    """Return the rows of the table in a section of the page on the architecture, as lists of cells."""
    text = ARCHITECTURE.partition(f"## {section}\n")[2].partition("\n## ")[0]
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| ")]
    return rows[1:], text


def quoted(text):
    return re.findall(r"`(\w+)`", text)


@pytest.mark.parametrize(
    ("section", "rooms", "foundation"),
    [
        ("Rooms of the enforcement", ENFORCEMENT_ROOMS, ENFORCEMENT_TOP),
        ("Rooms of the domain", ROOMS, FOUNDATION),
    ],
)
def test_the_documentation_lists_the_rooms_in_their_order(section, rooms, foundation):
    rows, text = documented(section)

    assert tuple(quoted(row[0])[0] for row in rows) == rooms
    assert set(foundation) <= set(quoted(text))


def test_the_documentation_lists_each_package_in_one_layer():
    rows, _ = documented("Layers")
    listed = sorted(name for row in rows for name in quoted(row[1]))
    found = {
        path.stem
        for path in (ROOT / PACKAGE).iterdir()
        if (path.is_dir() or path.suffix == ".py") and not path.name.startswith("__")
    }

    assert listed == sorted(found - {"get_provider_info"})


def test_the_documentation_names_every_table():
    models = "\n".join(path.read_text() for path in modules("models"))

    assert set(re.findall(r'__tablename__ = "(\w+)"', models)) <= set(
        re.findall(r"\bpinning_\w+", documented("Tables")[1])
    )
