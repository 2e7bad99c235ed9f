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
"""What Airflow finds of the provider, and what Dag authors import."""

from __future__ import annotations

import ast
import json
from importlib.resources import files
from pathlib import Path

import jsonschema
import pytest
import yaml
from airflow.providers_manager import ProvidersManager
from airflow.sdk._shared.module_loading import import_string

import airflow_providers_pinning
from airflow_providers_pinning.client.address import EXTRAS
from airflow_providers_pinning.get_provider_info import get_provider_info

PACKAGE = Path(airflow_providers_pinning.__file__).parent
YAML = yaml.safe_load((PACKAGE.parent / "provider.yaml").read_text())
AUTHORS = ("hooks", "operators", "sensors", "triggers", "notifications", "windows")


def schema(name):
    return json.loads(files("airflow").joinpath(name).read_text())


def test_description_is_valid_and_the_generated_module_its_copy():
    jsonschema.validate(YAML, schema("provider.yaml.schema.json"))
    known = schema("provider_info.schema.json")
    jsonschema.validate(get_provider_info(), known)
    assert get_provider_info() == {key: value for key, value in YAML.items() if key in known["properties"]}
    assert YAML["versions"][0] == airflow_providers_pinning.__version__


def test_every_class_and_module_that_is_named_can_be_imported():
    for kind in ("operators", "sensors", "triggers", "hooks"):
        for module in (name for entry in YAML[kind] for name in entry["python-modules"]):
            assert ast.parse((PACKAGE.parent / f"{module.replace('.', '/')}.py").read_text())
            __import__(module)
    for name in (*YAML["notifications"], *YAML["extra-links"], YAML["connection-types"][0]["hook-class-name"]):
        assert import_string(name)


def test_every_module_with_such_a_class_is_named():
    named = {
        name
        for kind in ("operators", "sensors", "triggers", "hooks")
        for e in YAML[kind]
        for name in e["python-modules"]
    }
    helpers = {
        *("base", "links", "__init__"),
        *("address", "changes", "comparison", "endpoints", "reads", "soak", "task_source", "tls", "tokens"),
    }
    for kind in ("operators", "sensors", "triggers", "hooks"):
        for path in (PACKAGE / kind).glob("*.py"):
            module = f"airflow_providers_pinning.{kind}.{path.stem}"
            assert module in named or path.stem in helpers, module


def test_connection_form_has_the_extras_that_are_read():
    assert set(YAML["connection-types"][0]["conn-fields"]) == EXTRAS
    manager = ProvidersManager()
    assert {name for name in manager.connection_form_widgets if name.startswith("extra__pinning__")} == {
        f"extra__pinning__{name}" for name in EXTRAS
    }
    assert manager.field_behaviours["pinning"]["relabeling"]["host"] == "API server"


@pytest.mark.parametrize(
    "path", [p for kind in AUTHORS for p in sorted((PACKAGE / kind).rglob("*.py"))], ids=lambda p: p.name
)
def test_what_dag_authors_import_knows_neither_the_database_nor_the_control_plane(path):
    forbidden = ("sqlalchemy", "airflow.models", "airflow.settings", "airflow.utils.session", "fastapi")
    control_plane = ("api", "cli", "db_manager", "domain", "enforcement", "models", "plugins")
    for node in ast.walk(ast.parse(path.read_text())):
        names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        for name in names:
            assert not name.startswith(forbidden), name
            assert name.split(".")[:2] not in [["airflow_providers_pinning", part] for part in control_plane], name
