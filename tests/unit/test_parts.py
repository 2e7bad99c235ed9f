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
"""`make test` leaves no test out and runs none twice."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

from scripts.run_tests import COMPAT, JOBS
from tests.support.on_postgres import FOLDERS, OF_SQLITE, PROPERTIES
from tests.support.python import ROOT
from tests.unit.conftest import HERE, SLOWEST

FILES = sorted(path.relative_to(ROOT) for path in (ROOT / "tests").rglob("test_*.py"))
TWO_AIRFLOWS = Path("tests/compat")
"""Those need two environments, so that ``make upgrade-airflow`` runs them."""
IGNORE = "--ignore="
PLUGIN = "-p"


def runs(arguments, file):
    """Return whether pytest runs a file, given arguments."""
    arguments = [one for one in arguments if not one.startswith(PLUGIN)]
    ignored = [Path(one.removeprefix(IGNORE)) for one in arguments if one.startswith(IGNORE)]
    named = [Path(one.partition("::")[0]) for one in arguments if not one.startswith(IGNORE)]
    within = {file, *file.parents}
    return bool(within.intersection(named)) and not within.intersection(ignored)


def test_each_file_of_tests_belongs_to_one_part():
    times = {str(file): sum(runs(job, file) for job in JOBS) for file in FILES if TWO_AIRFLOWS not in file.parents}

    on_postgres = times.pop("tests/integration/test_unit_tests.py")
    assert {file: count for file, count in times.items() if count != 1} == {}
    assert on_postgres == sum("::" in argument for job in JOBS for argument in job)


@pytest.mark.parametrize("job", [*JOBS, *COMPAT], ids=" ".join)
def test_a_part_names_what_there_is(job):
    for argument in job:
        if argument.startswith(PLUGIN):
            assert find_spec(argument.removeprefix(PLUGIN))
            continue
        assert (ROOT / argument.removeprefix(IGNORE).partition("::")[0]).exists()


def test_unit_tests_that_run_on_postgres_are_there(request):
    names = [name for group in FOLDERS for name in group]
    assert all((HERE / name).is_dir() for name in names)
    assert all((ROOT / name.partition("::")[0]).is_file() for name in (*OF_SQLITE, *PROPERTIES))


def test_the_slowest_unit_tests_begin_first(request):
    paths = list(dict.fromkeys(item.path for item in request.session.items))
    slowest = [path in {HERE / name for name in SLOWEST} for path in paths]

    assert slowest == sorted(slowest, reverse=True)


@pytest.mark.parametrize("name", SLOWEST)
def test_the_slowest_unit_tests_are_there(name):
    assert (HERE / name).exists()
