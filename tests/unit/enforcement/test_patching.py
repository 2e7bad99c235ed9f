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

import functools
import sys
from importlib import import_module, reload
from types import ModuleType

import pytest
from wrapt import FunctionWrapper

from airflow_providers_pinning.enforcement import checking, patching
from airflow_providers_pinning.enforcement.checking import EnforcementError
from airflow_providers_pinning.patch_points import POINTS, Change, Component, How, PatchPoint, points_in
from tests.support.python import ROOT, answer_of

FUNCTIONS = [point for point in POINTS if point.parameters]


def point_of(name, **changed):
    """Return the first declaration of a function of Airflow, with other values."""
    found = next(point for point in POINTS if point.name == name)
    return PatchPoint(**{**vars(found), **changed})


def module_with(name, source):
    """Return a module of Airflow's name with other content."""
    module = ModuleType(name)
    exec(source, vars(module))
    return module


class TestDeclaration:
    @pytest.mark.parametrize("point", FUNCTIONS, ids=lambda point: f"{point.name}-{point.patched_by}")
    def test_says_how_airflow_is_patched(self, point):
        found = import_module(point.module)
        for part in point.name.split("."):
            found = vars(found)[part]

        wrapped = isinstance(found, FunctionWrapper)
        assert wrapped == any(p.patched_by and p.how is not How.PROPERTY for p in POINTS if p.place == point.place)

    @pytest.mark.parametrize("point", FUNCTIONS, ids=lambda point: f"{point.name}-{point.patched_by}")
    def test_says_what_airflow_is(self, point):
        checking.check(point, import_module(point.module))

    @pytest.mark.parametrize("point", [point for point in POINTS if point.patched_by], ids=lambda p: p.patched_by)
    def test_of_a_patch_is_complete(self, point):
        assert callable(patching.patch_of(point))
        assert patching.patch_of(point).__doc__
        assert point.stock
        assert point.why
        assert (ROOT / point.shown_by).is_file()

    def test_of_each_patch_is_declared_once(self):
        patches = [(point.place, point.patched_by) for point in POINTS]

        assert len(set(patches)) == len(patches)

    def test_of_a_function_is_the_same_for_each_of_its_patches(self):
        for point in FUNCTIONS:
            assert {p.parameters for p in POINTS if p.place == point.place} == {point.parameters}

    def test_of_every_function_of_the_enforcement_that_takes_a_call(self):
        import ast

        enforcement = ROOT / "airflow_providers_pinning" / "enforcement"
        patches = {
            f"{'.'.join(path.relative_to(enforcement).with_suffix('').parts)}:{node.name}"
            for path in enforcement.rglob("*.py")
            for node in ast.parse(path.read_text()).body
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
            and not node.name.startswith("_")
            and [ast.unparse(argument.annotation) for argument in node.args.args if argument.annotation] == ["Call"]
        }

        points = [point for release in checking.SUPPORTED_AIRFLOW for point in points_in(release)]
        declared = {point.patched_by for point in points if point.patched_by and point.how is not How.MODULE}
        assert patches == declared

    def test_of_patches_of_one_function_has_the_innermost_first(self):
        """What a canary run publishes is withheld, whether its assets are active or not."""
        patches = [p.patched_by for p in POINTS if p.name == "TaskInstance.register_asset_changes_in_db"]

        assert patches == [
            "runs.displaced_assets:register_asset_changes_in_db",
            "canaries.asset_events:register_asset_changes_in_db",
        ]


class TestParameters:
    def test_that_are_as_expected_are_accepted(self):
        module = module_with(
            "airflow.api.common.delete_dag", "def delete_dag(dag_id, keep_records_in_log, *, session): 0"
        )

        checking.check_parameters(point_of("delete_dag"), module)

    def test_of_a_class_method_are_checked(self):
        module = module_with(
            "airflow.models.dagcode",
            "class DagCode:\n    @classmethod\n    def update_source_code(cls, dag_id, fileloc, *, session): 0",
        )

        point = point_of("DagCode.update_source_code", parameters=("cls", "dag_id", "fileloc", "session"))
        checking.check_parameters(point, module)

    def test_of_a_static_method_are_checked(self):
        module = module_with(
            "airflow.models.dagbag",
            "class DBDagBag:\n    @staticmethod\n    def _version_from_dag_run(dag_run): 0",
        )

        with pytest.raises(EnforcementError, match=r"relies on .*\(dag_run, session\), but .* has \(dag_run\)"):
            checking.check_parameters(point_of("DBDagBag._version_from_dag_run"), module)

    def test_of_a_property_are_checked(self):
        module = module_with(
            "airflow.models.serialized_dag",
            "class SerializedDagModel:\n    @property\n    def dag(self): 0",
        )

        checking.check_parameters(point_of("SerializedDagModel.dag"), module)

    def test_with_another_one_are_refused(self):
        module = module_with("airflow.api.common.delete_dag", "def delete_dag(dag_id, force, *, session): 0")

        with pytest.raises(EnforcementError, match="force"):
            checking.check(point_of("delete_dag"), module)

    def test_of_a_function_that_is_gone_are_refused(self):
        module = module_with("airflow.api.common.delete_dag", "")

        with pytest.raises(EnforcementError, match="no such function"):
            checking.check(point_of("delete_dag"), module)

    def test_of_a_class_that_is_gone_are_refused(self):
        module = module_with("airflow.models.dagcode", "")

        with pytest.raises(EnforcementError, match="no such function"):
            checking.check(point_of("DagCode.update_source_code"), module)


class TestAnswer:
    MODULE = "airflow.api.common.delete_dag"

    def test_of_a_function_that_returns_something_else_is_refused(self):
        module = module_with(self.MODULE, "def delete_dag(dag_id, keep_records_in_log, session) -> str: 0")
        point = point_of("delete_dag", returns="int", relies_on=())

        with pytest.raises(EnforcementError, match=r"relies on .*delete_dag returning int, but .* it returns str"):
            checking.check(point, module)

    def test_of_a_function_that_a_patch_would_lose_is_refused(self):
        module = module_with(self.MODULE, "def delete_dag(dag_id, keep_records_in_log, session) -> int: 0")

        def patch(call) -> None:
            call.proceed()

        with pytest.raises(EnforcementError, match=r"delete_dag returning nothing, but .* it returns int"):
            patching.install(point_of("delete_dag", relies_on=()), module, patch)

    def test_of_a_function_that_became_asynchronous_is_refused(self):
        module = module_with(self.MODULE, "async def delete_dag(dag_id, keep_records_in_log, session): 0")

        with pytest.raises(EnforcementError, match=r"delete_dag being synchronous, but .* it is asynchronous"):
            patching.install(point_of("delete_dag", relies_on=()), module, lambda call: call.proceed())


class TestChanges:
    POINT = point_of("delete_dag", changes=(Change(since=(3, 4), name="remove_dag", parameters=("dag_id",)),))

    def test_of_a_later_release_are_not_there_before(self):
        assert self.POINT.in_release((3, 3)).name == "delete_dag"

    @pytest.mark.parametrize("release", [(3, 4), (3, 5)])
    def test_are_there_from_their_release_on(self, release):
        point = self.POINT.in_release(release)

        assert (point.name, point.parameters) == ("remove_dag", ("dag_id",))
        assert (point.module, point.patched_by) == (self.POINT.module, self.POINT.patched_by)

    def test_declare_nothing_twice_in_any_supported_release(self):
        for release in checking.SUPPORTED_AIRFLOW:
            patches = [(point.place, point.patched_by) for point in points_in(release)]
            assert len(set(patches)) == len(patches)


class TestBody:
    POINT = point_of("delete_dag", relies_on=("models_for_deletion", "Log", "running"))

    @pytest.mark.parametrize(
        "body",
        [
            "models_for_deletion = [Log]; return 'running'",
            "return [models_for_deletion.Log for running in dag_id]",
            "return lambda models_for_deletion: Log(running=models_for_deletion)",
        ],
    )
    def test_with_what_a_patch_relies_on_is_accepted(self, body):
        module = module_with(
            "airflow.api.common.delete_dag", f"def delete_dag(dag_id, keep_records_in_log, session): {body}"
        )

        checking.check(self.POINT, module)

    def test_without_it_is_refused_by_name(self):
        module = module_with(
            "airflow.api.common.delete_dag", "def delete_dag(dag_id, keep_records_in_log, session): return Log"
        )

        with pytest.raises(EnforcementError, match=r"delete_dag using models_for_deletion, running, but"):
            checking.check(self.POINT, module)

    def test_is_looked_at_through_decorators(self):
        module = module_with(
            "airflow.api.common.delete_dag",
            "import functools\n"
            "def stock(dag_id, keep_records_in_log, session): return Log, models_for_deletion, 'running'\n"
            "delete_dag = functools.wraps(stock)(lambda *args: stock(*args))",
        )

        checking.check(self.POINT, module)


def test_a_function_with_other_parameters_is_not_patched():
    module = module_with("airflow.api.common.delete_dag", "def delete_dag(dag_id): 0")
    stock = module.delete_dag

    with pytest.raises(EnforcementError, match="uninstall the provider"):
        patching.install_on(module)

    assert module.delete_dag is stock


class TestInstalled:
    """Which patches are in place, in a module that stands in for one of Airflow's."""

    PARAMETERS = ("cls", "dag_id", "fileloc", "session")
    SOURCE = "class DagCode:\n    @classmethod\n    def update_source_code(cls, dag_id, fileloc, *, session): 0\n"

    @pytest.fixture
    def module(self, tmp_path, monkeypatch):
        (tmp_path / "stand_in.py").write_text(self.SOURCE)
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.setattr(patching, "_installed", {})
        yield import_module("stand_in")
        del sys.modules["stand_in"]

    @pytest.fixture
    def point(self, module, monkeypatch):
        point = point_of("DagCode.update_source_code", module="stand_in", parameters=self.PARAMETERS, relies_on=())
        monkeypatch.setattr(patching, "POINTS", (point,))
        return point

    @pytest.fixture
    def installed(self, point, module):
        patching.install(point, module, lambda call: call.proceed())
        return point

    def test_patch_is_in_place(self, installed):
        assert patching.missing_patches() == []

    def test_patch_of_a_module_that_was_imported_before_is_missing(self, point):
        assert patching.missing_patches() == [point]

    def test_patch_of_a_module_that_nothing_imported_is_not_missing(self, point, monkeypatch):
        monkeypatch.delitem(sys.modules, "stand_in")

        assert patching.missing_patches() == []
        sys.modules["stand_in"] = None

    def test_patch_that_a_component_needs_is_missing_until_its_module_is_imported(self, point, monkeypatch):
        monkeypatch.delitem(sys.modules, "stand_in")

        assert patching.missing_patches([point]) == [point]

    def test_patch_that_a_component_needs_is_missing_when_its_module_is_gone(self, monkeypatch):
        point = point_of("DagCode.update_source_code", module="gone_with_a_release", relies_on=())
        monkeypatch.setattr(patching, "POINTS", (point,))

        assert patching.missing_patches([point]) == [point]

    def test_patch_is_missing_when_its_module_was_reloaded(self, installed, module):
        reload(module)

        assert patching.missing_patches() == [installed]

    def test_patch_is_missing_when_another_function_replaced_it(self, installed, module):
        module.DagCode.update_source_code = lambda dag_id, fileloc, session: None

        assert patching.missing_patches() == [installed]

    def test_patch_is_missing_when_its_class_is_gone(self, installed, module):
        del module.DagCode

        assert patching.missing_patches() == [installed]

    def test_patch_that_another_one_wraps_is_in_place(self, installed, module):
        patching.install(
            point_of(
                "DagCode.update_source_code",
                module="stand_in",
                parameters=self.PARAMETERS,
                relies_on=(),
                patched_by="another",
            ),
            module,
            lambda call: call.proceed(),
        )

        assert patching.missing_patches() == []

    def test_patch_that_somebody_else_wraps_is_in_place(self, installed, module):
        ours = module.DagCode.update_source_code
        module.DagCode.update_source_code = functools.wraps(ours)(lambda *args, **kwargs: ours(*args, **kwargs))

        assert patching.missing_patches() == []

    def test_patch_that_is_missing_keeps_its_component_from_starting(self, point):
        with pytest.raises(EnforcementError, match=r"dag_processor .* stand_in\.DagCode\.update_source_code"):
            patching.require_patches(Component.DAG_PROCESSOR)

    def test_patch_that_a_component_does_not_need_does_not_keep_it_from_starting(self, point, monkeypatch):
        monkeypatch.delitem(sys.modules, "stand_in")

        patching.require_patches(Component.TRIGGERER)
        sys.modules["stand_in"] = None


@pytest.mark.parametrize("component", Component)
def test_every_patch_that_a_component_needs_is_in_place(component):
    missing = answer_of(
        "from airflow_providers_pinning.enforcement import patching\n"
        "from airflow_providers_pinning.patch_points import Component\n"
        "import airflow.settings; airflow.settings.initialize()\n"
        f"patching.require_patches(Component({component.value!r}))\n"
        "answer = [point.place for point in patching.missing_patches()]"
    )

    assert missing == []


class TestAirflowVersion:
    def test_that_is_supported_is_accepted(self):
        checking.check_airflow_version()

    @pytest.mark.parametrize("release", [(3, 3), (3, 4)])
    def test_of_either_kind_is_accepted(self, release, monkeypatch):
        monkeypatch.setattr(checking, "RELEASE", release)

        checking.check_airflow_version()

    @pytest.mark.parametrize("release", [(3, 2), (3, 5), (4, 0)])
    def test_that_is_not_supported_is_refused(self, release, monkeypatch):
        version = "{}.{}.2".format(*release)
        monkeypatch.setattr(checking, "RELEASE", release)
        monkeypatch.setattr(checking, "version", lambda distribution: version)

        with pytest.raises(EnforcementError, match=rf"Airflow 3\.3 and 3\.4, but Airflow {version} is installed"):
            checking.check_airflow_version()
