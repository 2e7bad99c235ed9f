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
"""Whatever the order in which files are parsed, their assets come out the same, and stay so."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, given, note, settings
from hypothesis import strategies as st

from airflow_providers_pinning.domain.changes import pins
from airflow_providers_pinning.domain.history.events import Caller, Change
from tests.support.asset_world import AssetWorld, Use

DAGS = ("first", "second", "third")
NAMES = ("a", "b")
URIS = ("x://b/one", "x://b/two")

keys = st.tuples(st.sampled_from(NAMES), st.sampled_from(URIS))
definitions = st.tuples(st.sampled_from((None, "/w1", "/w2")), st.sampled_from("xy"), st.sampled_from(("g", "h")))
of_keys = st.fixed_dictionaries({(name, uri): definitions for name in NAMES for uri in URIS})
roles = st.sampled_from(("schedule", "outlet", "inlet"))


@st.composite
def at_head(draw):
    """
    Draw what HEAD says: each name has one URI and each URI one name, and all files define an asset alike.

    Each file uses an asset: stock leaves the references of one that uses none any more as they are.
    """
    said = draw(of_keys)
    chosen = draw(st.sampled_from(((("a", "x://b/one"), ("b", "x://b/two")), (("a", "x://b/two"), ("b", "x://b/one")))))
    return {
        dag_id: [
            use(key, role, said[key])
            for key, role in draw(st.dictionaries(st.sampled_from(chosen), roles, min_size=1)).items()
        ]
        for dag_id in DAGS
    }


@st.composite
def of_the_past(draw):
    """Draw what versions of the past say, which need not agree."""
    said = draw(st.fixed_dictionaries({dag_id: of_keys for dag_id in DAGS}))
    uses = {}
    for dag_id in DAGS:
        used = draw(st.dictionaries(keys, roles, max_size=2))
        if len({name for name, _ in used}) == len({uri for _, uri in used}) == len(used):
            uses[dag_id] = [use(key, role, said[dag_id][key]) for key, role in used.items()]
        else:
            uses[dag_id] = []
    return uses


def use(key, role, definition):
    watcher, extra, group = definition
    return Use(*key, role=role, watcher=watcher, extra=extra, group=group)


orders = st.lists(st.sampled_from(DAGS), max_size=4).flatmap(
    lambda some: st.permutations(DAGS).map(lambda all_of_them: [*some, *all_of_them])
)


def expected(past, head, pinned):
    """Say from the rules alone what each used asset is, and which are active; pinned ones in the order of their age."""
    active_uses = {dag_id: (past if dag_id in pinned else head)[dag_id] for dag_id in DAGS}
    users = {}
    for dag_id, uses in active_uses.items():
        for one in uses:
            users.setdefault(one.key, []).append((dag_id not in pinned, DAGS.index(dag_id), one))
    decided = {key: max(found, key=lambda user: user[:2]) for key, found in users.items()}
    active = set()
    for key in sorted(decided, key=lambda key: decided[key][:2], reverse=True):
        if not any(key[0] == other[0] or key[1] == other[1] for other in active):
            active.add(key)
    shown = {}
    for key, (_, _, one) in decided.items():
        waited_for = any(user.role == "schedule" for _, _, user in users[key])
        waited_for_by_pinned = any(user.role == "schedule" and not unpinned for unpinned, _, user in users[key])
        extra, group, watchers = one.definition
        watched = waited_for and (key in active or waited_for_by_pinned)
        shown[key] = (extra, group, watchers if watched else frozenset())
    return active, shown


@settings(
    max_examples=30,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),  # Making an example smaller takes minutes here.
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    past=of_the_past(),
    head=at_head(),
    pinned=st.sets(st.sampled_from(DAGS)),
    until_known=orders,
    until_settled=orders,
    afterwards=orders,
)
def test_assets_come_out_the_same_in_any_order(
    past, head, pinned, until_known, until_settled, afterwards, empty, tmp_path, session
):
    empty()
    world = AssetWorld(tmp_path, session)
    for dag_id in DAGS:
        world.parse(dag_id, past[dag_id], "sha1")
    for dag_id in pinned:
        pins.pin_version(dag_id, pins.Target(version_number=1), Change(Caller("alice"), "x"), session=session)
        session.commit()
    for dag_id in until_known:
        world.parse(dag_id, head[dag_id], "sha2")
    for _ in range(2):
        world.upkeep()
    for dag_id in until_settled:
        world.parse(dag_id, head[dag_id], "sha2")
    active, shown = expected(past, head, pinned)
    note(f"expected: {active} {shown}")

    assert world.active() == active
    assert {key: world.definitions()[key] for key in shown} == shown

    for dag_id in afterwards:
        world.parse(dag_id, head[dag_id], "sha2")
        world.upkeep()
        assert world.active() == active, f"after {dag_id}"
        assert {key: world.definitions()[key] for key in shown} == shown, f"after {dag_id}"


@pytest.fixture
def empty(session):
    """Return what empties the database, which every example begins with."""
    from airflow.models.base import Base as AirflowBase

    from airflow_providers_pinning.models import Base as PinningBase

    def run():
        session.rollback()
        session.expunge_all()
        for metadata in (PinningBase.metadata, AirflowBase.metadata):
            for table in reversed(metadata.sorted_tables):
                if table.name not in {"log_template", "slot_pool"}:
                    session.execute(table.delete())
        session.commit()

    return run
