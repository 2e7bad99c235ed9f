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
"""What becomes of a change when PostgreSQL is busy or goes away."""

from __future__ import annotations

import pytest
from airflow.models.dag import DagModel
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from airflow_providers_pinning.domain import locks
from airflow_providers_pinning.domain.changes import transactions
from airflow_providers_pinning.domain.changes.database_errors import Trouble, trouble_of
from airflow_providers_pinning.domain.changes.pins import Target, pin_version
from airflow_providers_pinning.domain.errors import DatabaseBusyError, DatabaseUnavailableError
from airflow_providers_pinning.domain.history.events import Caller, Change
from airflow_providers_pinning.models import Event
from tests.support.sources import STABLE

CHANGE = Change(Caller("alice"), "because")


@pytest.fixture(autouse=True)
def registered(lab, monkeypatch):
    monkeypatch.setattr(transactions, "PAUSES", (0.01, 0.05))
    lab.commit("sha1", orders=STABLE)


def pin(session):
    return pin_version("orders", Target(version_number=1), CHANGE, session=session)


def end_backend_of(session, server):
    server.execute(f"SELECT pg_terminate_backend({session.scalar(text('SELECT pg_backend_pid()'))})")


class TestLockThatIsNotGiven:
    """By whoever holds it for long, such as a backfill that creates thousands of runs in one transaction."""

    @pytest.fixture(autouse=True)
    def impatient(self, monkeypatch):
        monkeypatch.setattr(transactions, "RETRY_FOR", 0.5)
        monkeypatch.setattr(locks, "LOCK_TIMEOUT", "200ms")
        locks._shut.cache_clear()
        yield
        monkeypatch.undo()
        locks._shut.cache_clear()

    @pytest.mark.parametrize(
        "hold",
        [
            lambda own: locks.pass_gate("orders", session=own),
            lambda own: own.execute(select(DagModel.dag_id).with_for_update(key_share=True)).all(),
        ],
        ids=["gate", "row"],
    )
    def test_is_waited_for_only_so_long(self, hold, elsewhere, lab):
        holding = elsewhere(hold)
        holding.wait_until_acted()
        with pytest.raises(DatabaseBusyError, match="no change was made"):
            transactions.commit(lambda: pin(lab.session), session=lab.session)
        holding.commit()
        assert lab.pin_row("orders") is None
        assert transactions.commit(lambda: pin(lab.session), session=lab.session).pinned

    def test_is_waited_for_no_longer_than_the_deployment_says(self, elsewhere, lab):
        holding = elsewhere(lambda own: locks.pass_gate("orders", session=own))
        holding.wait_until_acted()
        lab.session.execute(text("SET LOCAL lock_timeout = '30ms'"))
        with pytest.raises(DBAPIError):
            pin(lab.session)
        lab.session.rollback()
        holding.commit()

    def test_is_waited_for_as_before_in_the_next_transaction(self, lab):
        transactions.commit(lambda: pin(lab.session), session=lab.session)
        assert lab.session.scalar(text("SHOW lock_timeout")) == "0"


class TestLostConnection:
    def test_in_the_middle_of_a_change_is_made_up_for(self, lab, server, session):
        tries = []

        def change():
            state = pin(session)
            tries.append(state)
            if len(tries) == 1:
                end_backend_of(session, server)
            return state

        # The flush or the commit finds out.
        with pytest.raises(DatabaseUnavailableError, match="is unknown"):
            transactions.commit(change, session=session)
        assert lab.pin_row("orders") is None
        assert transactions.commit(change, session=session).revision == 1
        assert len(session.scalars(select(Event)).all()) == 1

    def test_before_the_commit_is_tried_again(self, lab, server, session):
        tries = []

        def change():
            tries.append(1)
            if len(tries) == 1:
                end_backend_of(session, server)
            return pin(session)

        assert transactions.commit(change, session=session).revision == 1
        assert len(tries) == 2


@pytest.mark.parametrize(
    ("statement", "trouble"),
    [
        ("DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '40001'; END $$", Trouble.BUSY),
        ("DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '40P01'; END $$", Trouble.BUSY),
        ("DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '55P03'; END $$", Trouble.BUSY),
        ("SET LOCAL statement_timeout = '20ms'; SELECT pg_sleep(5)", Trouble.BUSY),
        ("DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '53300'; END $$", Trouble.GONE),
        ("SELECT pg_terminate_backend(pg_backend_pid())", Trouble.GONE),
        ("SELECT no_such_column", None),
        ("SELECT 1 / 0", None),
    ],
)
def test_errors_of_the_database_are_told_apart(statement, trouble, session):
    with pytest.raises(DBAPIError) as raised:
        session.execute(text(statement))
    assert trouble_of(raised.value) is trouble
