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

from datetime import timedelta

import pytest
import time_machine
from airflow._shared.timezones import timezone
from airflow.models.dag import DagModel
from sqlalchemy import func, select

from airflow_providers_pinning.domain.changes.pins import Target, pin_version
from airflow_providers_pinning.domain.errors import UnknownDagError, UnknownVersionError, VersionDriftedError
from airflow_providers_pinning.domain.history.events import Caller, Change
from airflow_providers_pinning.domain.versions import bundle_versions
from airflow_providers_pinning.domain.versions.broken_files import FileProblem, first_line, note_parse
from airflow_providers_pinning.domain.versions.bundle_versions import commit_status, note_bundle_version
from airflow_providers_pinning.domain.versions.parsed_commits import MOST_UNPARSED, note_all_parsed, note_left
from airflow_providers_pinning.models import BrokenFile, BundleVersion
from airflow_providers_pinning.vocabulary import Registration
from tests.support.lab import BUNDLE
from tests.support.sources import CHANGED, STABLE

ONLY_CODE = STABLE + "\n    # another body of a task\n"


@pytest.fixture
def bundle(lab, session):
    """Return a function that fetches a commit and, unless told not to, has the dag processor parse its files."""
    # Airflow 3.4 takes a Dag's source for written when its file is in another folder.
    lab.keeps_checkout = True
    with time_machine.travel(timezone.utcnow(), tick=True) as clock:

        def fetch(sha, *, parse=True, **sources):
            clock.shift(timedelta(seconds=30))
            note_bundle_version(BUNDLE, sha, session=session)
            session.commit()
            clock.shift(timedelta(seconds=30))
            if parse:
                lab.commit(sha, **sources)
                note_all_parsed(BUNDLE, sha, gone=(), session=session)
                session.commit()

        yield fetch


@pytest.fixture
def broken(bundle, session):
    """Return a function that fetches a commit at which a file does not parse."""

    def fetch(sha, file="orders.py"):
        bundle(sha, parse=False)
        note_parse(BUNDLE, sha, was={}, now={file: "SyntaxError: invalid syntax"}, session=session)
        session.commit()

    return fetch


def status(sha, session, dag_id="orders"):
    found = commit_status(dag_id, sha, session=session)
    return found.registration, found.version and found.version.version_number, found.moved


def pin_commit(sha, session, **expected):
    change = Change(Caller("ci"), "released", **expected)
    state = pin_version("orders", Target(bundle_version=sha), change, session=session)
    session.commit()
    return state


class TestCommit:
    def test_is_registered_as_the_version_parsed_from_it(self, bundle, session):
        bundle("sha1", orders=STABLE)
        assert status("sha1", session) == (Registration.REGISTERED, 1, False)

    def test_is_still_known_after_a_commit_that_changes_nothing_of_the_dag(self, bundle, session):
        bundle("sha1", orders=STABLE)
        bundle("sha2", billing=STABLE.replace("orders", "billing"))

        assert status("sha1", session) == (Registration.REGISTERED, 1, True)
        assert status("sha2", session) == (Registration.REGISTERED, 1, False)

    def test_that_the_file_was_not_parsed_from_waits(self, bundle, session):
        bundle("sha1", orders=STABLE)
        bundle("sha2", parse=False)
        assert status("sha2", session) == (Registration.WAITING, None, False)

    def test_that_no_dag_processor_has_had_is_unseen(self, bundle, session):
        bundle("sha1", orders=STABLE)
        assert status("other", session) == (Registration.UNSEEN, None, False)

    def test_of_another_bundle_is_unseen(self, bundle, session):
        bundle("sha1", orders=STABLE)
        note_bundle_version("elsewhere", "sha0", session=session)
        assert status("sha0", session) == (Registration.UNSEEN, None, False)

    @pytest.mark.parametrize("later", [CHANGED, ONLY_CODE], ids=["structure", "source"])
    def test_is_overtaken_if_its_version_was_rewritten(self, later, bundle, session):
        """No task has run yet, so stock rewrites the version in place."""
        bundle("sha1", orders=STABLE)
        bundle("sha2", orders=later)
        assert status("sha1", session) == (Registration.OVERTAKEN, 1, True)

    def test_is_overtaken_if_a_later_commit_was_parsed_first(self, bundle, lab, session):
        bundle("sha1", orders=STABLE)
        lab.pin("orders", 1)
        bundle("sha2", parse=False, orders=CHANGED)
        bundle("sha3", orders=CHANGED)
        assert status("sha2", session) == (Registration.OVERTAKEN, 2, True)

    @pytest.mark.parametrize("unparsed", [None, ["orders.py"]], ids=["killed", "left"])
    def test_that_was_never_parsed_is_overtaken_by_the_one_that_reverts_it(self, unparsed, bundle, session):
        bundle("sha1", orders=STABLE)
        bundle("sha2", parse=False)
        if unparsed:
            note_left(BUNDLE, "sha2", unparsed=unparsed, session=session)
        bundle("sha3", orders=STABLE)
        assert status("sha2", session) == (Registration.OVERTAKEN, 1, True)
        assert status("sha1", session) == (Registration.REGISTERED, 1, True)

    def test_that_other_files_were_not_parsed_from_is_registered(self, bundle, session):
        bundle("sha1", orders=STABLE)
        bundle("sha2", parse=False)
        note_left(BUNDLE, "sha2", unparsed=["billing.py"], session=session)
        bundle("sha3", orders=STABLE)
        assert status("sha2", session) == (Registration.REGISTERED, 1, True)

    def test_that_had_the_file_deleted_is_overtaken_by_the_one_that_restores_it(self, bundle, session):
        bundle("sha1", orders=STABLE)
        bundle("sha2", parse=False)
        note_all_parsed(BUNDLE, "sha2", gone=["orders.py"], session=session)
        bundle("sha3", orders=STABLE)
        assert status("sha2", session) == (Registration.OVERTAKEN, 1, True)

    def test_that_was_parsed_and_does_not_have_the_dag_says_so(self, bundle, session):
        bundle("sha1", orders=STABLE)
        bundle("sha2", parse=False)
        note_all_parsed(BUNDLE, "sha2", gone=["orders.py"], session=session)
        found = commit_status("orders", "sha2", session=session)
        assert found.registration == Registration.ABSENT
        assert found.remedy.startswith("A dag processor has parsed all files")

    def test_of_which_another_dag_processor_parsed_more_keeps_the_shorter_list(self, bundle, session):
        bundle("sha1", parse=False)
        for unparsed in (["a.py", "b.py"], ["b.py"], ["a.py", "c.py"], [f"{i}.py" for i in range(MOST_UNPARSED + 1)]):
            note_left(BUNDLE, "sha1", unparsed=unparsed, session=session)
            session.commit()
        assert session.scalar(select(BundleVersion.unparsed)) == ["b.py"]

    def test_keeps_its_place_when_another_dag_processor_sees_it(self, bundle, session):
        bundle("sha1", orders=STABLE)
        bundle("sha2", parse=False)
        note_bundle_version(BUNDLE, "sha1", session=session)
        session.commit()
        assert list(session.scalars(select(BundleVersion.bundle_version).order_by(BundleVersion.id))) == [
            "sha1",
            "sha2",
        ]

    def test_that_the_branch_was_set_back_from_is_not_taken_for_what_was_parsed_after_that(self, bundle, lab, session):
        """Version 1 is rewritten in place at each commit, as no task has run yet."""
        bundle("sha1", orders=STABLE)
        bundle("sha2", orders=CHANGED)
        note_bundle_version(BUNDLE, "sha1", before="sha2", session=session)
        lab.commit("sha1", orders=STABLE)
        bundle("sha3", billing=STABLE.replace("orders", "billing"), orders=STABLE)

        assert status("sha2", session) == (Registration.UNSEEN, None, False)
        assert status("sha1", session) == (Registration.REGISTERED, 1, True)

    def test_of_a_dag_that_is_unknown_is_refused(self, session):
        with pytest.raises(UnknownDagError):
            commit_status("orders", "sha1", session=session)


class TestPinByCommit:
    def test_finds_the_version_that_moved_on_and_says_so(self, bundle, session):
        bundle("sha1", orders=STABLE)
        bundle("sha2", billing=STABLE.replace("orders", "billing"))

        state = pin_commit("sha1", session)

        assert (state.active.version_number, state.active.bundle_version) == (1, "sha2")
        assert any("moved the version to sha2" in warning for warning in state.warnings)
        assert session.get(DagModel, "orders").bundle_version == "sha2"

    def test_of_a_version_that_is_at_the_commit_warns_of_nothing(self, bundle, session):
        bundle("sha1", orders=STABLE)
        assert pin_commit("sha1", session).warnings == ()

    def test_takes_no_version_whose_code_was_rewritten(self, bundle, session):
        bundle("sha1", orders=STABLE)
        bundle("sha2", orders=ONLY_CODE)
        with pytest.raises(UnknownVersionError, match="Version 1 includes both") as error:
            pin_commit("sha1", session)
        assert error.value.data["registration"] == "overtaken"

    def test_can_insist_on_the_code_of_the_commit(self, bundle, session):
        bundle("sha1", orders=STABLE)
        bundle("sha2", billing=STABLE.replace("orders", "billing"))
        with pytest.raises(VersionDriftedError, match="has code sha2, not the expected sha1"):
            pin_commit("sha1", session, expected_bundle_version="sha1")

    @pytest.mark.parametrize(
        ("sha", "remedy"), [("sha2", "will parse the Dag file: wait"), ("sha9", "give its full hash")]
    )
    def test_says_what_to_wait_for(self, sha, remedy, bundle, session):
        bundle("sha1", orders=STABLE)
        bundle("sha2", parse=False)
        with pytest.raises(UnknownVersionError, match=remedy):
            pin_commit(sha, session)

    def test_names_the_file_that_is_broken_there(self, bundle, broken, session):
        bundle("sha1", orders=STABLE)
        broken("sha2")
        with pytest.raises(UnknownVersionError, match=r"'orders.py' \(SyntaxError: invalid.*Fix it") as error:
            pin_commit("sha2", session)
        assert error.value.data["registration"] == "broken"


class TestBrokenCommit:
    def test_is_broken_and_says_why(self, bundle, broken, session):
        bundle("sha1", orders=STABLE)
        broken("sha2")
        found = commit_status("orders", "sha2", session=session)
        assert (found.registration, found.version) == (Registration.BROKEN, None)
        assert found.broken_files == (FileProblem("orders.py", "SyntaxError: invalid syntax"),)

    def test_stays_broken_after_a_commit_that_mends_it(self, bundle, broken, session):
        bundle("sha1", orders=STABLE)
        broken("sha2")
        bundle("sha3", orders=STABLE)
        assert status("sha2", session) == (Registration.BROKEN, None, False)
        assert status("sha1", session) == (Registration.REGISTERED, 1, True)
        assert status("sha3", session) == (Registration.REGISTERED, 1, False)

    def test_that_was_not_parsed_is_broken_if_the_next_one_is(self, bundle, broken, session):
        bundle("sha1", orders=STABLE)
        bundle("sha2", parse=False)
        broken("sha3")
        assert status("sha2", session)[0] == Registration.BROKEN

    def test_was_parsed_before_it_could_not_be_parsed_any_more(self, bundle, broken, session):
        bundle("sha1", orders=STABLE)
        broken("sha1")
        assert status("sha1", session) == (Registration.REGISTERED, 1, False)

    def test_is_none_of_a_dag_in_another_file(self, bundle, broken, session):
        bundle("sha1", orders=STABLE)
        broken("sha2", file="billing.py")
        assert status("sha2", session) == (Registration.WAITING, None, False)

    def test_is_found_in_the_file_of_the_newest_version_although_the_pinned_one_has_another(
        self, bundle, broken, lab, session
    ):
        bundle("sha1", orders=STABLE)
        lab.pin("orders", 1)
        bundle("sha2", orders=None, moved=CHANGED)
        broken("sha3", file="moved.py")
        assert [
            problem.relative_fileloc for problem in commit_status("orders", "sha3", session=session).broken_files
        ] == ["moved.py"]

    def test_is_forgotten_with_what_the_branch_was_set_back_from(self, bundle, broken, session):
        bundle("sha1", orders=STABLE)
        broken("sha2")
        note_bundle_version(BUNDLE, "sha1", before="sha2", session=session)
        session.commit()
        assert session.scalar(select(func.count()).select_from(BrokenFile)) == 0


@pytest.mark.parametrize(
    ("stacktrace", "line"),
    [
        (
            "Traceback (most recent call last):\n  File 'a', line 1\n    def (\nSyntaxError: invalid\n",
            "SyntaxError: invalid",
        ),
        (
            "Traceback (most recent call last):\nKeyError: 1\n\nDuring ...:\n\nTraceback (most recent call last):\n"
            "  File 'b'\nValueError: of two\nlines",
            "ValueError: of two",
        ),
        ("AirflowDagCycleException: Cycle detected", "AirflowDagCycleException: Cycle detected"),
        ("", "import error"),
        ("ValueError: \0 is no text", "ValueError: \N{REPLACEMENT CHARACTER} is no text"),
    ],
)
def test_first_line_of_an_import_error_is_the_exception(stacktrace, line):
    assert first_line(stacktrace) == line


def test_only_the_newest_commits_are_remembered(session, monkeypatch):
    monkeypatch.setattr(bundle_versions, "KEPT", 3)
    for number in range(6):
        note_bundle_version(BUNDLE, f"sha{number}", session=session)
        note_bundle_version("other", f"sha{number}", session=session)
    session.commit()

    assert session.scalar(select(func.count()).select_from(BundleVersion)) == 6
    kept = session.scalars(select(BundleVersion.bundle_version).where(BundleVersion.bundle_name == BUNDLE))
    assert sorted(kept) == ["sha3", "sha4", "sha5"]
