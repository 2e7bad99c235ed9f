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

import dataclasses
import json
import time
import zlib

import pytest
from airflow.models.serialized_dag import SerializedDagModel
from sqlalchemy import update

from airflow_providers_pinning.domain.difference.compare import choose_versions, compare_versions
from airflow_providers_pinning.domain.errors import UnknownDagError, UnknownVersionError, VersionDriftedError
from tests.support.comparing import as_values, differences, register, with_arguments, with_body
from tests.support.sources import CHANGED, STABLE, dag_file


class TestVersions:
    """Which versions are compared."""

    @pytest.fixture(autouse=True)
    def three(self, lab):
        register(lab, STABLE, CHANGED, dag_file("orders"))

    def numbers(self, session, **chosen):
        before, after = choose_versions("orders", session=session, **chosen)
        return before.version_number, after.version_number

    def test_are_the_active_one_and_the_latest(self, session):
        assert self.numbers(session) == (1, 3)

    def test_are_the_latest_twice_if_nothing_is_pinned(self, lab, session):
        lab.unpin("orders")

        assert self.numbers(session) == (3, 3)

    def test_can_be_any_two(self, session):
        assert self.numbers(session, from_version=3, to_version=2) == (3, 2)

    def test_are_not_found_if_unknown(self, session):
        with pytest.raises(UnknownVersionError, match="version_number 9"):
            choose_versions("orders", to_version=9, session=session)

    def test_are_not_found_if_the_dag_is_unknown(self, session):
        with pytest.raises(UnknownDagError):
            choose_versions("nothing", session=session)

    def test_are_not_found_if_the_pinned_one_is_gone(self, lab, session):
        lab.remove_version("orders", 1)

        with pytest.raises(UnknownVersionError, match="version_number 1"):
            choose_versions("orders", session=session)

    def test_must_have_the_expected_hash(self, lab, session):
        right = lab.serialized("orders", 2).dag_hash

        choose_versions("orders", to_version=2, expected_dag_hash=right, session=session)
        with pytest.raises(VersionDriftedError, match=right):
            choose_versions("orders", to_version=2, expected_dag_hash="another", session=session)


class TestIdentical:
    """Whether new runs would be the same for certain."""

    def test_a_version_is_identical_with_itself(self, lab, session):
        register(lab, STABLE)

        found = compare_versions("orders", session=session)

        assert found.identical
        assert not (found.tasks or found.params or found.limits or found.assets or found.other)
        assert not found.schedule.changed

    def test_versions_of_different_commits_are_not_identical_even_if_nothing_is_seen_to_differ(self, lab):
        found = differences(lab, STABLE, f"{STABLE}\n    # A comment.\n")

        assert not (found.tasks or found.schedule.changed or found.params or found.limits or found.assets)
        assert found.other == ()
        assert not found.identical
        assert "they may differ between sha1 and sha2" in found.source.note

    def test_noise_is_no_difference(self, lab, session):
        """Where a Dag was parsed, and in which order sets came out, says nothing of it."""
        body = (
            "BashOperator(task_id='b', bash_command='x', cwd=__file__, retries=1,\n"
            "             outlets=[Asset('made')], executor_config={'of': {3, 1, 2}}, env={'k': object()})\n"
            "class Own(EmptyOperator): ...\n"
            "Own(task_id='own', executor_config={'of': {1}})\n"
        )
        register(lab, with_body(body, arguments="schedule=None, tags=['a', 'b']"))
        lab.commit("sha2", orders=with_body(f"{body}# comment", arguments="schedule=None, tags=['a', 'b']"))

        def scramble(data):
            dag = data["dag"]
            dag["tags"] = dag["tags"][::-1]
            dag["_processor_dags_folder"] = "/elsewhere"
            for task in dag["tasks"]:
                task["__var"]["template_fields"] = task["__var"]["template_fields"][::-1]
                task["__var"]["executor_config"]["__var"]["of"]["__var"].reverse()
                task["__var"]["owner"] = "<Owner object at 0x7f0000000000>"

        for number in lab.numbers("orders"):
            lab.rewrite_stored("orders", number, scramble if number == 2 else owner)
        found = compare_versions("orders", session=session)

        assert (found.from_version.version_number, found.to_version.version_number) == (1, 2)
        assert not found.tasks and found.other == ()


def owner(data):
    for task in data["dag"]["tasks"]:
        task["__var"]["owner"] = "<Owner object at 0x7fffffffffff>"


class TestFields:
    """What differs beside tasks, schedule, assets and source."""

    def test_limits_are_told(self, lab):
        found = differences(
            lab,
            with_arguments("schedule=None, max_active_runs=2, dagrun_timeout=timedelta(hours=1)"),
            with_arguments("schedule=None, max_active_tasks=7, max_consecutive_failed_dag_runs=3"),
        )

        assert as_values(found.limits) == {
            "dagrun_timeout": ("1:00:00", None),
            "max_active_runs": (2, 16),
            "max_active_tasks": (16, 7),
            "max_consecutive_failed_dag_runs": (0, 3),
        }
        assert {change.name: change.kind for change in found.limits}["dagrun_timeout"] == "removed"
        assert found.other == ()

    def test_params_are_told_with_default_description_and_schema(self, lab):
        found = differences(
            lab,
            with_arguments("schedule=None, params={'size': 1, 'gone': 'x', 'same': True}"),
            with_arguments("schedule=None, params={'same': True, 'size': Param(2, type='integer', description='How')}"),
        )

        assert as_values(found.params) == {
            "gone": ({"default": "x"}, None),
            "size": ({"default": 1}, {"default": 2, "description": "How", "schema": {"type": "integer"}}),
        }
        assert [change.kind for change in found.params] == ["removed", "changed"]
        assert not found.tasks

    def test_true_is_not_one(self, lab):
        found = differences(
            lab, with_arguments("schedule=None, params={'p': 1}"), with_arguments("schedule=None, params={'p': True}")
        )

        assert as_values(found.params) == {"p": ({"default": 1}, {"default": True})}

    def test_what_else_differs_is_told(self, lab):
        found = differences(
            lab,
            with_arguments("schedule=None, tags=['b', 'a'], default_args={'retries': 1}, on_failure_callback=print"),
            with_arguments("schedule=None, description='Orders', default_args={'retries': 2, 'owner': 'me'}"),
        )

        assert as_values(found.other) == {
            "default_args.owner": (None, "me"),
            "default_args.retries": (1, 2),
            "description": (None, "Orders"),
            "has_on_failure_callback": (True, False),
            "tags": (["a", "b"], []),
        }

    def test_deadlines_are_told_as_defined_and_not_by_the_ids_of_their_rows(self, lab):
        source = (
            "async def late():\n    pass\n\n"
            + dag_file(
                "orders",
                "schedule=None, deadline=DeadlineAlert(reference=DeadlineReference.DAGRUN_QUEUED_AT, "
                "interval=timedelta(hours={}), callback=AsyncCallback(late))",
            ).lstrip()
        )
        register(lab, source.format(1), source.format(1) + "# again", source.format(2))

        same = compare_versions("orders", from_version=1, to_version=2, session=lab.session)
        [change] = compare_versions("orders", from_version=2, to_version=3, session=lab.session).other

        assert same.other == ()
        assert change.name == "deadline"
        assert (change.before[0]["interval"], change.after[0]["interval"]) == ("1:00:00", "2:00:00")

    def test_a_file_that_moved_is_told(self, lab, session):
        lab.commit("sha1", orders=STABLE)
        lab.pin("orders", 1)
        lab.commit("sha2", orders=None, sales__orders=STABLE)

        found = compare_versions("orders", session=session)

        assert as_values(found.other) == {"relative_fileloc": ("orders.py", "sales/orders.py")}
        assert (found.source.before_path, found.source.after_path) == ("orders.py", "sales/orders.py")

    def test_secrets_are_masked_by_their_names(self, lab):
        found = differences(
            lab,
            with_body("BashOperator(task_id='b', bash_command='x', env={'PASSWORD': 'one', 'PLACE': 'north'})"),
            with_body("BashOperator(task_id='b', bash_command='x', env={'PASSWORD': 'two', 'PLACE': 'north'})"),
        )

        [task] = found.tasks.changed
        assert as_values(task.fields) == {
            "env": ({"PASSWORD": "***", "PLACE": "north"}, {"PASSWORD": "***", "PLACE": "north"})
        }


class TestStored:
    """However a version is stored, it is compared alike."""

    def test_a_compressed_version_is_compared(self, lab, session):
        register(lab, STABLE, CHANGED)
        expected = compare_versions("orders", session=session)
        for number in (1, 2):
            serialized = lab.serialized("orders", number)
            packed = zlib.compress(json.dumps(serialized.data).encode())
            session.execute(
                update(SerializedDagModel)
                .where(SerializedDagModel.id == serialized.id)
                .values({"_data": None, "_data_compressed": packed})
            )
        session.commit()
        session.expunge_all()

        assert compare_versions("orders", session=session) == expected

    def test_an_older_serialization_is_no_difference(self, lab, session):
        register(lab, STABLE, f"{STABLE}\n    # again\n")
        lab.rewrite_stored("orders", 1, lambda data: data.update(__version=2))

        found = compare_versions("orders", session=session)

        assert not (found.tasks or found.schedule.changed or found.params or found.limits or found.other)


class TestUnreadable:
    """What cannot be deserialized is still compared as far as possible."""

    def test_a_version_whose_plugin_is_gone_is_compared_all_the_same(self, lab, session):
        register(lab, STABLE, CHANGED)
        lab.remove_plugin("orders", 1)

        found = compare_versions("orders", session=session)

        assert found.tasks.added == ("transform",)
        assert as_values(found.limits) == {"max_active_runs": (2, 7)}
        assert (found.schedule.before, found.schedule.next_runs_before) == ("GoneTimetable", ())
        assert len(found.schedule.next_runs_after) == 5
        assert "The next runs of version 1 cannot be computed" in found.schedule.note
        assert "gone.GoneTimetable" in found.schedule.note

    def test_a_serialization_that_airflow_does_not_know_is_compared_as_it_is_stored(self, lab, session):
        register(lab, STABLE, CHANGED)
        lab.rewrite_stored("orders", 1, lambda data: data.update(__version=99))

        found = compare_versions("orders", session=session)

        assert found.tasks.added == ("transform",)
        assert "serialization version 99" in found.schedule.note
        assert "uses its stored form" in found.schedule.note

    def test_a_version_without_anything_stored_is_compared_with_nothing(self, lab, session):
        register(lab, STABLE, CHANGED)
        session.execute(
            update(SerializedDagModel)
            .where(SerializedDagModel.dag_version_id == lab.version("orders", 1).id)
            .values({"_data": {"__version": 3, "dag": {}}})
        )
        session.commit()
        session.expire_all()

        found = compare_versions("orders", session=session)

        assert found.tasks.added == ("extract", "load", "transform")
        assert found.source.diff


def test_the_answer_is_json(lab):
    found = differences(lab, STABLE, CHANGED)

    assert json.loads(json.dumps(dataclasses.asdict(found), default=str))["dag_id"] == "orders"


def test_a_thousand_tasks_are_compared_at_once(lab, session):
    """The bound is far above the third of a second that it takes, since other processes may want the machine too."""
    body = "for i in range(1000):\n    BashOperator(task_id=f't{{i}}', bash_command='echo', retries={})\n"
    register(lab, with_body(body.format(1)), with_body(body.format(2)))
    started = time.process_time()

    found = compare_versions("orders", session=session)

    assert len(found.tasks.changed) == 1000
    assert time.process_time() - started < 3
