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
"""What tells components apart whose patches differ."""

from __future__ import annotations

import pytest

from airflow_providers_pinning.patch_points.fingerprint import fingerprint, fingerprint_of

CODE = '"""Module."""\n\ndef patch(call):\n    """Do it."""\n    return call.proceed(limit=1)\n'


def of(code, *, points="points", path="a.py"):
    return fingerprint_of(points, {path: code})


def test_it_is_the_same_for_the_same_enforcement():
    assert fingerprint() == fingerprint.__wrapped__()
    assert len(fingerprint()) == 16


@pytest.mark.parametrize(
    "code",
    [
        CODE.replace("limit=1", "limit=2"),
        CODE.replace("proceed", "go_on"),
        CODE.replace("return ", ""),
        CODE + "\nWAIT = None\n",
    ],
)
def test_it_changes_with_the_code(code):
    assert of(code) != of(CODE)


@pytest.mark.parametrize(
    "code",
    [
        CODE.replace("Do it.", "Do it well."),
        CODE.replace('"""Module."""', '"""Another."""'),
        "# A comment.\n\n\n" + CODE,
        CODE.replace("(limit=1)", "(\n        limit=1,\n    )"),
    ],
)
def test_it_does_not_change_with_words_and_lines(code):
    assert of(code) == of(CODE)


def test_it_changes_with_the_declarations():
    assert of(CODE, points="others") != of(CODE)


def test_it_changes_with_the_name_of_a_module():
    assert of(CODE, path="b.py") != of(CODE)


def test_it_does_not_depend_on_the_version_of_python():
    """It is what every version from 3.10 on makes of this code, whatever fields its syntax tree has."""
    assert of(CODE) == "0868634d45f0e76e"
