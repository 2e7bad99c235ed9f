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

import difflib
import time

import pytest

from airflow_providers_pinning.domain.difference.unified_diff import MAX_CHARACTERS, bounded_diff

LABELS = ("a", "b")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "a\n"),
        ("a\n", ""),
        ("a\nb\nc\n", "a\nx\nc\n"),
        ("".join(f"{n}\n" for n in range(40)), "".join(f"{n if n % 15 else 'x'}\n" for n in range(40))),
        ("a\n", "a\n"),
    ],
    ids=["from nothing", "to nothing", "one line", "two places", "the same"],
)
def test_diff_is_the_one_of_the_standard_library(before, after):
    expected = "".join(difflib.unified_diff(before.splitlines(True), after.splitlines(True), *LABELS))

    assert bounded_diff(before, after, labels=LABELS) == (expected, None)


def test_diff_marks_a_last_line_that_does_not_end():
    diff, _ = bounded_diff("a", "b", labels=LABELS)

    assert diff.splitlines()[-4:] == [
        *("-a", "\\ No newline at end of file"),
        *("+b", "\\ No newline at end of file"),
    ]


def test_diff_has_lines_that_end_with_a_newline_only():
    diff, _ = bounded_diff("a\u2028b\x0cc\n", "x\n", labels=LABELS)

    assert diff.split("\n")[3:] == ["-a\u2028b\x0cc", "+x", ""]


def test_diff_is_cut_if_it_is_long():
    before = "".join(f"before {n}\n" for n in range(40_000))

    diff, remark = bounded_diff(before, before.replace("before", "after"), labels=LABELS)

    assert len(diff) == MAX_CHARACTERS
    assert "is cut after 200000 of" in remark


def test_diff_of_long_files_that_differ_everywhere_is_given_up():
    before = [f"{n}\n" for n in range(30_000)]
    after = [line if n % 3 else f"x{line}" for n, line in enumerate(before)]
    started = time.process_time()

    diff, remark = bounded_diff("".join(before), "".join(after), labels=LABELS)

    assert (diff, time.process_time() - started < 5) == (None, True)
    assert "compare the commits" in remark


def test_diff_of_a_long_file_that_changed_little_is_made():
    before = "".join(f"{n}\n" for n in range(30_000))

    diff, remark = bounded_diff(before, before.replace("15000\n", "x\n"), labels=LABELS)

    assert "-15000\n+x\n" in diff and remark is None
