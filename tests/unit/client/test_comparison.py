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
"""Comparisons as people read them, of real answers of the server."""

from __future__ import annotations

import asyncio
import re

import pytest

from airflow_providers_pinning import exceptions as errors
from airflow_providers_pinning.client.comparison import MAX_ITEMS, as_markdown, code, prose
from airflow_providers_pinning.hooks.pinning import PinningHook
from airflow_providers_pinning.hooks.pinning_async import PinningAsyncHook
from tests.support.comparing import register, with_body
from tests.support.sources import CHANGED, STABLE, dag_file


@pytest.fixture
def compared(airflow_server, lab):
    """Return a function that registers two versions and compares them over HTTP."""

    def compare(before, after):
        register(lab, before, after)
        return PinningHook(attempts=1).compare("orders")

    return compare


def test_the_difference_is_told_in_a_few_lines(compared):
    text = as_markdown(compared(STABLE, CHANGED)).splitlines()

    runs = [line for line in text if line.startswith("  - next runs")]
    assert [line.count("00 UTC`") for line in runs] == [5, 5]
    expected = """\
From version 1 (`sha1` of bundle `team_dags`) to version 2 (`sha2` of bundle `team_dags`):

- **Schedule**: `0 0 * * * (At 00:00)` → `0 * * * * (Every hour)`
- **Tasks (1 added, 2 changed)**
  - added `transform`
  - changed `extract`: `downstream_task_ids` `["load"]` → `["transform"]`
  - changed `load`: `upstream_task_ids` `["extract"]` → `["transform"]`
- **Params**
  - `name` added (`{"default": "x", "schema": {"type": "string"}}`)
  - `size` removed (`{"default": 1, "schema": {"type": "integer"}}`)
- **Limits**
  - `max_active_runs` `2` → `7`
- **Other**
  - `tags` `["stable"]` → `["changed"]`
- **Dag file**: lines added: 5, removed: 5
- **Code**: Imported modules are not compared here; they may differ between sha1 and sha2.
- **Files**: The dag processor has not recorded the files of both versions yet."""
    assert [line for line in text if line not in runs and "overdue" not in line] == expected.splitlines()


def test_only_what_differs_of_a_value_is_told(compared):
    source = dag_file("orders", "schedule=None, params={{'p': Param({}, type='integer', description='{}')}}")

    text = as_markdown(compared(source.format(1, "one"), source.format(2, "one")))

    assert "  - `p` `1` → `2`" in text


def test_files_and_commits_are_told_in_code_spans_and_without_markup(compared):
    comparison = compared(STABLE, CHANGED)
    comparison["files"] |= {
        "changed": [
            {"path": "lib/`a` <b>.py", "kind": "changed", "role": "dag", "lines_added": 1, "lines_removed": 2},
            {"path": "x.sql", "kind": "added", "role": "unknown", "lines_added": None, "lines_removed": None},
        ],
        "note": None,
        "other_dags_files": 3,
    }
    comparison["commits"] = {
        "commits": [{"bundle_version": "f" * 40, "message": "[Fix](http://x) <i>it</i>\n\nmore", "author": "*m*"}],
        "note": None,
        "taken_back": False,
        "total": 1,
    }
    text = as_markdown(comparison)
    assert "- **Files**\n  - changed ``lib/`a` <b>.py``, lines added: 1, removed: 2\n" in text
    assert "  - added `x.sql`, possibly used\n- **Further files**: 3 of other Dags\n" in text
    assert f"- **Commits (1)**\n  - `{'f' * 12}` \\[Fix\\](http\\://x) &lt;i&gt;it&lt;/i&gt; (\\*m\\*)" in text
    comparison["files"] |= {"related": False, "changed": []}
    assert "- Nothing related to the Dag differs." in as_markdown(comparison)


def test_assets_are_told_with_their_roles(compared):
    body = "EmptyOperator(task_id='t', outlets=[Asset('{}')])"

    text = as_markdown(
        compared(
            with_body(body.format("old"), arguments="schedule=Asset('in')"),
            with_body(body.format("new"), arguments="schedule=None"),
        )
    )

    assert "  - removed `in` (schedule)\n  - added `new` (outlet of `t`)\n  - removed `old` (outlet of `t`)" in text


def test_equal_versions_and_equal_structures_are_told_apart(compared):
    changed_comment = as_markdown(compared(STABLE, f"{STABLE}\n    # A comment.\n"))

    assert "- Tasks, schedule, params, limits and assets are the same." in changed_comment
    assert "- **Dag file**: lines added: 2, removed: 0" in changed_comment
    assert "may differ between" in changed_comment
    same = as_markdown(PinningHook().compare("orders", from_version=2, to_version=2))
    assert same.endswith("to version 2 (`sha2` of bundle `team_dags`):\n\n- Nothing differs.")


def test_long_lists_are_cut_and_counted(compared):
    tasks = " ".join(f"t{number:02}" for number in range(40))

    text = as_markdown(compared(dag_file("orders", tasks="a"), dag_file("orders", tasks=f"a {tasks}")))

    assert "**Tasks (40 added, 1 changed)**" in text
    assert text.count("  - added") == MAX_ITEMS
    assert f"  - and {41 - MAX_ITEMS} more" in text


class TestMarkup:
    """What the author of a Dag wrote reaches people as text."""

    EVIL = [
        "[click](javascript:alert(1))",
        "![x](http://example.invalid/pixel.png)",
        "<script>alert(1)</script>",
        "`</code><b>",
        "``` \n\n# Approved by security\n\n",
        "http://example.invalid www.example.invalid",
        "| a | b |\r\n|---|---|",
        "`",
        "",
    ]

    @pytest.mark.parametrize("evil", EVIL, ids=repr)
    def test_cannot_leave_a_code_span(self, evil):
        """A span ends at the first run of as many backticks as it began with."""
        span = code(evil)

        fence = span[: len(span) - len(span.lstrip("`"))]
        inside = span[len(fence) : -len(fence)]
        assert span.endswith(fence)
        assert fence not in {run for run in _runs(inside)}
        assert "\n" not in span and "\r" not in span

    @pytest.mark.parametrize("evil", EVIL, ids=repr)
    def test_means_nothing_in_a_sentence(self, evil):
        text = prose(evil)

        assert "<" not in text and "\n" not in text
        for sign in "`[]|#!":
            assert text.replace(f"\\{sign}", "").count(sign) == 0
        assert "http://" not in text and "www.e" not in text

    def test_cannot_hide_the_direction_of_its_text(self):
        assert code("safe\u202etxt.exe\u2066\x1b[31m") == "`safe�txt.exe��[31m`"

    def test_of_a_dag_stays_in_its_place(self, compared):
        evil = "`\n\n# Approved\n\n<img src=x onerror=alert(1)>![x](http://example.invalid)"
        source = dag_file("orders", "schedule=None, description={!r}, params={{'p': {!r}}}")

        text = as_markdown(compared(source.format("good", "good"), source.format(evil, evil)))

        assert not [line for line in text.splitlines() if line.lstrip().startswith("#")]
        assert "`` ` # Approved <img src=x onerror=alert(1)>![x](http://example.invalid) ``" in text


def _runs(text):
    return re.findall("`+", text)


def test_the_version_that_is_meant_can_be_named(airflow_server, lab):
    register(lab, STABLE, CHANGED)
    meant = lab.serialized("orders", 2).dag_hash

    assert PinningHook().compare("orders", to_version=2, expected_dag_hash=meant)["dag_id"] == "orders"
    with pytest.raises(errors.VersionDriftedError):
        PinningHook().compare("orders", to_version=2, expected_dag_hash="another")


def test_triggers_can_compare_too(airflow_server, lab):
    register(lab, STABLE, CHANGED)

    found = asyncio.run(PinningAsyncHook().compare("orders", from_version=2, to_version=1))

    assert found["tasks"]["removed"] == ["transform"]
