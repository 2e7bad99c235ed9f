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

import subprocess
import tarfile
import zipfile

import pytest

from airflow_providers_pinning import __version__
from tests.support.python import ROOT, run

PACKAGE = ROOT / "airflow_providers_pinning"


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Build the sdist, and the wheel from the sdist."""
    target = tmp_path_factory.mktemp("dist")
    done = run("-m", "build", "--no-isolation", "--outdir", str(target), ".")
    assert done.returncode == 0, done.stdout + done.stderr
    return target


@pytest.fixture(scope="module")
def wheel(built):
    [path] = built.glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture(scope="module")
def sdist(built):
    [path] = built.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        return {name.split("/", 1)[1] for name in archive.getnames() if "/" in name}


def sources():
    """Return every file of the package that is no leftover of running or building it."""
    if not (ROOT / ".git").exists():  # As in an unpacked sdist.
        leftovers = {"__pycache__", "node_modules"}
        files = (path.relative_to(ROOT) for path in PACKAGE.rglob("*") if path.is_file())
        return {str(path) for path in files if not leftovers & set(path.parts)}
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", PACKAGE.name],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split()
    return {name for name in listed if (ROOT / name).exists()}


UI = "airflow_providers_pinning/ui/"
BUILT_UI = f"{UI}dist/"


def test_the_wheel_has_every_file_of_the_package(wheel):
    assert {name for name in sources() if not name.startswith(UI)} <= set(wheel)


def test_the_wheel_has_the_built_user_interface_and_not_what_it_is_built_from(wheel):
    built = {name for name in sources() if name.startswith(BUILT_UI)}

    assert f"{BUILT_UI}pinning.js" in built
    assert {name for name in wheel if name.startswith(UI)} == built


def test_the_wheel_has_the_migrations(wheel):
    assert "airflow_providers_pinning/alembic.ini" in wheel
    assert "airflow_providers_pinning/migrations/env.py" in wheel
    assert "airflow_providers_pinning/migrations/script.py.mako" in wheel
    assert any(name.startswith("airflow_providers_pinning/migrations/versions/0001_") for name in wheel)


def test_the_wheel_has_nothing_else(wheel):
    assert {name.split("/")[0] for name in wheel} == {
        "airflow_providers_pinning",
        f"airflow_providers_pinning-{__version__}.dist-info",
    }


def test_the_wheel_tells_airflow_where_to_look(wheel):
    told = wheel[f"airflow_providers_pinning-{__version__}.dist-info/entry_points.txt"].decode()

    for group in ("[airflow.plugins]", "[airflow.policy]", "[apache_airflow_provider]"):
        assert group in told


def test_the_wheel_carries_licence_and_notice(wheel):
    names = {name.rsplit("/", 1)[-1] for name in wheel}

    assert {"LICENSE", "NOTICE"} <= names


def test_the_wheel_tells_type_checkers_that_it_has_types(wheel):
    metadata = wheel[f"airflow_providers_pinning-{__version__}.dist-info/METADATA"].decode()

    assert "airflow_providers_pinning/py.typed" in wheel
    assert "Classifier: Typing :: Typed" in metadata


def test_the_wheel_needs_the_airflow_that_is_supported(wheel):
    metadata = wheel[f"airflow_providers_pinning-{__version__}.dist-info/METADATA"].decode()

    assert "Requires-Dist: apache-airflow<3.5,>=3.3.2" in metadata
    assert "Requires-Python: >=3.10" in metadata


def test_the_sdist_has_what_it_takes_to_build_and_test(sdist):
    assert sources() <= sdist
    assert {
        "pyproject.toml",
        "provider.yaml",
        "constraints.txt",
        "constraints-3.10.txt",
        "constraints-3.4.txt",
        "Makefile",
        "README.md",
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        "SECURITY.md",
        "LICENSE",
        "NOTICE",
        "benchmarks/__main__.py",
        "demo/__main__.py",
        "scripts/run_tests.py",
        "tests/conftest.py",
    } <= sdist
