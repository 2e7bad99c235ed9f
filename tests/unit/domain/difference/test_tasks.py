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

import pytest

from airflow_providers_pinning.domain.difference.compare import choose_versions, compare
from tests.support.comparing import as_values, differences, register, with_body
from tests.support.sources import dag_file


def fields(found):
    """Return what differs of each task, without its neighbours."""
    return {task.task_id: as_values(task.fields) for task in found.tasks.changed}


def test_tasks_that_came_and_went_are_told_by_id(lab):
    found = differences(lab, dag_file("orders", tasks="a b"), dag_file("orders", tasks="a c d"))

    assert (found.tasks.added, found.tasks.removed) == (("c", "d"), ("b",))
    assert fields(found) == {"a": {"downstream_task_ids": (["b"], ["c"])}}


def test_a_dependency_is_told_at_both_its_ends(lab):
    found = differences(lab, with_body(THREE + "a >> b"), with_body(THREE + "a >> c"))

    assert fields(found) == {
        "a": {"downstream_task_ids": (["b"], ["c"])},
        "b": {"upstream_task_ids": (["a"], [])},
        "c": {"upstream_task_ids": ([], ["a"])},
    }


THREE = "a, b, c = (EmptyOperator(task_id=name) for name in 'abc')\n"


def test_arguments_are_told_with_defaults_for_those_left_out(lab):
    found = differences(
        lab,
        with_body(
            "BashOperator(task_id='b', bash_command='one', pool='small', retry_delay=timedelta(minutes=1),\n"
            "             on_failure_callback=print)"
        ),
        with_body(
            "BashOperator(task_id='b', bash_command='two', retries=4, execution_timeout=timedelta(hours=2),\n"
            "             params={'own': 1}, owner='sales')"
        ),
    )

    assert fields(found) == {
        "b": {
            "bash_command": ("one", "two"),
            "execution_timeout": (None, "2:00:00"),
            "has_on_failure_callback": (True, False),
            "owner": ("airflow", "sales"),
            "params": ({}, {"own": {"default": 1}}),
            "pool": ("small", "default_pool"),
            "retries": (0, 4),
            "retry_delay": ("0:01:00", "0:05:00"),
        }
    }


def test_another_operator_is_told_by_its_path(lab):
    found = differences(
        lab, with_body("EmptyOperator(task_id='a')"), with_body("BashOperator(task_id='a', bash_command='x')")
    )

    change = fields(found)["a"]
    assert change["operator"] == (
        "airflow.providers.standard.operators.empty.EmptyOperator",
        "airflow.providers.standard.operators.bash.BashOperator",
    )
    assert change["bash_command"] == (None, "x")


def test_params_of_the_dag_are_no_fields_of_its_tasks(lab):
    found = differences(
        lab,
        dag_file("orders", "schedule=None, params={'p': 1}"),
        dag_file("orders", "schedule=None, params={'p': 2}"),
    )

    assert not found.tasks
    assert as_values(found.params) == {"p": ({"default": 1}, {"default": 2})}


class TestMapped:
    def test_what_a_task_is_mapped_over_is_told(self, lab):
        body = "BashOperator.partial(task_id='b', retries={}).expand(bash_command={})"
        found = differences(lab, with_body(body.format(1, ["x"])), with_body(body.format(2, ["x", "y"])))

        [task] = found.tasks.changed
        values = as_values(task.fields)
        assert values.pop("retries") == (1, 2)
        assert [side["value"] for side in values.pop("expand_input")] == [
            {"bash_command": ["x"]},
            {"bash_command": ["x", "y"]},
        ]
        assert values == {}

    def test_mapping_a_task_is_told_as_what_really_changes(self, lab):
        found = differences(
            lab,
            with_body("BashOperator(task_id='b', bash_command='x', retry_delay=timedelta(minutes=1))"),
            with_body(
                "BashOperator.partial(task_id='b', retry_delay=timedelta(minutes=1)).expand(bash_command=['x', 'y'])"
            ),
        )

        [task] = found.tasks.changed
        values = as_values(task.fields)
        assert values["is_mapped"] == (False, True)
        assert values["bash_command"] == ("x", None)
        assert values.keys() == {"is_mapped", "bash_command", "expand_input"}

    def test_decorated_tasks_are_compared_too(self, lab):
        body = "@task(retries={})\ndef work(x): ...\nwork.expand(x={})"
        found = differences(lab, with_body(body.format(0, [1])), with_body(body.format(1, [1, 2])))

        assert fields(found)["work"].keys() == {"retries", "expand_input"}


class TestGroups:
    GROUP = (
        "from airflow.sdk import TaskGroup\n"
        "with TaskGroup({group!r}, prefix_group_id=False, tooltip={tooltip!r}):\n"
        "    EmptyOperator(task_id='in')\n"
    )

    def test_the_group_of_a_task_is_told(self, lab):
        found = differences(
            lab, with_body("EmptyOperator(task_id='in')"), with_body(self.GROUP.format(group="g", tooltip=""))
        )

        assert fields(found) == {"in": {"task_group": (None, "g")}}

    def test_properties_of_a_group_are_told(self, lab):
        found = differences(
            lab,
            with_body(self.GROUP.format(group="g", tooltip="old")),
            with_body(self.GROUP.format(group="g", tooltip="new")),
        )

        assert not found.tasks
        assert as_values(found.other) == {"task_groups.g.tooltip": ("old", "new")}

    def test_what_a_group_is_mapped_over_is_told(self, lab):
        body = "@task_group\ndef each(x):\n    task(task_id='t')(lambda y: y)(x)\neach.expand(x={})"
        found = differences(lab, with_body(body.format([1])), with_body(body.format([1, 2])))

        change = as_values(found.other)["task_groups.each.expand_input"]
        assert [side["value"] for side in change] == [{"x": [1]}, {"x": [1, 2]}]


class TestWithoutCode:
    """Values that only the source code shows are left out for readers who may not see it."""

    @pytest.fixture
    def found(self, lab, session):
        body = (
            "BashOperator(task_id='b', bash_command={0!r}, retries={1}, executor_config={{'k': {0!r}}},\n"
            "             outlets=[Asset({0!r}, extra={{'k': {0!r}}})])\n"
        )
        arguments = "schedule=None, max_active_runs={}, default_args={{'queue': {!r}}}"
        register(
            lab,
            with_body(body.format("one", 1), arguments=arguments.format(1, "one")),
            with_body(body.format("two", 2), arguments=arguments.format(2, "two")),
        )
        return compare("orders", *choose_versions("orders", session=session), with_code=False, session=session)

    def test_fields_are_still_named(self, found):
        assert fields(found) == {
            "b": {
                "bash_command": (None, None),
                "executor_config": (None, None),
                "outlets": (None, None),
                "queue": ("one", "two"),
                "retries": (1, 2),
            }
        }
        assert {change.kind for change in found.tasks.changed[0].fields} == {"changed"}

    def test_default_arguments_are_left_out(self, found):
        assert as_values(found.other) == {"default_args.queue": (None, None)}

    def test_what_airflow_shows_everybody_is_told(self, found):
        assert as_values(found.limits) == {"max_active_runs": (1, 2)}
        assert [change.name for change in found.assets] == ["one", "two"]
