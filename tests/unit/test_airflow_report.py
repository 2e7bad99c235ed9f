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
"""`scripts.airflow_report` tells what changed in Airflow where the enforcement patches it."""

from __future__ import annotations

import zipfile
from importlib.util import find_spec
from pathlib import Path

import pytest

from airflow_providers_pinning.patch_points import POINTS, PatchPoint
from scripts.airflow_compare import compare, compare_at
from scripts.airflow_report import changes_of, main, rows
from scripts.airflow_source import Source, SourceError

INSTALLED = Path(find_spec("airflow").origin).parents[1]
MODELS = "airflow.models.dag"
OTHER = "class Task:\n    def find(self): pass"


@pytest.fixture
def source(tmp_path):
    """Return what writes an Airflow of the given modules."""

    def written(name, **modules):
        root = tmp_path / name
        for module, text in {"models": "", **modules}.items():
            path = root.joinpath("airflow", *module.split("__")) / "__init__.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return Source(root)

    return written


@pytest.fixture
def change(source):
    """Return what compares two sources of a module."""

    def compared(old, new, name="find", words=(), **modules):
        before, after = source("old", models__dag=old), source("new", models__dag=new, **modules)
        return compare(MODELS, name, before, after, words)

    return compared


def test_what_is_the_same_did_not_change(change):
    assert not change("def find(a): return a", "def find(a): return a").changed


def test_comments_docstrings_and_layout_are_no_change(change):
    old = "class Dag:\n    def find(self):\n        '''Say.'''\n        # Why.\n        return (1)"
    new = "class Dag:\n\n    def find(self):\n        '''Say more.'''\n        return 1"

    assert not change(old, new, "Dag.find").changed


def test_docstrings_of_functions_in_a_function_are_no_change(change):
    text = "def find():\n    def inner():\n        {}\n        return 1\n    return inner"

    assert not change(text.format("'''One.'''"), text.format("'''Another.'''")).changed


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("a", "a, b", "+ `b`"),
        ("a, b", "a", "- `b`"),
        ("a, *, b", "a, *, c", "+ `c`, - `b`"),
        ("a, b", "b, a", "another order"),
        ("a: int", "a: str", "`a: int` → `a: str`"),
        ("a=None", "a=1", "`a = None` → `a = 1`"),
        ("a, b", "a, *, b", "`b` → `*, b`"),
        ("a, **more", "a", "- `more`"),
        ("*more", "*more: int", "`*more` → `*more: int`"),
    ],
)
def test_each_change_of_parameters_is_told(change, old, new, told):
    assert change(f"def find({old}): pass", f"def find({new}): pass").parameters == told


def test_a_function_that_now_returns_something_is_told(change):
    found = change("def find(a) -> None: pass", "def find(a) -> TaskInstance: pass")

    assert (found.parameters, found.returns, found.body) == ("", "`None` → `TaskInstance`", "")


def test_an_annotation_that_came_is_told(change):
    assert change("async def find(): pass", "async def find() -> int: pass").returns == "none given → `int`"


def test_a_body_is_told_with_how_much_changed_and_shown_on_request(change):
    found = change("def find(a):\n    b = a\n    return b", "def find(a):\n    return a")

    assert found.body == "+1 -2 of 3 lines"
    assert "-    b = a" in found.diff


def test_a_function_that_must_be_awaited_now_is_told(change):
    assert change("def find(): pass", "async def find(): pass").body == "now `async`; +1 -1 of 2 lines"
    assert change("async def find(): pass", "def find(): pass").body == "no longer `async`; +1 -1 of 2 lines"


def test_a_decorator_belongs_to_the_body(change):
    assert change("def find(): pass", "@provide_session\ndef find(): pass").body == "+1 -0 of 2 lines"


def test_a_name_that_a_patch_relies_on_and_that_is_gone_is_told(change):
    found = change("def find(): return self.dag_model", "def find(): return 1", words=("dag_model", "other"))

    assert found.body.endswith("no longer has `dag_model`")


def test_a_name_that_is_gone_is_told(change):
    assert change("def find(): pass", "").body == "gone"


def test_a_module_that_is_gone_is_told_with_where_the_function_is_now(source):
    found = compare(MODELS, "find", source("old", models__dag="def find(): pass"), source("new", other=OTHER))

    assert found.body == "moved to `airflow.other.Task.find`"


def test_functions_of_that_name_that_were_there_before_are_not_where_it_went(source):
    old, new = source("old", models__dag="def find(): pass", other=OTHER), source("new", other=OTHER)

    found = compare(MODELS, "find", old, new)

    assert found.body == "gone"


def test_a_name_that_is_new_is_told(change):
    assert change("", "def find(): pass").body == "new"


def test_a_name_that_is_in_neither_is_told(change):
    assert change("", "").body == "in neither"


def test_a_method_that_is_inherited_now_is_compared_where_it_went(change):
    text = "class Base:\n    {}\nclass Dag(Base):\n    {}"
    method = "def find(self): return 1"

    found = change(text.format("pass", method), text.format(method.replace("1", "2"), "pass"), "Dag.find")

    assert found.body == "moved to `airflow.models.dag.Base.find`; +1 -1 of 2 lines"


def test_a_name_that_the_module_imports_is_found(change):
    imported = "from airflow.other import search as find"

    found = change("def find(a): pass", imported, other="def search(a, b): pass")

    assert (found.parameters, found.body) == ("+ `b`", "moved to `airflow.other.search`; +1 -1 of 2 lines")


def test_the_members_of_a_class_that_changed_are_named(change):
    old = "class Dag:\n    kept = 1\n    gone = 1\n    other: int = 1"
    new = "class Dag:\n    kept = 1\n    other: int = 2\n    def came(self): pass"

    assert change(old, new, "Dag").body == "+ `came`, - `gone`, `other`"


def test_of_overloads_the_function_itself_is_compared(change):
    overload = "@overload\ndef find(a: int): ...\n"

    assert not change("def find(a): pass", f"{overload}def find(a): pass").changed


def test_what_is_defined_under_a_condition_is_found(change):
    assert change("if x:\n    def find(): pass\nelse:\n    y = 1", "def find(a): pass").parameters == "+ `a`"


def test_a_place_with_several_patches_stands_in_the_table_once(source):
    old, new = source("old", models__dag="def find(): pass"), source("new", models__dag="def find(a): pass")
    points = [PatchPoint(MODELS, "find", (), patch, stock="") for patch in ("one:find", "two:find", None)]

    assert rows(changes_of(points, old, new), everything=False) == [("find", "+ `a`", "", "", "one:find, two:find")]
    assert compare_at(points, old, old).changed is False


def test_every_place_is_found_in_the_airflow_that_is_installed():
    installed = Source(INSTALLED)

    assert [point.place for point in POINTS if not installed.find(point.module, point.name)] == []


def test_nothing_changed_from_an_airflow_to_itself(capsys):
    assert main([str(INSTALLED), str(INSTALLED)]) == 0

    from airflow import __version__

    places = len({point.place for point in POINTS})
    assert f"0 of {places} places changed from {__version__} to {__version__}." in " ".join(
        capsys.readouterr().out.split()
    )


def test_places_are_those_of_the_release_that_is_compared_from(source, capsys):
    old, new = source("old"), source("new")
    for root, version in ((old.root, "3.4.1"), (new.root, "3.5.0")):
        (root / f"apache_airflow_core-{version}.dist-info").mkdir()

    main([str(old.root), str(new.root), "--all", "--format", "markdown"])

    out = capsys.readouterr().out
    assert "`SchedulerJobRunner._select_task_instances_to_queue`" in out
    assert "`SchedulerJobRunner._executable_task_instances_to_queued`" not in out


def test_the_table_for_the_documentation_is_markdown(source, capsys):
    name = "DagModel.deactivate_deleted_dags"
    old = "class DagModel:\n    def deactivate_deleted_dags(cls, a: int | None): pass"

    main([str(source("old", models__dag=old).root), str(source("new").root), "--format", "markdown"])

    out = capsys.readouterr().out
    [patch] = [point.patched_by for point in POINTS if point.name == name]
    assert f"| `{name}` | same | same | gone | {patch} |" in out


def test_a_pipe_in_an_annotation_does_not_end_a_cell(source, capsys):
    def text(kind):
        return f"class DagModel:\n    def deactivate_deleted_dags(cls, a: {kind}): pass"

    folders = [str(source(kind[:3], models__dag=text(kind)).root) for kind in ("int", "str | None")]
    main([*folders, "--format", "markdown"])

    assert "`a: int` → `a: str \\| None`" in capsys.readouterr().out


def test_a_folder_without_airflow_is_refused(tmp_path, capsys):
    assert main([str(tmp_path), str(INSTALLED)]) == 1
    assert "neither a version nor a folder of site-packages" in capsys.readouterr().err


class TestVersions:
    @pytest.fixture
    def index(self, tmp_path, monkeypatch):
        """A folder of wheels that pip takes instead of the registry."""
        folder = tmp_path / "wheels"
        folder.mkdir()
        monkeypatch.setenv("PIP_NO_INDEX", "1")
        monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
        needs = "Requires-Python: >=99\nRequires-Dist: missing\n"
        wheel(folder, "apache_airflow_core", "3.3.9", needs, {"airflow/models/dag.py": "def find(): pass"})
        return folder

    def test_a_version_is_fetched_without_what_it_requires(self, index, tmp_path):
        fetched = Source.of("3.3.9", tmp_path / "fetched")

        assert fetched.version == "3.3.9"
        assert fetched.find(MODELS, "find")

    def test_the_task_sdk_of_a_version_is_fetched_with_it(self, index, tmp_path):
        needs = "Requires-Dist: apache-airflow-task-sdk==1.3.7\n"
        wheel(index, "apache_airflow_core", "3.3.7", needs, {"airflow/models/dag.py": "def find(): pass"})
        wheel(index, "apache_airflow_task_sdk", "1.3.7", "", {"airflow/sdk/parse.py": "def parse(): pass"})

        fetched = Source.of("3.3.7", tmp_path / "fetched")

        assert fetched.find(MODELS, "find")
        assert fetched.find("airflow.sdk.parse", "parse")

    def test_a_version_that_does_not_exist_is_told(self, index, tmp_path):
        with pytest.raises(SourceError, match=r"pip cannot fetch apache-airflow-core==3\.3\.8"):
            Source.of("3.3.8", tmp_path / "fetched")


def wheel(folder, name, version, metadata, files):
    """Write a wheel."""
    info = f"{name}-{version}.dist-info"
    about = f"Metadata-Version: 2.1\nName: {name.replace('_', '-')}\nVersion: {version}\n{metadata}"
    written = {
        **files,
        f"{info}/METADATA": about,
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/RECORD": "",
    }
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as archive:
        for path, text in written.items():
            archive.writestr(path, text)
