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
from airflow.models.asset import AssetAliasModel, DagScheduleAssetReference
from sqlalchemy import select

from airflow_providers_pinning.domain.changes import pins
from airflow_providers_pinning.domain.dag_model.asset_activation import activate_what_goes_before
from airflow_providers_pinning.domain.history.events import Caller, Change
from airflow_providers_pinning.enforcement.dag_processor.maintenance import Upkeep
from tests.support.asset_world import AssetWorld, Use
from tests.support.sources import dag_file
from tests.support.statements import counted_parameters, recorded
from tests.support.stock import without_enforcement

OLD = Use("raw", "x://b/old", watcher="/old", extra="old", group="old")
NEW = Use("raw", "x://b/old", watcher="/new", extra="new", group="new")
MOVED = Use("raw", "x://b/new", role="outlet")


@pytest.fixture
def world(tmp_path, session):
    return AssetWorld(tmp_path, session)


def pin(world, dag_id, number=1):
    target = pins.Target(version_number=number)
    pins.pin_version(dag_id, target, Change(Caller("alice"), "because"), session=world.session)
    world.session.commit()
    world.session.expire_all()


def unpin(world, dag_id):
    pins.unpin(dag_id, Change(Caller("alice"), "because"), session=world.session)
    world.session.commit()
    world.session.expire_all()


class TestDefinition:
    @pytest.fixture
    def shared(self, world):
        """Let two Dags wait for a watched asset, pin one, and let HEAD change the asset in both."""
        for dag_id in ("pinned", "other"):
            world.parse(dag_id, [OLD], "sha1")
            world.parse(dag_id, [OLD], "sha1")
        pin(world, "pinned")
        return world

    @pytest.mark.parametrize("order", [["other", "pinned"], ["pinned", "other"], ["other", "pinned", "pinned"]])
    def test_is_the_one_of_head_if_a_dag_that_is_not_pinned_uses_the_asset(self, order, shared):
        for dag_id in order:
            shared.parse(dag_id, [NEW], "sha2")

        assert shared.definitions()[NEW.key] == NEW.definition

    def test_of_head_stays_when_the_pinned_dag_uses_the_asset_no_more_at_head(self, shared):
        for _ in range(2):
            # Stock takes two parses to exchange a watcher.
            shared.parse("other", [NEW], "sha2")
        shared.parse("pinned", [Use("unrelated", "x://b/unrelated")], "sha2")

        assert shared.definitions()[NEW.key] == NEW.definition

    def test_of_another_pinned_version_is_written_at_once(self, world):
        world.parse("pinned", [OLD], "sha1")
        pin(world, "pinned")
        world.parse("pinned", [NEW], "sha2")

        for number, use in ((2, NEW), (1, OLD)):
            pin(world, "pinned", number)
            assert world.definitions()[use.key] == use.definition

    def test_of_head_stays_when_the_pin_is_set_anew(self, shared):
        shared.parse("other", [NEW], "sha2")
        shared.parse("pinned", [NEW], "sha2")
        pin(shared, "pinned", 2)
        pin(shared, "pinned", 1)

        assert shared.definitions()[NEW.key] == NEW.definition

    def test_is_written_alternately_without_the_mend(self, shared):
        with without_enforcement("AssetModelOperation.collect"):
            shared.parse("other", [NEW], "sha2")
            shared.parse("pinned", [NEW], "sha2")

        assert shared.definitions()[NEW.key] == OLD.definition

    def test_is_the_pinned_versions_if_nobody_else_uses_the_asset(self, world):
        for _ in range(2):
            world.parse("pinned", [OLD], "sha1")
        pin(world, "pinned")

        world.parse("pinned", [NEW], "sha2")

        assert world.definitions()[OLD.key] == OLD.definition

    def test_is_the_one_of_head_at_once_when_the_dag_is_unpinned(self, world):
        for _ in range(2):
            world.parse("pinned", [OLD], "sha1")
        pin(world, "pinned")
        world.parse("pinned", [NEW], "sha2")

        unpin(world, "pinned")

        assert world.definitions()[NEW.key] == NEW.definition

    @pytest.mark.parametrize("order", [["elder", "younger"], ["younger", "elder"]])
    def test_is_that_of_the_newest_version_if_pinned_dags_alone_use_the_asset(self, order, world):
        world.parse("elder", [OLD], "sha1")
        world.parse("younger", [NEW], "sha1")
        for dag_id in order:
            pin(world, dag_id)
        for dag_id in [*order, *order]:
            world.parse(dag_id, [Use("unrelated", "x://b/unrelated")], "sha2")

        assert world.definitions()[NEW.key] == NEW.definition

    def test_is_the_pinned_versions_again_once_no_other_dag_uses_the_asset(self, shared):
        shared.parse("other", [NEW], "sha2")
        shared.parse("other", [Use("unrelated", "x://b/unrelated")], "sha3")

        shared.parse("pinned", [NEW], "sha3")

        assert shared.definitions()[OLD.key] == OLD.definition

    def test_costs_a_file_without_pins_no_statement(self, world):
        world.parse("other", [OLD], "sha1")
        with counted_parameters(world.session) as ours:
            world.parse("other", [OLD], "sha1")
        with counted_parameters(world.session) as stocks, without_enforcement("AssetModelOperation.collect"):
            world.parse("other", [OLD], "sha1")

        assert len(ours) == len(stocks)


class TestActive:
    @pytest.fixture
    def moved(self, world):
        """Let HEAD change the URI behind a name in producer and consumer, and only the consumer be pinned."""
        world.parse("consumer", [OLD], "sha1")
        world.parse("producer", [Use("raw", "x://b/old", role="outlet")], "sha1")
        pin(world, "consumer")
        world.parse("producer", [MOVED], "sha2")
        world.parse("consumer", [Use("raw", "x://b/new")], "sha2")
        return world

    def test_is_the_asset_of_head(self, moved):
        Upkeep().run_if_due([])
        moved.upkeep()

        assert moved.active() == {("raw", "x://b/new")}

    def test_is_not_the_asset_of_head_without_the_mend(self, moved, monkeypatch):
        monkeypatch.setattr("tests.support.asset_world.activate_what_goes_before", lambda *, session: [])
        moved.upkeep()

        assert moved.active() == {("raw", "x://b/old")}

    def test_is_the_asset_of_head_after_any_parse(self, moved):
        moved.upkeep()
        for dag_id, use in (("consumer", Use("raw", "x://b/new")), ("producer", MOVED), ("consumer", OLD)):
            moved.parse(dag_id, [use], "sha3")
            moved.upkeep()

            assert moved.active() == {("raw", "x://b/new")}

    def test_is_the_old_asset_again_when_no_other_dag_uses_the_new_one(self, moved):
        moved.upkeep()
        moved.parse("producer", [Use("unrelated", "x://b/unrelated")], "sha3")
        moved.upkeep()

        assert ("raw", "x://b/old") in moved.active()

    def test_are_the_watchers_of_an_asset_that_a_pinned_dag_waits_for_in_vain_else(self, moved):
        moved.upkeep()
        moved.parse("consumer", [Use("raw", "x://b/new")], "sha3")

        assert moved.definitions()[OLD.key] == OLD.definition

    def test_is_left_to_airflow_among_dags_that_are_not_pinned(self, world):
        world.parse("a", [OLD], "sha1")
        world.parse("b", [MOVED], "sha1")
        world.parse("c", [Use("unrelated", "x://b/unrelated")], "sha1")
        pin(world, "c")

        assert activate_what_goes_before(session=world.session) == []

    def test_costs_one_statement_if_nothing_is_pinned(self, world):
        world.parse("a", [OLD], "sha1")
        world.parse("b", [MOVED], "sha1")

        with recorded(world.session) as statements:
            activate_what_goes_before(session=world.session)

        assert len(statements) == 1


class TestAlias:
    def group(self, lab):
        return lab.session.scalar(select(AssetAliasModel.group).where(AssetAliasModel.name == "any"))

    @pytest.mark.parametrize("order", [("pinned", "other"), ("other", "pinned")])
    def test_has_the_group_of_head(self, order, lab):
        for dag_id in ("pinned", "other"):
            lab.commit("sha1", **{dag_id: source(dag_id, "AssetAlias('any', group='old')")})
        lab.pin("pinned", 1)

        for dag_id in order:
            lab.commit("sha2", **{dag_id: source(dag_id, "AssetAlias('any', group='new')")})
        lab.parse("sha2")

        assert self.group(lab) == "new"

    def test_keeps_its_group_when_head_of_the_pinned_dag_uses_it_no_more(self, lab):
        lab.commit("sha1", pinned=source("pinned", "AssetAlias('any', group='old')"))
        lab.pin("pinned", 1)
        lab.commit("sha2", pinned=source("pinned", "None"), other=source("other", "AssetAlias('any', group='new')"))

        lab.commit("sha3", other=None)

        assert self.group(lab) == "new"


def source(dag_id, schedule):
    return "from airflow.sdk import AssetAlias\n" + dag_file(dag_id, f"schedule={schedule}")


def test_who_may_produce_for_a_pinned_dag_is_up_to_its_version(lab):
    asset = "Asset('raw', access_control=AssetAccessControl(producer_teams=[{!r}]))"
    head = "from airflow.sdk import AssetAccessControl\n"
    lab.commit("sha1", pinned=head + dag_file("pinned", f"schedule=[{asset.format('old')}]"))
    lab.pin("pinned", 1)

    lab.commit("sha2", pinned=head + dag_file("pinned", f"schedule=[{asset.format('new')}]"))

    teams = select(DagScheduleAssetReference.allow_producer_teams)
    assert lab.session.scalars(teams).all() == [["old"]]
