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

import json
from importlib import import_module
from importlib.metadata import entry_points, version
from importlib.resources import files
from importlib.util import module_from_spec, spec_from_file_location

import jsonschema
import pytest
import yaml

from airflow_providers_pinning import __version__
from airflow_providers_pinning.get_provider_info import get_provider_info
from tests.support.python import ROOT, answer_of

PROVIDER = yaml.safe_load((ROOT / "provider.yaml").read_text())


def schema(name):
    return json.loads(files("airflow").joinpath(name).read_text())


def paths_in(value):
    """Find every dotted path into the package."""
    if isinstance(value, dict):
        return {path for item in value.values() for path in paths_in(item)}
    if isinstance(value, list):
        return {path for item in value for path in paths_in(item)}
    return {value} if isinstance(value, str) and value.startswith("airflow_providers_pinning.") else set()


def test_provider_yaml_is_what_airflow_describes():
    jsonschema.validate(PROVIDER, schema("provider.yaml.schema.json"))


def test_what_airflow_reads_at_run_time_is_what_it_describes():
    jsonschema.validate(get_provider_info(), schema("provider_info.schema.json"))


def test_what_airflow_reads_at_run_time_is_generated_from_provider_yaml():
    read = schema("provider_info.schema.json")["properties"]

    assert get_provider_info() == {key: value for key, value in PROVIDER.items() if key in read}


def test_the_generated_module_is_up_to_date():
    path = ROOT / "scripts" / "generate_provider_info.py"
    spec = spec_from_file_location("generate_provider_info", path)
    script = module_from_spec(spec)
    spec.loader.exec_module(script)

    assert script.TARGET.read_text() == script.render()


@pytest.mark.parametrize("path", sorted(paths_in(PROVIDER)))
def test_everything_that_is_named_is_there(path):
    try:
        import_module(path)
    except ModuleNotFoundError:
        module, name = path.rsplit(".", 1)
        assert hasattr(import_module(module), name)


def test_the_newest_version_is_the_packages():
    assert PROVIDER["versions"][0] == __version__ == version("airflow-providers-pinning")


@pytest.mark.parametrize(
    ("group", "name", "value"),
    [
        (
            "apache_airflow_provider",
            "provider_info",
            "airflow_providers_pinning.get_provider_info:get_provider_info",
        ),
        ("airflow.plugins", "pinning", "airflow_providers_pinning.plugins.pinning:PinningPlugin"),
        ("airflow.policy", "pinning", "airflow_providers_pinning.enforcement.bootstrap"),
    ],
)
def test_airflow_is_told_where_to_look(group, name, value):
    [found] = [
        entry
        for entry in entry_points(group=group)
        if entry.name == name and entry.dist.name == "airflow-providers-pinning"
    ]

    assert found.value == value


@pytest.mark.parametrize("option", sorted(PROVIDER["config"]["pinning"]["options"]))
class TestOption:
    def test_is_described(self, option):
        described = PROVIDER["config"]["pinning"]["options"][option]

        assert described["description"].strip().endswith(".")
        assert described["version_added"] in PROVIDER["versions"]

    def test_has_a_typed_accessor_with_the_same_default(self, option, monkeypatch):
        from airflow_providers_pinning import conf

        monkeypatch.delenv(f"AIRFLOW__PINNING__{option.upper()}", raising=False)
        accessor = getattr(conf, option)
        accessor.cache_clear()
        default = PROVIDER["config"]["pinning"]["options"][option]["default"]

        found = accessor()
        assert found == (default == "True" if isinstance(found, bool) else type(found)(default))


def test_importing_the_package_does_not_import_airflow():
    """It is loaded very early."""
    answer = answer_of("import airflow_providers_pinning, sys\nanswer = 'airflow' in sys.modules")

    assert answer is False


def test_airflow_lists_the_provider_and_the_plugin():
    from airflow import plugins_manager
    from airflow.providers_manager import ProvidersManager

    assert "airflow-providers-pinning" in ProvidersManager().providers
    plugins, errors = plugins_manager._get_plugins()
    assert "pinning" in {plugin.name for plugin in plugins}
    assert errors == {}
