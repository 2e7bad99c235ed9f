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

import sqlite3
import threading
import time
from contextlib import closing, contextmanager

import pytest
from airflow import settings
from airflow.models.dag import DagModel
from airflow.utils import retries
from sqlalchemy import select, update
from sqlalchemy.exc import DataError, OperationalError

from airflow_providers_pinning.domain.changes import pins, rollback, sqlite_turns, transactions
from airflow_providers_pinning.domain.changes.transactions import commit, rehearse
from airflow_providers_pinning.domain.errors import (
    DatabaseBusyError,
    DatabaseUnavailableError,
    UnknownVersionError,
)
from airflow_providers_pinning.models import Event
from tests.support.patience import PATIENCE, wait_for
from tests.support.remembered import remembered
from tests.support.sources import dag_file


@pytest.fixture(autouse=True)
@remembered
def registered(lab):
    lab.commit("sha1", orders=dag_file("orders"))


@pytest.fixture(autouse=True)
def without_waiting(monkeypatch):
    monkeypatch.setattr(transactions, "PAUSES", (0.0, 0.0))


def pin(lab, number=1):
    return pins.pin_version("orders", pins.Target(version_number=number), lab.change(), session=lab.session)


def fail_first(change, times):
    """Return the change, but let the database fail after it so many times."""
    left = iter(range(times))

    def failing():
        result = change()
        if next(left, None) is not None:
            raise OperationalError("a deadlock", None, Exception())
        return result

    return failing


def test_a_change_is_committed(lab):
    commit(lambda: pin(lab), session=lab.session)
    lab.session.rollback()

    assert lab.pin_state("orders").pinned


def test_a_change_that_fails_in_the_database_is_made_again_and_once(lab):
    state = commit(fail_first(lambda: pin(lab), 1), session=lab.session)

    assert state.revision == 1
    assert len(lab.session.scalars(select(Event)).all()) == 1


def test_a_change_that_fails_again_and_again_is_given_up_and_leaves_nothing(lab):
    with pytest.raises(OperationalError):
        commit(fail_first(lambda: pin(lab), retries.MAX_DB_RETRIES), session=lab.session)

    assert lab.pin_row("orders") is None
    assert lab.session.scalars(select(Event)).all() == []


def test_a_refusal_is_not_tried_again_and_leaves_nothing(lab):
    tries = []

    def refused():
        tries.append(1)
        return pin(lab, 99)

    with pytest.raises(UnknownVersionError):
        commit(refused, session=lab.session)

    assert len(tries) == 1
    assert lab.pin_row("orders") is None


@pytest.mark.parametrize("run", [commit, rehearse])
def test_a_value_that_the_database_refuses_is_not_tried_again(run, lab):
    tries = []

    def refused():
        tries.append(pin(lab))
        raise DataError("value too long", None, Exception())

    with pytest.raises(DataError):
        run(refused, session=lab.session)

    assert len(tries) == 1
    assert lab.pin_row("orders") is None


def test_a_rehearsal_tells_what_would_be_and_leaves_nothing(lab):
    state = rehearse(lambda: pin(lab), session=lab.session)

    assert (state.pinned, state.revision) == (True, 1)
    assert lab.pin_row("orders") is None
    assert lab.session.scalars(select(Event)).all() == []
    assert lab.managed("orders") == {}


def test_a_rehearsal_that_fails_in_the_database_is_made_again(lab):
    assert rehearse(fail_first(lambda: pin(lab), 1), session=lab.session).revision == 1


def test_a_rehearsal_is_refused_as_the_change_would_be(lab):
    with pytest.raises(UnknownVersionError):
        rehearse(lambda: pin(lab, 99), session=lab.session)

    assert lab.pin_row("orders") is None


@contextmanager
def writer():
    """Hold SQLite's one right to write, from another connection."""
    with closing(sqlite3.connect(settings.engine.url.database, isolation_level=None, timeout=30)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")


def lined_up():
    """Return how many changes of this process have the turn or wait for it."""
    return sqlite_turns._queue._taken + len(sqlite_turns._queue._waiting)


def insist(connection, statement):
    """Execute a statement of a writer that comes back as soon as it can."""
    while True:
        try:
            return connection.execute(statement)
        except sqlite3.OperationalError:
            time.sleep(0.001)


class TestBesideOtherWriters:
    def test_a_change_that_never_gets_its_turn_is_refused_and_leaves_nothing(self, lab, monkeypatch):
        monkeypatch.setattr(transactions, "RETRY_FOR", 0.5)
        began = time.monotonic()

        with writer(), pytest.raises(DatabaseBusyError, match="no change was made") as refusal:
            commit(lambda: pin(lab), session=lab.session)

        assert refusal.value.data["retry_after"] > 0
        assert time.monotonic() - began < 30
        assert lab.pin_row("orders") is None

    @pytest.mark.parametrize("run", [commit, rehearse])
    def test_a_change_gets_its_turn_between_writers_that_leave_hardly_a_gap(self, run, lab):
        """SQLite itself asks ten times a second, and so would miss gaps of a few milliseconds again and again."""
        gaps = []
        holds, ended = threading.Event(), threading.Event()

        def write_on_and_on():
            with closing(sqlite3.connect(settings.engine.url.database, isolation_level=None, timeout=0)) as connection:
                while not ended.is_set():
                    insist(connection, "BEGIN IMMEDIATE")
                    holds.set()
                    time.sleep(0.15)
                    holds.clear()
                    insist(connection, "COMMIT")
                    gaps.append(1)
                    time.sleep(0.004)

        other = threading.Thread(target=write_on_and_on)
        other.start()
        try:
            for _ in range(12):
                assert holds.wait(PATIENCE)
                assert run(lambda: pin(lab), session=lab.session)
        finally:
            ended.set()
            other.join()
        # Three in about four gaps are met by asking every few milliseconds, one in thirty by SQLite.
        assert len(gaps) < 12 * 7

    def test_changes_of_one_process_take_turns_in_the_order_in_which_they_came(self, lab):
        """However many wait, none is passed over."""
        order = []

        def change(number):
            with settings.NonScopedSession() as session:
                commit(lambda: (unpause(session), order.append(number)), session=session)

        def unpause(session):
            session.execute(update(DagModel).values(is_paused=False))

        threads = [threading.Thread(target=change, args=(number,)) for number in range(8)]
        with writer():
            for number, thread in enumerate(threads, start=1):
                thread.start()
                wait_for(lambda: lined_up() == number)  # noqa: B023
        for thread in threads:
            thread.join(PATIENCE)

        assert order == list(range(8))

    def test_the_patience_of_the_connection_is_as_before(self, lab):
        before = lab.session.connection().exec_driver_sql("PRAGMA busy_timeout").all()
        lab.session.rollback()
        commit(lambda: pin(lab), session=lab.session)

        assert lab.session.connection().exec_driver_sql("PRAGMA busy_timeout").all() == before != [(0,)]


class Lost(sqlite3.OperationalError):
    """The connection broke."""


def lost():
    return OperationalError("COMMIT", {}, Lost("server closed the connection"), connection_invalidated=True)


class TestLostConnection:
    @pytest.fixture
    @remembered
    def rolled_forward(self, lab):
        """Pin three versions one after another, so that a rollback made twice goes back by two."""
        for number in (2, 3):
            lab.pin("orders", number - 1)
            lab.commit(f"sha{number}", orders=dag_file("orders", tasks=" ".join("abc"[:number])))
        lab.pin("orders", 3)
        return lab

    def roll_back(self, lab):
        return rollback.roll_back("orders", lab.change(), to_version=None, session=lab.session)

    def test_before_the_commit_leaves_nothing_and_is_tried_again(self, rolled_forward):
        lab = rolled_forward
        left = [lost()]

        def change():
            state = self.roll_back(lab)
            if left:
                raise left.pop()
            return state

        assert commit(change, session=lab.session).active.version_number == 2
        assert lab.pin_row("orders").version_number == 2

    def test_that_does_not_come_back_is_refused_and_leaves_nothing(self, rolled_forward):
        lab = rolled_forward

        def change():
            self.roll_back(lab)
            raise lost()

        with pytest.raises(DatabaseUnavailableError, match="no change was made"):
            commit(change, session=lab.session)
        assert lab.pin_row("orders").version_number == 3

    def test_of_a_commit_that_was_made_is_not_tried_again(self, rolled_forward, monkeypatch):
        """The change has no idempotency key: made once more, it would go back by another version."""
        lab = rolled_forward
        really_commit = lab.session.commit

        def commit_without_an_answer():
            really_commit()
            raise lost()

        with monkeypatch.context() as patched:
            patched.setattr(lab.session, "commit", commit_without_an_answer)
            with pytest.raises(DatabaseUnavailableError, match="is unknown"):
                commit(lambda: self.roll_back(lab), session=lab.session)
        assert lab.pin_row("orders").version_number == 2
