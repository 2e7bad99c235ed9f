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
from sqlalchemy import select

from airflow_providers_pinning.models import Pin
from tests.support.remembered import remembered
from tests.support.sources import dag_file

NAMES = ("billing", "orders")


@pytest.fixture
@remembered
def two(lab):
    for sha, tasks in (("sha1", "extract"), ("sha2", "extract load")):
        lab.commit(sha, **{name: dag_file(name, "tags=['tier-1']", tasks) for name in NAMES})
        for name in NAMES if sha == "sha1" else ():
            lab.pin(name, 1)


def numbers(session):
    session.expire_all()
    return {pin.dag_id: pin.version_number for pin in session.scalars(select(Pin))}


def test_a_commit_is_planned_released_and_rolled_back(pinning, two, session):
    planned = pinning("release", "--commit", "sha2", "-r", "why", "--dry-run", "-o", "json")
    assert planned.code == 0, planned.err
    assert planned.json["counts"]["changed"] == 2
    assert numbers(session) == dict.fromkeys(NAMES, 1)

    made = pinning("release", "--commit", "sha2", "-r", "why", "--yes", "-o", "json")
    assert made.code == 0, made.err
    assert "2 Dags will be pinned to another version" in made.err
    assert numbers(session) == dict.fromkeys(NAMES, 2)

    listed = pinning("releases", "-o", "json")
    assert [one["release_id"] for one in listed.json] == [made.json["release_id"]]
    back = pinning("rollback-release", made.json["release_id"], "-r", "bad", "--yes")
    assert back.code == 0, back.err
    assert numbers(session) == dict.fromkeys(NAMES, 1)
    shown = pinning("releases", made.json["release_id"], "-o", "json")
    assert shown.json["status"] == "rolled_back"


def test_a_release_is_asked_about_and_shows_what_blocks(pinning, two, lab, session):
    assert pinning("release", "--commit", "sha2", "-r", "why", typed="n\n").code == 5
    assert numbers(session) == dict.fromkeys(NAMES, 1)
    assert pinning("release", "--commit", "sha2", "-r", "why", typed="y\n").code == 0
    assert numbers(session) == dict.fromkeys(NAMES, 2)
    lab.reject("orders", 1)
    blocked = pinning("release", "--commit", "sha1", "-r", "why", "--yes")
    assert blocked.code == 3
    assert "release_blocked" in blocked.err and "orders (version_rejected)" in blocked.err


def test_a_tag_is_unpinned_and_pinned_at_once(pinning, two, session):
    assert pinning("unpin", "--match", "tag=tier-1", "-r", "why", "--yes").code == 0
    assert numbers(session) == dict.fromkeys(NAMES)
    assert pinning("pin", "--match", "tag=tier-1", "--exclude", "orders", "-r", "why", "--yes").code == 0
    assert numbers(session) == {"billing": 2, "orders": None}


def test_a_tag_is_promoted_and_rolled_back_at_once(pinning, two, session):
    assert pinning("pin", "--match", "tag=tier-1", "--newest", "-r", "why", "--yes").code == 0
    assert numbers(session) == dict.fromkeys(NAMES, 2)

    done = pinning("rollback", "--match", "tag=tier-1", "-r", "wrong totals", "--yes")

    assert done.code == 0, done.err
    assert "2 Dags will return to the previously active version" in done.err
    assert numbers(session) == dict.fromkeys(NAMES, 1)


@pytest.mark.parametrize(
    "arguments",
    [
        ("release",),
        ("release", "--commit", "sha2", "--pinned", "--all"),
        ("pin",),
        ("pin", "orders", "--match", "tag=a"),
        ("pin", "--match", "tag=a", "-V", "1"),
        ("unpin", "--match", "tags=a"),
        ("unpin", "orders", "--exclude", "stock"),
        ("pin", "orders", "-V", "2", "--newest"),
        ("pin", "--match", "tag=a", "--newest", "--bundle-version", "sha2"),
        ("rollback",),
        ("rollback", "orders", "--match", "tag=a"),
        ("rollback", "--match", "tag=a", "--to-version", "1"),
        ("rollback", "--match", "tag=a", "--hold"),
        ("rollback", "--match", "tag=a", "--finished", "rerun"),
    ],
    ids=" ".join,
)
def test_what_does_not_fit_is_wrong_usage(pinning, two, arguments):
    assert pinning(*arguments, "-r", "why", "--yes").code == 2


@pytest.mark.parametrize(
    "command", [("release", "--commit", "sha2"), ("pin", "-m", "tag=tier-1", "--bundle-version", "sha2")], ids=" ".join
)
def test_a_release_takes_effect_at_a_given_time(pinning, two, session, command):
    made = pinning(*command, "--at", "2126-01-31T13:00:00+00:00", "-r", "why", "--yes", "-o", "json")

    assert made.code == 0, made.err
    assert "2 Dags will be pinned to another version at 2126-01-31T13:00:00+00:00" in made.err
    assert (made.json["status"], made.json["counts"]["scheduled"]) == ("scheduled", 2)
    assert numbers(session) == dict.fromkeys(NAMES, 1)
    assert [one["status"] for one in pinning("releases", "-o", "json").json] == ["scheduled"]
    back = pinning("rollback-release", made.json["release_id"], "-r", "not yet", "--yes")
    assert (back.code, "pending changes of 2 Dags are canceled" in back.err) == (0, True)
