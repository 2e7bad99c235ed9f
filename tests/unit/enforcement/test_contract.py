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

from importlib import import_module
from types import ModuleType

import pytest
from wrapt import FunctionWrapper

from airflow_providers_pinning.domain.seams import SEAMS
from airflow_providers_pinning.enforcement import contract, scheduling_metadata, shared_assets
from airflow_providers_pinning.enforcement.contract import EnforcementError
from tests.support.python import ROOT

RELIED_ON = {
    *scheduling_metadata.RELIED_ON,
    *shared_assets.RELIED_ON,
    "DagFileProcessorManager._add_files_to_queue",
    "DBDagBag._read_dag",
    "_stop_remaining_tasks",
    "DagRun.get_queued_dag_runs_to_set_running",
    "SchedulerJobRunner._stamp_team_names",
    "DagVersion._latest_version_select",
    "SerializedDagModel.dag",
}
"""What is called or replaced, but not wrapped."""


def module_with(name, source):
    """Return a module of Airflow's name with other content."""
    module = ModuleType(name)
    exec(source, vars(module))
    return module


@pytest.mark.parametrize(("module", "name"), [seam[:2] for seam in SEAMS], ids=[seam[1] for seam in SEAMS])
def test_every_place_is_patched_where_airflow_uses_it(module, name):
    found = import_module(module)
    for part in name.split("."):
        found = vars(found)[part]

    assert isinstance(found, FunctionWrapper) != (name in RELIED_ON)


@pytest.mark.parametrize("name", [name for _, name, _ in SEAMS if name not in RELIED_ON])
def test_every_patched_function_stands_in_the_documentation(name):
    assert f"{name.rpartition('.')[2]}`" in (ROOT / "docs" / "enforcement.md").read_text()


class TestSignature:
    def test_that_is_as_expected_is_accepted(self):
        module = module_with(
            "airflow.api.common.delete_dag", "def delete_dag(dag_id, keep_records_in_log, *, session): 0"
        )

        contract.check_signature(module, "delete_dag")

    def test_of_a_class_method_is_checked(self):
        module = module_with(
            "airflow.models.dagcode",
            "class DagCode:\n    @classmethod\n    def update_source_code(cls, dag_id, fileloc, *, session): 0",
        )

        contract.check_signature(module, "DagCode.update_source_code")

    def test_of_a_static_method_is_checked(self):
        module = module_with(
            "airflow.models.dagbag",
            "class DBDagBag:\n    @staticmethod\n    def _version_from_dag_run(dag_run): 0",
        )

        with pytest.raises(EnforcementError, match=r"relies on .*\(dag_run, session\), but .* has \(dag_run\)"):
            contract.check_signature(module, "DBDagBag._version_from_dag_run")

    def test_of_a_property_is_checked(self):
        module = module_with(
            "airflow.models.serialized_dag",
            "class SerializedDagModel:\n    @property\n    def dag(self): 0",
        )

        contract.check_signature(module, "SerializedDagModel.dag")

    def test_with_another_parameter_is_refused(self):
        module = module_with("airflow.api.common.delete_dag", "def delete_dag(dag_id, force, *, session): 0")

        with pytest.raises(EnforcementError, match="force"):
            contract.check_signature(module, "delete_dag")

    def test_of_a_function_that_is_gone_is_refused(self):
        module = module_with("airflow.api.common.delete_dag", "")

        with pytest.raises(EnforcementError, match="no such function"):
            contract.check_signature(module, "delete_dag")

    def test_of_a_class_that_is_gone_is_refused(self):
        module = module_with("airflow.models.dagcode", "")

        with pytest.raises(EnforcementError, match="no such function"):
            contract.check_signature(module, "DagCode.update_source_code")


def test_a_function_with_another_signature_is_not_patched():
    module = module_with("airflow.api.common.delete_dag", "def delete_dag(dag_id): 0")
    stock = module.delete_dag

    with pytest.raises(EnforcementError, match="uninstall the provider"):
        contract.wrap(module, "delete_dag", lambda *args: None)

    assert module.delete_dag is stock


class TestAirflowVersion:
    def test_that_is_supported_is_accepted(self):
        contract.check_airflow_version()

    @pytest.mark.parametrize("version", ["3.2.2", "3.4.0", "4.0.0"])
    def test_that_is_not_supported_is_refused(self, version, monkeypatch):
        monkeypatch.setattr(contract, "version", lambda distribution: version)

        with pytest.raises(EnforcementError, match=rf"Airflow 3\.3, but Airflow {version} is installed"):
            contract.check_airflow_version()
