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

from tests.support.comparing import differences, with_body


def told(found):
    return [(change.role, change.kind, change.name, change.uri, change.task_id) for change in found.assets]


def test_assets_are_told_with_their_roles_and_tasks(lab):
    found = differences(
        lab,
        with_body(
            "EmptyOperator(task_id='t', inlets=[Asset('read')], outlets=[Asset('same'), Asset('made', uri='s3://b/m')])",
            arguments="schedule=[Asset('stock')]",
        ),
        with_body(
            "from airflow.sdk import AssetAlias\n"
            "EmptyOperator(task_id='t', inlets=[AssetAlias('any')], outlets=[Asset('same')])\n"
            "EmptyOperator(task_id='u', outlets=[Asset('same')])",
            arguments="schedule=(Asset('stock') & Asset.ref(name='sales')) | Asset.ref(uri='s3://b/x')",
        ),
    )

    assert told(found) == [
        ("schedule", "added", "s3://b/x", "s3://b/x", None),
        ("schedule", "added", "sales", None, None),
        ("outlet", "removed", "made", "s3://b/m", "t"),
        ("outlet", "added", "same", "same", "u"),
        ("inlet", "added", "any", None, "t"),
        ("inlet", "removed", "read", "read", "t"),
    ]


def test_outlets_of_mapped_tasks_are_told(lab):
    body = "BashOperator.partial(task_id='b', outlets=[Asset('{}')]).expand(bash_command=['x'])"

    found = differences(lab, with_body(body.format("old")), with_body(body.format("new")))

    assert told(found) == [("outlet", "added", "new", "new", "b"), ("outlet", "removed", "old", "old", "b")]


def test_assets_of_a_task_that_went_are_told(lab):
    found = differences(
        lab, with_body("EmptyOperator(task_id='t', outlets=[Asset('made')])"), with_body("EmptyOperator(task_id='u')")
    )

    assert told(found) == [("outlet", "removed", "made", "made", "t")]


def test_an_asset_that_only_changed_its_properties_is_a_change_of_the_task(lab):
    body = "EmptyOperator(task_id='t', outlets=[Asset('made', group='{}')])"

    found = differences(lab, with_body(body.format("one")), with_body(body.format("two")))

    assert told(found) == []
    assert [change.name for change in found.tasks.changed[0].fields] == ["outlets"]
