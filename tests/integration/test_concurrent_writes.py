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
"""Traps T4 and T5: the dag processor writes a Dag while its pin changes."""

from __future__ import annotations

import pytest
from airflow.dag_processing.dagbag import DagBag, sync_bag_to_db
from airflow.models.dag import DagModel
from sqlalchemy import select

from airflow_providers_pinning.domain.changes.pins import Target, pin_version, unpin
from airflow_providers_pinning.domain.errors import VersionDriftedError
from airflow_providers_pinning.domain.history.events import Caller, Change
from airflow_providers_pinning.models import Pin
from tests.support.lab import BUNDLE
from tests.support.sources import CHANGED, STABLE

CHANGE = Change(Caller("alice"), "because")


def parse(lab, sha, **sources):
    """Return the writing of a commit, as an action; the commit's files are written and parsed now."""
    checkout = lab.root / BUNDLE / sha
    checkout.mkdir(parents=True, exist_ok=True)
    for name, source in sources.items():
        (checkout / f"{name}.py").write_text(source)
    bag = DagBag(checkout, safe_mode=False, bundle_path=checkout, bundle_name=BUNDLE)
    return lambda session: sync_bag_to_db(bag, BUNDLE, sha, session=session)


def pin(dag_id, number, **conditions):
    """Return the pinning of a version, as an action."""
    return lambda session: pin_version(dag_id, Target(version_number=number, **conditions), CHANGE, session=session)


def dedented(source):
    from textwrap import dedent

    return dedent(source)


def metadata(lab, dag_id="orders"):
    dag = lab.dag_model(dag_id)
    return dag.bundle_version, dag.timetable_summary, dag.max_active_runs, {tag.name for tag in dag.tags}


STABLE_METADATA = ("sha1", "0 0 * * *", 2, {"stable"})


@pytest.fixture
def registered(lab):
    """Register one version, which has no runs yet: stock would rewrite it in place."""
    lab.commit("sha1", orders=STABLE)
    return lab


class TestPinThatCommitsWhileTheProcessorWaits:
    @pytest.mark.parametrize("beside", [{}, {"other": STABLE.replace("orders", "other")}], ids=["alone", "two"])
    def test_is_not_overwritten(self, registered, elsewhere, beside):
        before = registered.bytes_of("orders", 1)
        pinning = elsewhere(pin("orders", 1))
        pinning.wait_until_acted()
        sources = {name: dedented(source) for name, source in {"orders": CHANGED, **beside}.items()}
        writing = elsewhere(parse(registered, "sha2", **sources))
        writing.wait_until_locked_out()
        pinning.commit()
        writing.commit()
        assert metadata(registered) == STABLE_METADATA
        assert registered.bytes_of("orders", 1) == before
        assert registered.numbers("orders") == [1, 2]

    def test_moves_the_metadata_from_one_pinned_version_to_another(self, registered, elsewhere):
        registered.pin("orders", 1)
        registered.commit("sha2", orders=CHANGED)
        moving = elsewhere(pin("orders", 2))
        moving.wait_until_acted()
        writing = elsewhere(parse(registered, "sha3", orders=dedented(STABLE).replace("stable", "third")))
        writing.wait_until_locked_out()
        moving.commit()
        writing.commit()
        assert metadata(registered) == ("sha2", "0 * * * *", 7, {"changed"})
        assert registered.numbers("orders") == [1, 2, 3]

    def test_unpinning_lets_head_through(self, registered, elsewhere):
        registered.pin("orders", 1)
        registered.commit("sha2", orders=CHANGED)
        unpinning = elsewhere(lambda session: unpin("orders", CHANGE, session=session))
        unpinning.wait_until_acted()
        third = dedented(STABLE).replace("stable", "third")
        writing = elsewhere(parse(registered, "sha3", orders=third))
        writing.wait_until_locked_out()
        unpinning.commit()
        writing.commit()
        assert metadata(registered) == ("sha3", "0 0 * * *", 2, {"third"})


class TestPinThatWaitsForTheProcessor:
    def test_takes_what_was_written(self, registered, elsewhere):
        writing = elsewhere(parse(registered, "sha2", orders=dedented(CHANGED)))
        writing.wait_until_acted()
        pinning = elsewhere(pin("orders", 1))
        pinning.wait_until_locked_out()
        writing.commit()
        pinning.commit()
        # No run had used version 1, so the commit rewrote it before it was pinned.
        row = registered.pin_row("orders")
        assert (row.bundle_version, row.dag_hash) == ("sha2", registered.serialized("orders", 1).dag_hash)
        assert metadata(registered) == ("sha2", "0 * * * *", 7, {"changed"})

    def test_is_refused_if_that_is_not_what_was_approved(self, registered, elsewhere):
        approved = registered.serialized("orders", 1).dag_hash
        writing = elsewhere(parse(registered, "sha2", orders=dedented(CHANGED)))
        writing.wait_until_acted()
        pinning = elsewhere(pin("orders", 1, expected_dag_hash=approved))
        pinning.wait_until_locked_out()
        writing.commit()
        with pytest.raises(VersionDriftedError):
            pinning.commit()
        row = registered.pin_row("orders")
        assert row is None or row.dag_version_id is None

    def test_protects_the_version_that_the_processor_confirmed(self, registered, elsewhere):
        before = registered.bytes_of("orders", 1)
        writing = elsewhere(parse(registered, "sha1", orders=dedented(STABLE)))
        writing.wait_until_acted()
        pinning = elsewhere(pin("orders", 1))
        pinning.wait_until_locked_out()
        writing.commit()
        pinning.commit()
        registered.commit("sha2", orders=CHANGED)
        assert registered.bytes_of("orders", 1) == before
        assert metadata(registered) == STABLE_METADATA


def test_pins_and_commits_at_full_speed_never_disagree(registered, elsewhere, session):
    registered.pin("orders", 1)
    registered.commit("sha2", orders=CHANGED)
    registered.candidate("orders", 2)
    before = registered.bytes_of("orders", 1), registered.bytes_of("orders", 2)
    commits = [parse(registered, f"sha{n}", orders=dedented(STABLE).replace("stable", f"tag{n}")) for n in range(3, 23)]

    def flip(own):
        for turn in range(30):
            pin("orders", 1 + turn % 2)(own)
            own.commit()
            dag = own.execute(select(DagModel.bundle_version, DagModel.max_active_runs)).one()
            assert dag == (("sha1", 2), ("sha2", 7))[turn % 2]

    def write(own):
        for commit in commits:
            commit(own)
            own.commit()
            # Read in one statement: the pin may change between two.
            [(of_dag, of_pin)] = own.execute(
                select(DagModel.bundle_version, Pin.bundle_version).join(Pin, Pin.dag_id == DagModel.dag_id)
            )
            assert of_dag == of_pin

    flipping, writing = elsewhere(flip), elsewhere(write)
    flipping.commit()
    writing.commit()
    assert (registered.bytes_of("orders", 1), registered.bytes_of("orders", 2)) == before
    assert registered.numbers("orders") == [1, 2, 3]
