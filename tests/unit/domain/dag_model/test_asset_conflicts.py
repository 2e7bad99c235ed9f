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

from airflow_providers_pinning.domain.changes import pins
from airflow_providers_pinning.domain.difference.compare import compare_versions
from airflow_providers_pinning.domain.history.events import Caller, Change
from airflow_providers_pinning.domain.monitoring.health import HealthStatus
from airflow_providers_pinning.domain.monitoring.pin_list import PinFilter, list_pins
from airflow_providers_pinning.domain.monitoring.release_state import release_state
from tests.support.asset_world import AssetWorld, Use
from tests.support.statements import recorded

CONSUMED = Use("raw", "x://b/old")
MOVED = Use("raw", "x://b/new")
PRODUCED = Use("raw", "x://b/old", role="outlet")
PRODUCED_ANEW = Use("raw", "x://b/new", role="outlet")


@pytest.fixture
def world(tmp_path, session):
    return AssetWorld(tmp_path, session)


def pin(world, dag_id, number=1):
    target = pins.Target(version_number=number)
    state = pins.pin_version(dag_id, target, Change(Caller("alice"), "because"), session=world.session)
    world.session.commit()
    world.session.expire_all()
    return state


def conflicts(world, dag_id):
    state = release_state(dag_id, thorough=True, session=world.session)
    return [problem.message for problem in state.health.problems if problem.reason == "asset_conflict"]


class TestUriThatMovedAtHead:
    @pytest.fixture
    def moved(self, world):
        world.parse("consumer", [CONSUMED], "sha1")
        world.parse("producer", [PRODUCED], "sha1")
        pin(world, "consumer")
        world.parse("producer", [PRODUCED_ANEW], "sha2")
        world.parse("consumer", [MOVED], "sha2")
        return world

    def test_is_told_by_the_health_of_the_pin_with_the_dag_and_a_remedy(self, moved):
        (message,) = conflicts(moved, "consumer")

        for part in ("'raw'", "'x://b/old'", "'x://b/new'", "'producer'", "not pinned", "Pin a version that agrees"):
            assert part in message

    def test_is_told_before_the_old_version_is_pinned_again(self, moved):
        moved.upkeep()
        pin(moved, "consumer", 2)
        assert conflicts(moved, "consumer") == []

        difference = compare_versions("consumer", from_version=2, to_version=1, session=moved.session)
        assert len(difference.warnings) == 1
        assert "'producer'" in difference.warnings[0]

        state = pin(moved, "consumer", 1)
        assert state.warnings == difference.warnings
        assert [problem.message for problem in state.health.problems] == list(difference.warnings)

    def test_makes_the_pin_one_of_the_unhealthy_ones(self, moved):
        moved.upkeep()

        (listed,) = list_pins(PinFilter(unhealthy=True), limit=9, offset=0, session=moved.session)[0]

        assert listed.dag_id == "consumer"
        assert listed.health.status == HealthStatus.DEGRADED

    def test_is_told_before_unpinning_takes_the_asset_from_another_pinned_dag(self, world):
        world.parse("consumer", [CONSUMED], "sha1")
        world.parse("producer", [PRODUCED], "sha1")
        for dag_id in ("consumer", "producer"):
            pin(world, dag_id)
        world.parse("producer", [PRODUCED_ANEW], "sha2")

        state = pins.unpin("producer", Change(Caller("alice"), "because"), session=world.session)

        assert any("'consumer'" in warning for warning in state.warnings)

    def test_is_not_told_of_dags_that_agree(self, world):
        world.parse("consumer", [CONSUMED], "sha1")
        world.parse("producer", [PRODUCED], "sha1")

        assert pin(world, "consumer").warnings == ()
        assert conflicts(world, "consumer") == []


class TestWatchers:
    @pytest.mark.parametrize(
        ("theirs", "told"), [("/new", "created by what they watch for"), (None, "no watcher creates runs of this Dag")]
    )
    def test_of_head_that_are_in_effect_are_told(self, theirs, told, world):
        old, new = Use("raw", "x://b/old", watcher="/old"), Use("raw", "x://b/old", watcher=theirs)
        for dag_id in ("pinned", "other"):
            world.parse(dag_id, [old], "sha1")
        assert pin(world, "pinned").warnings == ()

        world.parse("other", [new], "sha2")

        (message,) = conflicts(world, "pinned")
        assert told in message
        assert "'other'" in message

    def test_are_not_told_where_the_dag_only_publishes_the_asset(self, world):
        world.parse("pinned", [Use("raw", "x://b/old", role="outlet")], "sha1")
        world.parse("other", [Use("raw", "x://b/old", watcher="/w")], "sha1")

        assert pin(world, "pinned").warnings == ()


def test_a_version_without_assets_is_looked_at_without_a_statement(world):
    world.parse("pinned", [], "sha1")
    pin(world, "pinned")

    with recorded(world.session) as statements:
        release_state("pinned", thorough=True, session=world.session)

    assert not any("asset.uri IN" in statement for statement in statements)
