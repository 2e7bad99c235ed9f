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
"""Errors become one line on stderr and an exit code."""

from __future__ import annotations

import inspect

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DataError, InterfaceError, OperationalError

from airflow_providers_pinning.cli.commands import pins
from airflow_providers_pinning.domain import errors
from airflow_providers_pinning.vocabulary import ExitCode

REFUSALS = [error for _, error in inspect.getmembers(errors, inspect.isclass) if issubclass(error, errors.PinningError)]


@pytest.fixture
def fail(monkeypatch):
    """Return a function that lets every look at a release state fail."""

    def fail_with(error):
        def failing(*args, **options):
            raise error

        monkeypatch.setattr(pins, "release_state", failing)

    return fail_with


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda refusal: refusal.reason)
def test_every_refusal_has_the_exit_code_that_fits_its_http_status(refusal, fail, pinning):
    fail(refusal("Not now. Wait."))

    done = pinning("status", "orders")
    assert (done.out, done.err) == ("", f"airflow pinning status: {refusal.reason}: Not now. Wait.\n")
    assert done.code == {403: 3, 404: 4, 409: 3, 422: 2, 503: 1}[refusal.refusal.status]


def test_a_message_with_control_characters_stays_one_line(fail, pinning):
    fail(errors.DagHeldError("by \x1b[31mmallory\n[bold]"))

    assert pinning("status", "orders").err == "airflow pinning status: held: by \\x1b[31mmallory\\n[bold]\n"


def test_a_failure_is_one_line_without_a_traceback(fail, pinning):
    fail(RuntimeError("disk\nfull"))

    done = pinning("status", "orders")
    assert done.code == ExitCode.UNEXPECTED
    assert done.err == "airflow pinning status: RuntimeError: disk full. Run it again with --verbose for details.\n"


def test_a_failure_can_be_seen_completely(fail, pinning):
    fail(RuntimeError("disk full"))

    with pytest.raises(RuntimeError):
        pinning("status", "orders", "--verbose")


def test_a_refusal_has_nothing_more_to_see(fail, pinning):
    fail(errors.DagHeldError("Not now."))

    assert pinning("status", "orders", "--verbose").code == ExitCode.REFUSED


def test_a_database_that_fails_is_told_with_a_remedy(fail, pinning):
    fail(OperationalError(None, None, Exception("could not connect\nto server")))

    done = pinning("status", "orders")
    assert done.code == ExitCode.UNEXPECTED
    assert "database: could not connect to server. Check [database] sql_alchemy_conn" in done.err
    assert len(done.err.splitlines()) == 1


def test_a_connection_that_broke_is_told_with_the_same_remedy(fail, pinning):
    fail(InterfaceError("SELECT 1", None, Exception("server closed"), connection_invalidated=True))

    assert "database: server closed. Check [database] sql_alchemy_conn" in pinning("status", "orders").err


def test_a_statement_that_fails_is_not_said_to_be_for_want_of_a_connection(fail, pinning):
    fail(OperationalError("SELECT 1", None, Exception("disk is full")))

    done = pinning("status", "orders")
    assert (done.code, done.err) == (
        1,
        "airflow pinning status: database: disk is full. Run it again with --verbose for details.\n",
    )


def test_a_value_that_the_database_refuses_is_wrong_usage(fail, pinning):
    fail(DataError("INSERT", None, Exception("invalid byte sequence")))

    done = pinning("status", "orders")
    assert done.code == ExitCode.USAGE
    assert done.err == (
        "airflow pinning status: invalid_value: the database cannot store one of the values: invalid byte sequence.\n"
    )


@pytest.fixture
def without_tables(session):
    """Take the table of pins away for the length of the test, and the note that it was migrated."""
    session.execute(text("ALTER TABLE pinning_pin RENAME TO pinning_pin_away"))
    session.execute(text("ALTER TABLE alembic_version_pinning RENAME TO alembic_version_pinning_away"))
    session.commit()
    yield
    session.rollback()
    session.execute(text("ALTER TABLE pinning_pin_away RENAME TO pinning_pin"))
    session.execute(text("ALTER TABLE alembic_version_pinning_away RENAME TO alembic_version_pinning"))
    session.commit()


def test_missing_tables_are_told_with_the_command_that_makes_them(without_tables, pinning):
    done = pinning("list")

    assert done.code == ExitCode.UNEXPECTED
    assert "the tables of the pin store are missing or outdated. Run `airflow db migrate`." in done.err
    assert len(done.err.splitlines()) == 1
