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
"""Rehearsal, confirmation and refusal, which every change goes through."""

from __future__ import annotations

import io
import json
import re

import pytest
from airflow.jobs.job import Job, JobState
from airflow.models.dagrun import DagRun
from sqlalchemy import func, select

from airflow_providers_pinning.cli import change
from airflow_providers_pinning.models import Event
from tests.support.cli import Terminal
from tests.support.remembered import remembered
from tests.support.sources import dag_file

WHY = ("--reason", "tested")
CHANGES = {
    "pin": ("pin", "orders", "-V", 2),
    "unpin": ("unpin", "orders"),
    "rollback": ("rollback", "orders"),
    "candidate": ("candidate", "orders"),
    "reject": ("reject", "orders", "-V", 2),
    "restore": ("restore", "orders", "-V", 2),
    "canary": ("canary", "orders", "-V", 2),
}


@pytest.fixture(autouse=True)
@remembered
def pinned(lab, orders):
    lab.pin("orders", 1)


@pytest.fixture
def unchanged(orders):
    """Check that the test leaves the history and the runs as they were."""

    def counts():
        return [orders.session.scalar(select(func.count()).select_from(model)) for model in (Event, DagRun)]

    before = counts()
    yield
    orders.session.rollback()
    assert counts() == before


@pytest.mark.parametrize("command", CHANGES.values(), ids=CHANGES)
class TestEveryChange:
    @pytest.fixture(autouse=True)
    def something_to_do(self, command, orders):
        """Let there be a version to restore, or one that is not managed yet: else nothing would be changed anyway."""
        if command[0] == "restore":
            orders.reject("orders", 2)
        if command[0] == "candidate":
            orders.commit("sha4", orders=dag_file("orders", tasks="load"))

    def test_needs_a_reason(self, command, pinning, unchanged):
        done = pinning(*command, "--yes")

        assert (done.code, "the following arguments are required: -r/--reason" in done.err) == (2, True)

    def test_without_a_terminal_must_be_told_not_to_ask(self, command, pinning, unchanged):
        done = pinning(*command, *WHY)

        assert (done.code, done.out) == (5, "")
        assert "stdin is not a terminal" in done.err
        assert "--yes" in done.err

    def test_is_not_made_unless_the_answer_is_yes(self, command, pinning, unchanged):
        done = pinning(*command, *WHY, typed="n\n")

        assert (done.code, done.out) == (5, "")
        assert done.err.endswith(f"airflow pinning {command[0]}: not_confirmed: no change made.\n")

    @pytest.mark.parametrize("also", [(), ("--yes",)], ids=["asked", "not asked"])
    def test_can_be_seen_without_being_made(self, also, command, pinning, unchanged):
        done = pinning(*command, *WHY, "--dry-run", *also)

        assert done.code == 0
        assert "orders" in done.err

    def test_is_made_if_the_answer_is_yes(self, command, pinning, orders):
        before = orders.session.scalar(select(func.count()).select_from(Event))

        done = pinning(*command, *WHY, typed="y\n")
        assert done.code == 0, done.err
        assert "Make this change?" in done.err
        assert orders.session.scalar(select(func.count()).select_from(Event)) == before + 1


def test_what_is_asked_says_from_which_version_to_which(pinning):
    done = pinning(*CHANGES["pin"], *WHY, typed="n\n")

    assert "use version 2 (bundle 'team_dags' at sha2) instead of version 1 (bundle 'team_dags' at sha1)." in done.err


def test_a_closed_terminal_is_no_answer(pinning, unchanged):
    done = pinning(*CHANGES["pin"], *WHY, typed="")

    assert (done.code, done.err.splitlines()[-1]) == (5, "airflow pinning pin: not_confirmed: no change made.")


def test_a_refusal_is_told_before_it_is_asked(pinning, unchanged):
    done = pinning("pin", "orders", "-V", 99, *WHY, typed="y\n")

    assert (done.code, "Make this change?" in done.err) == (4, False)


def test_what_was_confirmed_is_refused_if_somebody_else_was_faster(pinning, orders, monkeypatch):
    def somebody_pins(*args, **options):
        orders.pin("orders", 3, reason="urgent")
        return True

    monkeypatch.setattr(change.Confirm, "ask", somebody_pins)

    done = pinning(*CHANGES["pin"], *WHY, typed="")
    assert (done.code, "revision_conflict" in done.err, "urgent" in done.err) == (3, True, True)
    assert orders.pin_state("orders").active.version_number == 3


@pytest.mark.parametrize(
    "command",
    [
        ("pin", "orders", "-V", 4),
        ("unpin", "orders"),
        ("candidate", "orders"),
        ("reject", "orders", "-V", 4),
        ("canary", "orders", "-V", 4),
    ],
    ids=lambda command: command[0],
)
def test_what_was_confirmed_is_refused_if_a_commit_rewrote_the_version(command, pinning, orders, monkeypatch):
    """Airflow rewrites a version that has no run, and keeps its hash if only what the file imports changed."""
    newest = dag_file("orders", tasks="extract load report send")
    orders.commit("sha4", orders=newest)

    def somebody_commits(*args, **options):
        orders.commit("sha5", orders=newest)
        return True

    monkeypatch.setattr(change.Confirm, "ask", somebody_commits)

    done = pinning(*command, *WHY, typed="")
    assert orders.version("orders", 4).bundle_version == "sha5"
    assert (done.code, "sha5" in done.err) == (3, True), done.err
    assert orders.managed("orders") == {1: "active", 2: "candidate", 3: "retained"}
    assert orders.runs("orders") == []


def test_a_rollback_is_refused_if_another_version_went_live_than_was_shown(pinning, orders, monkeypatch):
    orders.unpin("orders")

    def somebody_commits(*args, **options):
        orders.commit("sha4", orders=dag_file("orders", tasks="extract load report send"))
        return True

    monkeypatch.setattr(change.Confirm, "ask", somebody_commits)

    done = pinning("rollback", "orders", "--to-version", 1, *WHY, typed="")
    assert (done.code, "changed_meanwhile" in done.err, "instead of version 4" in done.err) == (3, True, True)
    assert orders.pin_state("orders").pinned is False


def test_what_changes_nothing_says_so(pinning):
    assert "keep using version 1" in pinning("pin", "orders", "-V", 1, *WHY, "--yes").err


def test_the_dry_run_shows_the_state_that_would_be(pinning, orders):
    done = pinning(*CHANGES["rollback"], *WHY, "--to-version", 2, "--dry-run", "-o", "json")

    assert done.json["active"]["version_number"] == 2
    assert orders.pin_state("orders").active.version_number == 1


def test_side_effects_are_told(pinning, orders):
    """Unpinning makes the latest version active, which waits for the file if the bundle is further on."""
    from airflow.models.dagbundle import DagBundleModel

    orders.session.get(DagBundleModel, "team_dags").version = "sha4"
    orders.session.commit()

    done = pinning("unpin", "orders", *WHY, "--yes", "-o", "json")
    assert "Warning: Bundle 'team_dags' is at sha4, which has not registered Dag 'orders'" in done.err
    assert len(done.json["warnings"]) == 1


@pytest.mark.parametrize("how", [{"typed": "n\n"}, {}], ids=["asked", "dry run"])
def test_unpinning_to_a_rejected_version_is_warned_of_before_it_is_done(how, pinning, orders):
    orders.reject("orders", 3, reason="wrong totals")

    done = pinning("unpin", "orders", *WHY, *([] if how else ["--dry-run"]), **how)
    assert "Warning: Version 3, which new runs now use, was rejected: wrong totals." in done.err
    assert orders.pin_state("orders").pinned


def test_a_candidate_that_may_be_overwritten_is_not_said_to_be_kept(pinning, orders, session):
    session.add(Job(job_type="DagProcessorJob", state=JobState.RUNNING, hostname="host-1"))
    session.commit()

    done = pinning(*CHANGES["candidate"], *WHY, "--yes")
    assert "will no longer change" not in done.err
    assert "Warning: Version 3 can still be overwritten, because not every component enforces pins" in done.err
    assert "dag_processor on host-1 (job " in done.err


def test_an_interrupted_question_ends_as_such(pinning, monkeypatch, unchanged):
    def interrupt(*args, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(Terminal, "readline", interrupt)

    done = pinning(*CHANGES["pin"], *WHY, typed="y\n")
    assert (done.code, done.err.splitlines()[-1]) == (130, "Interrupted.")


class TestRepeatedWithTheSameKey:
    KEY = ("--idempotency-key", "k", *WHY)

    @pytest.mark.parametrize("asked", ["--yes", "--dry-run"])
    @pytest.mark.parametrize("command", CHANGES.values(), ids=CHANGES)
    def test_claims_nothing_but_that_it_was_made(self, command, asked, pinning, orders, request):
        assert pinning(*command, *self.KEY, "--yes").code == 0
        revision = orders.pin_state("orders").revision
        request.getfixturevalue("unchanged")

        done = pinning(*command, *self.KEY, asked)
        said = done.err.splitlines()
        assert done.code == 0
        assert re.fullmatch(rf"Already applied at revision {revision} \(version \d\)\. No change made\.", said[0])
        assert [line.split(":")[0] for line in said[1:]] == ["Warning"], done.err

    @pytest.mark.parametrize("command", CHANGES.values(), ids=CHANGES)
    def test_asks_nothing(self, command, pinning):
        pinning(*command, *self.KEY, "--yes")

        done = pinning(*command, *self.KEY, typed="")
        assert (done.code, "Make this change?" in done.err) == (0, False)

    def test_names_the_candidate_of_then(self, pinning, orders):
        pinning("candidate", "orders", *self.KEY, "--yes")
        orders.commit("sha4", orders=dag_file("orders", tasks="extract load report send"))

        done = pinning("candidate", "orders", *self.KEY, "--yes", "-o", "json")
        assert "Already applied at revision 1 (version 3)" in done.err
        assert "Version 4" not in done.err
        assert done.json["repeated"]["version"]["version_number"] == 3
        assert 4 not in orders.managed("orders")

    def test_waits_for_the_runs_of_then(self, pinning):
        pinning(*CHANGES["canary"], *self.KEY, "--yes")

        assert pinning(*CHANGES["canary"], *self.KEY, "--wait", "--timeout", 0, typed="").code == 10


class Unread(io.StringIO):
    """A stream whose reader went away."""

    def write(self, text):
        raise BrokenPipeError

    def flush(self):
        raise BrokenPipeError


class TestWhoseOutputNobodyReads:
    @pytest.mark.parametrize("stream", ["stdout", "stderr"])
    @pytest.mark.parametrize("command", CHANGES.values(), ids=CHANGES)
    def test_is_no_failure_once_it_is_made(self, command, stream, pinning, orders, monkeypatch):
        before = orders.session.scalar(select(func.count()).select_from(Event))
        monkeypatch.setattr(f"sys.{stream}", Unread())

        assert pinning(*command, *WHY, "--yes", "--idempotency-key", "k").code == 0
        assert orders.session.scalar(select(func.count()).select_from(Event)) == before + 1

    @pytest.mark.parametrize("command", CHANGES.values(), ids=CHANGES)
    def test_is_a_failure_as_long_as_it_is_not_made(self, command, pinning, monkeypatch, unchanged):
        monkeypatch.setattr("sys.stderr", Unread())

        assert pinning(*command, *WHY, typed="y\n").code == 1

    def test_is_made_although_the_output_is_closed(self, pinning, orders, monkeypatch):
        monkeypatch.setattr("sys.stdout", None)

        assert pinning(*CHANGES["pin"], *WHY, "--yes", "-o", "json").code == 0
        assert orders.pin_state("orders").active.version_number == 2

    def test_ends_as_the_runs_that_were_waited_for(self, pinning, monkeypatch):
        monkeypatch.setattr("sys.stdout", Unread())

        assert pinning(*CHANGES["canary"], *WHY, "--yes", "--wait", "--timeout", 0).code == 10


class TestOverride:
    @pytest.fixture(autouse=True)
    def shut(self, pinning, tmp_path, orders):
        self.apply(pinning, tmp_path)

    @staticmethod
    def apply(pinning, tmp_path, *more):
        rules = {"match": {"dag_ids": ["orders"]}, "requires": {"approvals": 1}}
        path = tmp_path / "rules.json"
        path.write_text(json.dumps({"policies": [{"name": name, **rules} for name in ("critical", *more)]}))
        assert pinning("policy", "apply", path, "-r", "rules", "--yes").code == 0

    @pytest.mark.parametrize("command", [CHANGES["pin"], ("pin", "-m", "dag-id=orders", "--bundle-version", "sha2")])
    def test_passes_over_no_rule_that_came_up_while_it_was_asked(self, command, pinning, orders, monkeypatch, tmp_path):
        def somebody_applies(*args, **options):
            self.apply(pinning, tmp_path, "another")
            return True

        monkeypatch.setattr(change.Confirm, "ask", somebody_applies)

        done = pinning(*command, *WHY, "--override-reason", "incident", typed="")

        assert (done.code, "policy_conflict" in done.err, "at revision 2, not 1" in done.err) == (3, True, True)
        assert orders.pin_state("orders").active.version_number == 1

    def test_is_refused_if_a_script_saw_other_policies(self, pinning, orders):
        command = (*CHANGES["pin"], *WHY, "--override-reason", "incident", "--yes", "--expected-policy-revision")

        assert pinning(*command, 7).code == 3
        assert pinning(*command, 1).code == 0
        assert orders.pin_state("orders").active.version_number == 2
