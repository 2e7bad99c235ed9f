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
from airflow.models.dagcode import DagCode
from sqlalchemy import delete

from airflow_providers_pinning.domain import difference_source
from airflow_providers_pinning.domain.difference import choose_versions, compare_versions
from airflow_providers_pinning.domain.difference_source import bounded_diff, dags_in_files
from tests.support.comparing import register
from tests.support.sources import CHANGED, STABLE, dag_file

LABELS = ("a", "b")


class TestDiff:
    """A unified diff that cannot take for ever."""

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
    def test_is_the_one_of_the_standard_library(self, before, after):
        expected = "".join(difflib.unified_diff(before.splitlines(True), after.splitlines(True), *LABELS))

        assert bounded_diff(before, after, labels=LABELS) == (expected, None)

    def test_marks_a_last_line_that_does_not_end(self):
        diff, _ = bounded_diff("a", "b", labels=LABELS)

        assert diff.splitlines()[-4:] == [
            *("-a", "\\ No newline at end of file"),
            *("+b", "\\ No newline at end of file"),
        ]

    def test_is_cut_if_it_is_long(self):
        before = "".join(f"before {n}\n" for n in range(40_000))

        diff, remark = bounded_diff(before, before.replace("before", "after"), labels=LABELS)

        assert len(diff) == difference_source.MAX_CHARACTERS
        assert "is cut after 200000 of" in remark

    def test_of_long_files_that_differ_everywhere_is_given_up(self):
        before = [f"{n}\n" for n in range(30_000)]
        after = [line if n % 3 else f"x{line}" for n, line in enumerate(before)]
        started = time.process_time()

        diff, remark = bounded_diff("".join(before), "".join(after), labels=LABELS)

        assert (diff, time.process_time() - started < 5) == (None, True)
        assert "compare the commits" in remark

    def test_of_a_long_file_that_changed_little_is_made(self):
        before = "".join(f"{n}\n" for n in range(30_000))

        diff, remark = bounded_diff(before, before.replace("15000\n", "x\n"), labels=LABELS)

        assert "-15000\n+x\n" in diff and remark is None


class TestSource:
    def test_is_that_of_the_versions(self, lab, session):
        register(lab, STABLE, CHANGED)

        found = compare_versions("orders", session=session).source

        assert found.diff.startswith("--- orders.py\tversion 1\n+++ orders.py\tversion 2\n")
        assert '-    schedule="@daily",' in found.diff

    def test_that_is_not_stored_is_told(self, lab, session):
        register(lab, STABLE, CHANGED)
        session.execute(delete(DagCode).where(DagCode.dag_version_id == lab.version("orders", 1).id))
        session.commit()

        found = compare_versions("orders", session=session).source

        assert found.diff is None
        assert "The source of version 1 is not stored." in found.note

    def test_of_a_bundle_without_versions_may_differ_in_what_it_imports(self, lab, session, scheduler):
        lab.commit(None, orders=STABLE)
        scheduler.create_due_runs()
        lab.commit(None, orders=CHANGED)

        found = compare_versions("orders", from_version=1, session=session)

        assert "modules that it imports may differ between an unversioned bundle" in found.source.note


def test_every_dag_of_the_file_is_found(lab, session):
    lab.commit("sha1", orders=dag_file("orders") + dag_file("billing"), other=dag_file("other"))

    versions = choose_versions("orders", session=session)

    assert dags_in_files("orders", versions, session=session) == {"orders", "billing"}
