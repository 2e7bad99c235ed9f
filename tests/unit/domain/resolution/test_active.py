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
from airflow.models.dag_version import DagVersion
from airflow.models.serialized_dag import SerializedDagModel
from sqlalchemy import select, update
from sqlalchemy.orm import aliased

from airflow_providers_pinning.domain.errors import PinUnavailableError
from airflow_providers_pinning.domain.resolution import active, locked_pin
from airflow_providers_pinning.domain.resolution.active import Resolution, resolved
from tests.support.remembered import remembered
from tests.support.sources import dag_file


@pytest.fixture
@remembered
def pinned(lab):
    lab.commit("sha1", orders=dag_file("orders"), invoices=dag_file("invoices"))
    lab.pin("orders", 1)
    lab.commit("sha2", orders=dag_file("orders", tasks="one two"))
    return lab


def latest_number(lab, dag_id="orders"):
    return DagVersion.get_latest_version(dag_id, session=lab.session).version_number


def active_numbers(lab):
    return lab.session.scalars(
        select(DagVersion.version_number).where(DagVersion.dag_id == "orders", active.is_active())
    ).all()


def rewrite_hash(lab):
    lab.session.execute(
        update(SerializedDagModel)
        .where(SerializedDagModel.dag_version_id == lab.version("orders", 1).id)
        .values(dag_hash="rewritten")
    )
    lab.session.commit()


REWRITES = pytest.mark.parametrize(
    "rewrite",
    [
        pytest.param(lambda lab: lab.rewrite("orders", 1, bundle_name="elsewhere"), id="its bundle"),
        pytest.param(lambda lab: lab.rewrite("orders", 1, bundle_version="rewritten"), id="its commit"),
        pytest.param(rewrite_hash, id="its structure"),
    ],
)
"""Whatever of the pinned version's identity is changed by a host that does not enforce pins."""


class TestResolution:
    def test_answers_instead_of_the_pin(self, pinned):
        with resolved(Resolution("orders", pinned.version("orders", 2).id)):
            assert latest_number(pinned) == 2

    def test_of_nothing_answers_with_the_latest_version(self, pinned):
        with resolved(Resolution("orders", None)):
            assert latest_number(pinned) == 2

    def test_ends_with_its_block(self, pinned):
        with resolved(Resolution("orders", None)):
            pass

        assert latest_number(pinned) == 1

    def test_ends_with_its_block_although_that_failed(self, pinned):
        with pytest.raises(ZeroDivisionError), resolved(Resolution("orders", None)):
            raise ZeroDivisionError

        assert latest_number(pinned) == 1

    def test_is_of_one_dag(self, pinned):
        with resolved(Resolution("invoices", None)):
            assert latest_number(pinned) == 1

    def test_gives_way_to_one_inside_it(self, pinned):
        with resolved(Resolution("orders", None)):
            with resolved(Resolution("orders", pinned.version("orders", 1).id)):
                assert latest_number(pinned) == 1
            assert latest_number(pinned) == 2


class TestCondition:
    def test_holds_for_the_pinned_version_and_all_of_dags_that_are_not_pinned(self, pinned):
        found = pinned.session.execute(
            select(DagVersion.dag_id, DagVersion.version_number).where(active.is_active()).order_by(DagVersion.dag_id)
        )

        assert [tuple(row) for row in found] == [("invoices", 1), ("orders", 1)]

    @REWRITES
    def test_holds_for_no_version_if_the_pinned_one_was_rewritten(self, rewrite, pinned):
        rewrite(pinned)

        assert active_numbers(pinned) == []

    def test_holds_for_no_version_if_the_serialized_dag_of_the_pinned_one_is_gone(self, pinned):
        pinned.session.delete(pinned.serialized("orders", 1))
        pinned.session.commit()

        assert active_numbers(pinned) == []

    def test_does_not_hold_for_another_version_of_the_same_commit_and_structure(self, pinned):
        pinned.parse("sha1")
        assert pinned.serialized("orders", 2).dag_hash == pinned.serialized("orders", 1).dag_hash
        assert pinned.version("orders", 2).bundle_version == "sha1"

        assert active_numbers(pinned) == [1]

    def test_can_be_put_on_an_alias(self, pinned):
        version = aliased(DagVersion)

        found = pinned.session.scalars(
            select(version.version_number).where(version.dag_id == "orders", active.is_active(version))
        )

        assert found.all() == [1]


@REWRITES
def test_a_pin_that_cannot_be_honored_is_not_held_for_the_creation_of_a_run(rewrite, pinned):
    rewrite(pinned)

    with pytest.raises(PinUnavailableError, match="which was rewritten"):
        locked_pin.lock_active_pin("orders", session=pinned.session)
