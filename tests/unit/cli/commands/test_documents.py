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
"""Pins are written to a file, and made what a file says."""

import pytest
import yaml
from sqlalchemy import select

from airflow_providers_pinning.models import Pin
from tests.support.remembered import remembered
from tests.support.sources import dag_file

NAMES = ("billing", "orders", "stock")


@pytest.fixture
@remembered
def three(lab):
    for sha, tasks in (("sha1", "extract"), ("sha2", "extract load")):
        lab.commit(sha, **{name: dag_file(name, f"tags=['tier-{len(name)}']", tasks) for name in NAMES})
        for name in NAMES[:2] if sha == "sha1" else ():
            lab.pin(name, 1)


@pytest.fixture
def file(tmp_path):
    return tmp_path / "pins.yaml"


def numbers(session):
    session.expire_all()
    return {pin.dag_id: pin.version_number for pin in session.scalars(select(Pin))}


def test_an_export_is_what_apply_takes(pinning, three, file, session):
    exported = pinning("export", "--owns")
    assert [pin["dag_id"] for pin in yaml.safe_load(exported.out)["pins"]] == ["billing", "orders"]
    assert exported.out == pinning("export", "--owns").out
    file.write_text(exported.out)

    assert pinning("apply", file, "-r", "why", "--dry-run", "--exit-code").code == 0
    done = pinning("apply", file, "-r", "why", "-y")
    assert done.code == 0, done.err
    assert "No Dag changes, 2 stay as they are." in done.err
    assert "Done" not in done.err


def test_an_export_is_of_a_bundle_or_a_tag(pinning, three):
    assert yaml.safe_load(pinning("export", "-m", "tag=tier-6").out)["pins"][0]["dag_id"] == "orders"
    assert yaml.safe_load(pinning("export", "-m", "bundle=other").out) == {"pins": []}


def test_the_plan_is_shown_first(pinning, three, file, session):
    file.write_text(
        "pins: [{dag_id: orders, version_number: 2}, {dag_id: stock, bundle_version: sha2}]\nowns: {dag_ids: ['*']}\n"
    )
    plan = pinning("apply", file, "-r", "why", "--dry-run", "--exit-code", "-o", "json")
    assert plan.code == 7
    assert "1 Dag is pinned that was not, 1 Dag is pinned to another version, 1 Dag is unpinned" in plan.err
    assert plan.json["counts"]["changed"] == 3
    assert numbers(session) == {"billing": 1, "orders": 1}

    assert pinning("apply", file, "-r", "why", typed="n\n").code == 5
    assert numbers(session) == {"billing": 1, "orders": 1}
    done = pinning("apply", file, "-r", "why", typed="y\n")
    assert done.code == 0, done.err
    assert numbers(session) == {"billing": None, "orders": 2, "stock": 1}
    assert pinning("rollback-release", done_release(pinning), "-r", "no", "-y").code == 0
    assert numbers(session) == {"billing": 1, "orders": 1, "stock": None}


def done_release(pinning):
    return pinning("releases", "-o", "json").json[0]["release_id"]


def test_what_blocks_ends_with_three(pinning, three, lab, file, session):
    lab.reject("orders", 2)
    file.write_text("pins: [{dag_id: orders, version_number: 2}, {dag_id: stock, version_number: 2}]")

    assert pinning("apply", file, "-r", "why", "--dry-run").code == 3
    done = pinning("apply", file, "-r", "why", "-y")
    assert (done.code, "orders (version_rejected)" in done.err) == (3, True)
    assert numbers(session) == {"billing": 1, "orders": 1}


@pytest.mark.parametrize(
    ("arguments", "text", "said"),
    [
        ((), "pins: &a []", "invalid_pins: Line 1, column 7"),
        ((), None, "unreadable_file"),
        (("--exit-code",), "pins: []", "usage: --exit-code needs --dry-run"),
    ],
)
def test_what_does_not_fit_is_wrong_usage(pinning, three, file, arguments, text, said):
    if text is not None:
        file.write_text(text)

    done = pinning("apply", file, *arguments, "-r", "why", "-y")
    assert (done.code, said in done.err) == (2, True), done.err


def test_dags_without_a_pin_are_listed_by_tag(pinning, three, lab):
    lab.commit("sha3", apples=dag_file("apples", "tags=['new']"))

    assert [dag["dag_id"] for dag in pinning("list", "--unpinned", "-o", "json").json] == ["apples", "stock"]
    assert [dag["dag_id"] for dag in pinning("list", "--unpinned", "-m", "tag=new", "-o", "json").json] == ["apples"]
    assert pinning("list", "-m", "tag=new", "-o", "json").json == []
