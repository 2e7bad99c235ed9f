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
"""A rollback on the command line that repairs runs: what is told of them, and how it goes on."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import select

from airflow_providers_pinning.domain.changes import run_repair, run_repair_part
from airflow_providers_pinning.domain.errors import DatabaseBusyError, DatabaseUnavailableError
from airflow_providers_pinning.models import Event
from tests.unit.domain.changes.test_run_repair import run

ROLL_BACK = ("rollback", "orders", "--finished", "rerun", "--unfinished", "cancel", "--reason", "tested")
KEY = r"--idempotency-key (cli-[0-9a-f-]{36})"


@pytest.fixture(autouse=True)
def bad(orders):
    orders.pin("orders", 1)
    orders.pin("orders", 2)
    run(orders, "wrong", "success", tasks="success")
    run(orders, "failed", "failed", tasks="failed")
    run(orders, "waiting")
    return orders


@pytest.fixture
def ended_by(monkeypatch):
    """Return a function that lets the repair end after its first part, of one run."""

    def ending(error):
        parts, part = [], run_repair.next_part

        def failing(*given, **named):
            if parts:
                raise error
            parts.append(part(*given, **named))
            return parts[0]

        monkeypatch.setattr(run_repair_part, "RUNS_AT_A_TIME", 1)
        monkeypatch.setattr(run_repair, "next_part", failing)

    return ending


def rollbacks(lab):
    lab.session.rollback()
    return len(lab.session.scalars(select(Event).where(Event.kind == "rolled_back")).all())


@pytest.mark.parametrize("how", [("--yes",), ()], ids=["not asked", "asked"])
def test_what_became_of_the_runs_is_told_at_the_end(how, pinning):
    done = pinning(*ROLL_BACK, *how, typed=None if how else "y\n")

    assert done.code == 0, done.err
    assert done.err.endswith("Done (revision 3).\nRepaired: 1 run canceled, 2 runs rerun.\n")


def test_runs_that_were_left_alone_meanwhile_are_told_with_the_reason(pinning, bad, monkeypatch):
    part = run_repair.next_part

    def ended(*given, **named):
        run = next(found for found in bad.runs("orders") if found.run_id == "waiting")
        if run.state == "queued" and run.clear_number == 0:
            named["session"].get(type(run), run.id).state = "success"
            named["session"].flush()
        return part(*given, **named)

    monkeypatch.setattr(run_repair, "next_part", ended)
    done = pinning(*ROLL_BACK, "--yes")

    assert "\\n" not in done.err
    assert "Repaired: 0 runs canceled, 2 runs rerun.\nSkipped: Run 'waiting' ended before" in done.err


def test_interrupted_after_the_rollback_tells_the_key_with_which_it_goes_on(pinning, bad, ended_by, monkeypatch):
    ended_by(KeyboardInterrupt())
    done = pinning(*ROLL_BACK, "--yes")

    assert (done.code, rollbacks(bad)) == (130, 1)
    told = re.fullmatch(
        rf"Interrupted after the rollback \(revision 3\)\. The repair is not finished\. Continue with the same "
        rf"command and {KEY}; without the key, the command rolls back again\.",
        done.err.splitlines()[-1],
    )
    assert told, done.err

    monkeypatch.undo()
    again = pinning(*ROLL_BACK, "--yes", "--idempotency-key", told[1])
    assert (again.code, rollbacks(bad)) == (0, 1)
    assert "Repaired: 1 run canceled, 2 runs rerun." in again.err


def test_a_busy_database_does_not_say_that_nothing_was_changed(pinning, bad, ended_by):
    ended_by(DatabaseBusyError("Nothing was changed. Try again.", retry_after=2))
    done = pinning(*ROLL_BACK, "--yes")

    assert (done.code, "o change was made" in done.err) == (1, False)
    assert "database_busy: The rollback was made (revision 3), but 2 runs are not repaired yet." in done.err
    assert re.search(KEY, done.err)


def test_any_other_error_of_the_repair_tells_how_to_go_on(pinning, ended_by):
    ended_by(RuntimeError("a bug"))
    done = pinning(*ROLL_BACK, "--yes")

    assert done.code == 1
    assert "The rollback was made (revision 3), but the repair is not finished. Continue with" in done.err
    assert re.search(KEY, done.err)


def test_a_commit_without_an_answer_tells_the_key(pinning, monkeypatch):
    def lost(*args, **options):
        raise DatabaseUnavailableError("Whether it was made is unknown.", retry_after=5)

    monkeypatch.setattr("airflow_providers_pinning.cli.change.commit", lost)
    done = pinning(*ROLL_BACK, "--yes")

    assert re.search(r"The idempotency key of this command is cli-[0-9a-f-]{36}: use --idempotency-key", done.err)


def test_runs_that_are_left_at_the_end_make_an_exit_code_of_their_own(pinning, monkeypatch):
    monkeypatch.setattr(run_repair_part, "_clear", lambda *given, **named: None)
    monkeypatch.setattr(run_repair_part, "RUNS_AT_A_TIME", 1)
    done = pinning(*ROLL_BACK, "--yes", "-o", "json")

    assert done.code == 10
    assert done.json["repair"]["pending"] == 1
    assert re.search(rf"1 run is not repaired yet\. Run the command again with {KEY} to continue\.", done.err)
