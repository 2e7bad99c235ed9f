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
"""What ``make test`` does with parts that fail, hang or wait where nothing interrupts them."""

from __future__ import annotations

import importlib.util
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from scripts import run_tests
from scripts.run_tests import Jobs
from tests.support.patience import wait_for


@pytest.fixture
def write_tests(tmp_path) -> Callable[[str], Path]:
    """Return a function that writes a file of tests with the project's way of being ended."""
    (tmp_path / "conftest.py").write_text("from tests.support.ending import pytest_configure\n")

    def write(source: str) -> Path:
        file = tmp_path / "test_it.py"
        file.write_text(textwrap.dedent(source))
        return file

    return write


HANGING = """
    import pytest, subprocess, sys, time

    @pytest.fixture
    def server():
        started = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
        open({pid!r}, "w").write(str(started.pid))
        yield
        started.kill()
        started.wait()

    def test_hangs(server):
        {how}
"""
IN_PYTHON = "time.sleep(600)"
IN_C = "import ctypes; libc = ctypes.CDLL(None); [libc.sleep(600) for _ in range(9)]"
"""Python handles no signal meanwhile."""


@pytest.mark.parametrize("how", [IN_PYTHON, IN_C])
def test_a_part_that_hangs_is_named_and_ended_with_what_it_started(write_tests, tmp_path, how, capsys, monkeypatch):
    monkeypatch.setattr(run_tests, "GRACE", 2.0)
    pid = tmp_path / "pid"
    file = write_tests(HANGING.format(pid=str(pid), how=how))
    jobs = Jobs(tmp_path / "output", limit=10)

    assert not jobs.run([str(file)])

    shown = capsys.readouterr().out
    assert f'{file}", line' in shown and "in test_hangs" in shown
    assert "ended after 0.2 min" in shown
    wait_for(lambda: not _lives(int(pid.read_text())))


def test_no_part_begins_when_the_time_is_over(tmp_path, capsys):
    assert not Jobs(tmp_path, limit_of_all=0).run(["tests/unit"])
    assert capsys.readouterr().out.startswith("not begun")


def test_a_part_that_fails_is_shown_in_full_and_one_that_passes_in_a_line(write_tests, tmp_path, capsys):
    jobs = Jobs(tmp_path / "output")

    assert jobs.run([str(write_tests("def test_passes(): pass"))])
    assert len(capsys.readouterr().out.splitlines()) == 1

    assert not jobs.run([str(write_tests("def test_fails(): assert 1 == 2"))])
    assert "assert 1 == 2" in capsys.readouterr().out


def test_the_slowest_tests_are_written_down(write_tests, tmp_path):
    Jobs(tmp_path / "output").run([str(write_tests("import time\ndef test_slow(): time.sleep(1.1)"))])

    [log] = (tmp_path / "output").iterdir()
    assert "test_it.py::test_slow" in log.read_text()


def test_somebody_can_end_all_parts(write_tests, tmp_path):
    begun = tmp_path / "begun"
    file = write_tests(f"import time\ndef test_waits():\n    open({str(begun)!r}, 'w')\n    time.sleep(600)")
    jobs, passed = Jobs(tmp_path / "output"), []
    thread = threading.Thread(target=lambda: passed.append(jobs.run([str(file)])))
    thread.start()
    wait_for(begun.exists)
    time.sleep(0.1)
    jobs.end()
    thread.join()

    assert passed == [False]
    assert not jobs.run([str(file)])


def test_modules_are_compiled_where_python_writes_no_bytecode(tmp_path, monkeypatch):
    (tmp_path / "module.py").write_text("answer = 42")
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    run_tests.compile_once(tmp_path)

    assert Path(importlib.util.cache_from_source(str(tmp_path / "module.py"))).exists()


def _lives(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
