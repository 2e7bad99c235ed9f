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

from importlib.metadata import entry_points

import pytest

from airflow_providers_pinning.patch_points import AREAS
from tests.support.python import answer_of, run

OF_THE_TASK_RUNNER = {
    "airflow_providers_pinning.domain",
    "airflow_providers_pinning.domain.canaries",
    "airflow_providers_pinning.domain.canaries.run_ids",
    "airflow_providers_pinning.enforcement.canaries",
    "airflow_providers_pinning.enforcement.canaries.asking",
    "airflow_providers_pinning.enforcement.canaries.task_alerts",
    "airflow_providers_pinning.enforcement.canaries.task_process",
    "airflow_providers_pinning.vocabulary",
}
"""What its patches load, all of it light: Airflow imports the task runner to mask secrets of its configuration."""

PATCHED = """
from wrapt import FunctionWrapper
from airflow.models.dag_version import DagVersion
patched = isinstance(vars(DagVersion)["get_latest_version"], FunctionWrapper)
"""


def test_airflow_loads_the_enforcement_as_a_policy():
    [policy] = [entry for entry in entry_points(group="airflow.policy") if entry.name == "pinning"]

    assert policy.value == "airflow_providers_pinning.enforcement.bootstrap"


@pytest.fixture(scope="module")
def after_import_of_airflow():
    return answer_of(
        "import sys, airflow\n"
        "airflow.settings.initialize()\n"
        "before = sorted(sys.modules)\n"
        f"{PATCHED}\n"
        "answer = dict(before=before, patched=patched)"
    )


def test_models_are_patched_as_soon_as_they_are_imported(after_import_of_airflow):
    assert after_import_of_airflow["patched"]


def test_the_enforcement_is_there_before_any_model(after_import_of_airflow):
    assert "airflow_providers_pinning.enforcement.bootstrap" in after_import_of_airflow["before"]
    assert "airflow.models.dag_version" not in after_import_of_airflow["before"]


def test_no_process_pays_for_the_control_plane_before_it_uses_it(after_import_of_airflow):
    loaded = {
        name
        for name in after_import_of_airflow["before"]
        if name.startswith("airflow_providers_pinning") and not name.startswith("airflow_providers_pinning.vocabulary.")
    }

    assert loaded - {"airflow_providers_pinning.get_provider_info"} - OF_THE_TASK_RUNNER == {
        "airflow_providers_pinning",
        "airflow_providers_pinning.enforcement",
        "airflow_providers_pinning.enforcement.bootstrap",
        "airflow_providers_pinning.enforcement.call",
        "airflow_providers_pinning.enforcement.checking",
        "airflow_providers_pinning.enforcement.patching",
        "airflow_providers_pinning.patch_points",
        "airflow_providers_pinning.patch_points.point",
        *(area.__name__ for area in AREAS),
    }


def test_modules_that_are_imported_already_are_patched_in_place():
    patched = answer_of(
        "import airflow.models.dag_version\n"
        "import airflow_providers_pinning.enforcement.bootstrap\n"
        f"{PATCHED}\n"
        "answer = patched",
        _AIRFLOW__AS_LIBRARY="1",
    )

    assert patched


def test_modules_that_imported_a_patched_function_by_its_name_before_call_the_patch():
    """Another policy plugin may import models, and its entry point may be loaded first."""
    callers = answer_of(
        "import sys, types\n"
        "from airflow.models import taskinstance\n"
        "caller = sys.modules['caller'] = types.ModuleType('caller')\n"
        "exec('from airflow.models.taskinstance import clear_task_instances as clear', vars(caller))\n"
        "import airflow_providers_pinning.enforcement.bootstrap\n"
        "answer = [caller.clear is taskinstance.clear_task_instances, type(caller.clear).__name__]",
        _AIRFLOW__AS_LIBRARY="1",
    )

    assert callers == [True, "FunctionWrapper"]


def test_a_process_with_an_airflow_that_is_not_supported_does_not_run():
    done = run(
        "-c",
        "import importlib.metadata as metadata\n"
        "metadata.version = lambda distribution: '3.5.0'\n"
        "import airflow.models\n"
        "print('it runs')",
    )

    assert done.returncode != 0
    assert "it runs" not in done.stdout
    assert "enforces pins in Airflow 3.3 and 3.4, but Airflow 3.5.0 is installed" in done.stderr
