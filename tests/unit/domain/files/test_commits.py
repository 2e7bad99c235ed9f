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
"""What is recorded of files and commits, whatever is in them."""

from __future__ import annotations

from contextlib import suppress

import pytest
from airflow import settings
from sqlalchemy import create_engine, func, select, text, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session
from sqlalchemy.pool import NullPool

from airflow_providers_pinning.domain.difference.compare import compare_versions
from airflow_providers_pinning.domain.files.due import is_due
from airflow_providers_pinning.domain.files.git import Clone
from airflow_providers_pinning.domain.files.links import template_problem, url_at_remote
from airflow_providers_pinning.domain.files.prune import prune
from airflow_providers_pinning.models import (
    Commit,
    CommitFiles,
    DagModules,
    FileContent,
    ManagedVersion,
    Pin,
    VersionFiles,
)
from tests.support.dag_processor import Processor
from tests.support.sources import dag_file

SOURCE = dag_file("orders")
USING = f"import lib.rates\n{SOURCE}"


@pytest.fixture
def pinned(processor, pins):
    """Pin version 1 of a Dag that imports a helper; the record of it is there."""
    processor.repository.write("lib/rates.py", "RATE = 5\n")
    processor.repository.commit(orders=USING)
    processor.parse()
    pins.pin("orders", 1)
    processor.record()
    return processor


def latest(session, **options):
    return compare_versions("orders", session=session, **options)


def test_helper_that_changed_is_shown_with_its_diff_and_the_commit(pinned, session):
    pinned.repository.write("lib/rates.py", "RATE = 50\n")
    commit = pinned.repository.commit_all("Raise the rate\n\nFrom 5 to 50.")
    pinned.round()
    found = latest(session)
    assert found.files.related
    [changed] = found.files.changed
    assert (changed.path, changed.role.value, changed.kind.value) == ("lib/rates.py", "dag", "changed")
    assert (changed.lines_added, changed.lines_removed) == (1, 1)
    assert "-RATE = 5\n+RATE = 50\n" in changed.diff
    [told] = found.commits.commits
    assert (told.bundle_version, told.message, told.author) == (commit, "Raise the rate\n\nFrom 5 to 50.", "alice")
    assert found.commits.total == 1
    assert found.source.note is None

    back = latest(session, from_version=2, to_version=1)
    assert (back.commits.taken_back, back.commits.total) == (True, 1)


def test_file_that_nobody_is_known_to_use_counts_and_is_shown(pinned, session):
    pinned.repository.write("sql/orders.sql", "SELECT 1\n")
    pinned.repository.commit_all()
    pinned.round()
    found = latest(session)
    assert found.files.related
    [changed] = found.files.changed
    assert (changed.path, changed.role.value, changed.kind.value) == ("sql/orders.sql", "unknown", "added")
    assert "+SELECT 1" in changed.diff


def test_ignored_paths_and_other_dags_are_counted_and_not_related(pinned, session, option):
    option("ignored_paths", "*.md, tests/**")
    pinned.repository.write("README.md", "# Dags\n")
    pinned.repository.write("tests/test_orders.py", "")
    pinned.repository.commit(other=dag_file("other"))
    pinned.round()
    pinned.parse()
    pinned.record()
    found = latest(session)
    assert found.files.related is False
    assert (found.files.ignored_files, found.files.other_dags_files, found.files.changed) == (2, 1, ())
    assert not found.identical


def test_new_file_may_be_a_dag_so_that_nothing_is_decided_until_it_could_be_parsed(pinned, session):
    pinned.repository.commit(other="x = 1\n")
    pinned.round()
    assert latest(session).files.related is None
    session.execute(update(CommitFiles).values(settles_at=func.current_timestamp()))
    session.commit()
    pinned.record()
    assert latest(session).files.related is True


@pytest.mark.parametrize(
    "name", ["a b.py", "größe/日本.py", "<img src=x onerror=alert(1)>.py", "-rf.py", 'new\nline".py']
)
def test_names_of_files_are_taken_as_they_are(pinned, session, name):
    pinned.repository.write(name, "x = 1\n")
    pinned.repository.commit_all()
    pinned.round()
    session.execute(update(CommitFiles).values(settles_at=None))
    assert [changed.path for changed in latest(session).files.changed] == [name]


def test_binary_and_long_files_are_named_without_a_diff(pinned, session):
    pinned.repository.write("logo.png", b"\x89PNG\0\xff")
    pinned.repository.write("latin.txt", "größe".encode("latin-1"))
    pinned.repository.write("long.csv", "x" * 600_000)
    pinned.repository.commit_all()
    pinned.round()
    changed = {one.path: (one.is_binary, one.diff, one.note) for one in latest(session).files.changed}
    assert changed == {
        "latin.txt": (True, None, "Binary file."),
        "logo.png": (True, None, "Binary file."),
        "long.csv": (False, None, "It is too large to compare here."),
    }


def test_commit_of_ten_thousand_files_is_counted_and_bounded(pinned, session):
    for number in range(10_000):
        pinned.repository.write(f"data/{number % 100}/{number}.txt", str(number))
    pinned.repository.write("lib/rates.py", "RATE = 6\n")
    pinned.repository.commit_all()
    pinned.round()
    found = latest(session)
    assert found.files.related
    assert (len(found.files.changed), found.files.left_out) == (200, 9_801)
    assert found.files.changed[0].path == "lib/rates.py"
    assert session.scalar(select(func.count()).select_from(FileContent)) < 500


def test_message_cannot_steer_a_terminal_or_turn_a_line_around(pinned, session):
    message = "red \x1b[31m, \x07bell, \u202egnp.exe\r\nsecond\tline <script>alert(1)</script>"
    pinned.repository.write("lib/rates.py", "RATE = 6\n")
    pinned.repository.commit_all(message)
    pinned.round()
    [told] = latest(session).commits.commits
    assert told.message == "red �[31m, �bell, �gnp.exe\nsecond\tline <script>alert(1)</script>"


def test_history_that_was_rewritten_is_said(pinned, session):
    pinned.repository.git("checkout", "--quiet", "--orphan", "again")
    pinned.repository.write("lib/rates.py", "RATE = 7\n")
    pinned.repository.commit_all("Begin again")
    pinned.repository.git("branch", "--quiet", "--force", "main")
    pinned.repository.git("checkout", "--quiet", "main")
    pinned.round()
    found = latest(session)
    assert found.files.related
    assert [changed.path for changed in found.files.changed] == ["lib/rates.py"]
    assert "history was rewritten" in found.commits.note
    assert [told.message for told in found.commits.commits] == ["Begin again"]


def test_commit_that_the_clone_lost_counts_as_related_and_is_said(pinned, session):
    pinned.repository.write("README.md", "x")
    pinned.repository.commit_all()
    pinned.parse()
    session.execute(
        update(ManagedVersion).values(bundle_version="f" * 40), execution_options={"synchronize_session": False}
    )
    from airflow.models.dag_version import DagVersion

    session.execute(
        update(DagVersion).where(DagVersion.version_number == 2).values(bundle_version="f" * 40),
        execution_options={"synchronize_session": False},
    )
    session.commit()
    pinned.record()
    found = latest(session)
    assert found.files.related
    assert "cannot list the files of" in found.files.note
    assert "All files count as related." in found.files.note
    assert "are not recorded" in found.commits.note
    # It is not asked again at each round.
    assert not is_due([pinned.bundle], session=session)


def test_shallow_history_is_told_as_far_as_it_goes(tmp_path, session, monkeypatch, pins):
    from airflow_providers_pinning.domain.files import commits

    monkeypatch.setattr(commits, "LOGGED_A_ROUND", 2)
    processor = Processor(tmp_path, session, monkeypatch)
    processor.repository.write("lib/rates.py", "RATE = 5\n")
    processor.repository.commit(orders=USING)
    processor.parse()
    pins.pin("orders", 1)
    for number in range(5):
        processor.repository.write("lib/rates.py", f"RATE = {number}0\n")
        processor.repository.commit_all(f"Change {number}")
    processor.round()
    found = latest(session)
    assert [told.message for told in found.commits.commits] == ["Change 4", "Change 3"]
    assert "does not connect" in found.commits.note


def test_bundle_in_a_folder_of_the_repository_sees_what_is_outside(tmp_path, session, monkeypatch, pins, option):
    processor = Processor(tmp_path, session, monkeypatch, subdir="dags")
    processor.repository.write("dags/lib/rates.py", "RATE = 5\n")
    processor.repository.write("dags/orders.py", USING)
    processor.repository.commit_all()
    processor.parse()
    pins.pin("orders", 1)
    processor.record()
    [files] = session.scalars(select(VersionFiles.files))
    assert set(files) == {"orders.py", "lib/rates.py"}

    processor.repository.write("services/app.js", "1")
    processor.repository.commit_all()
    processor.round()
    found = latest(session)
    assert (found.files.related, [changed.path for changed in found.files.changed]) == (True, ["../services/app.js"])
    option("ignored_paths", "../**")
    session.execute(update(CommitFiles).values(settles_at=func.current_timestamp()))
    session.commit()
    processor.record()
    assert latest(session).files.related is False


def test_bundle_that_knows_no_files_makes_everything_related_and_says_so(lab, session, monkeypatch):
    from airflow_providers_pinning.domain.files import record

    monkeypatch.setattr(record.DagBundlesManager, "get_bundle", lambda self, name: object())
    lab.commit("sha1", orders=SOURCE)
    lab.pin("orders", 1)
    lab.commit("sha2", orders=SOURCE)
    assert record.record_files(["team_dags"], session=session) == 2
    found = latest(session)
    assert found.files.related
    assert "which cannot list its files" in found.files.note
    assert not is_due(["team_dags"], session=session)


def test_what_nothing_needs_any_more_is_dropped(pinned, session):
    pinned.repository.write("lib/rates.py", "RATE = 50\n")
    pinned.repository.commit_all()
    pinned.round()
    assert session.scalar(select(func.count()).select_from(FileContent)) == 3
    for table in (Pin, ManagedVersion):
        session.execute(table.__table__.delete())
    prune([pinned.bundle], session=session)
    session.commit()
    for table in (VersionFiles, CommitFiles, FileContent, DagModules):
        assert session.scalar(select(func.count()).select_from(table)) == 0
    assert session.scalar(select(func.count()).select_from(Commit)) > 0


def test_others_who_write_meanwhile_do_not_keep_versions_from_being_recorded(processor, pins, session, monkeypatch):
    """On SQLite, who writes after others did what it has read before finds the database locked."""
    url = settings.engine.url
    at_once = {"timeout": 0} if url.get_backend_name() == "sqlite" else {}
    other = create_engine(url, connect_args=at_once, poolclass=NullPool)
    connection = other.connect()
    merge, tried = Session.merge, []

    def merge_while_others_write(self, row, **options):
        merged = merge(self, row, **options)
        tried.append(type(row))
        with suppress(OperationalError):
            connection.execute(text("UPDATE slot_pool SET slots = slots"))
        return merged

    processor.repository.commit(orders=SOURCE)
    processor.parse()
    pins.pin("orders", 1)
    monkeypatch.setattr(Session, "merge", merge_while_others_write)
    try:
        processor.record()
    finally:
        connection.close()

    assert VersionFiles in tried
    assert session.scalar(select(VersionFiles.is_final))
    assert session.scalar(select(func.count()).select_from(Commit)) == 1


def test_others_write_while_git_is_read(processor, pins, session, monkeypatch):
    """SQLite has one writer, who must not wait for git: that may take minutes."""
    url = settings.engine.url
    at_once = {"timeout": 0} if url.get_backend_name() == "sqlite" else {}
    other = create_engine(url, connect_args=at_once, poolclass=NullPool)
    ask, asked = Clone._git, []

    def ask_while_others_write(self, *arguments, **options):
        asked.append(arguments[0])
        with other.begin() as connection:
            connection.execute(text("UPDATE slot_pool SET slots = slots"))
        return ask(self, *arguments, **options)

    processor.repository.write("lib/rates.py", "RATE = 5\n")
    processor.repository.commit(orders=USING)
    processor.parse()
    pins.pin("orders", 1)
    monkeypatch.setattr(Clone, "_git", ask_while_others_write)
    processor.record()
    session.execute(update(CommitFiles).values(listing=None, basis="other"))
    session.commit()
    processor.repository.write("lib/rates.py", "RATE = 50\n")
    processor.repository.commit_all()
    processor.round()

    assert {"ls-tree", "log", "cat-file"} <= set(asked)
    assert asked.count("ls-tree") > 2
    assert session.scalar(select(func.count()).select_from(VersionFiles)) == 2
    assert session.scalar(select(func.count()).select_from(CommitFiles).where(CommitFiles.basis == "other")) == 0


def test_dags_that_nothing_manages_are_not_looked_at(processor, session):
    processor.repository.commit(orders=SOURCE)
    processor.parse()
    assert not is_due([processor.bundle], session=session)
    assert processor.record() == 0


@pytest.mark.parametrize(
    ("remote", "url"),
    [
        ("https://user:secret@github.com/org/repo.git", "https://github.com/org/repo/commit/abc"),
        ("git@github.com:org/repo.git", "https://github.com/org/repo/commit/abc"),
        ("ssh://git@git.example:2222/org/repo.git", "https://git.example/org/repo/commit/abc"),
        ("https://gitlab.com/group/sub/repo", "https://gitlab.com/group/sub/repo/-/commit/abc"),
        ("git@bitbucket.org:org/repo.git", "https://bitbucket.org/org/repo/commits/abc"),
        ("http://git.example:8080/repo?token=secret", "http://git.example:8080/repo/commit/abc"),
        ("/srv/git/repo", None),
        ("file:///srv/git/repo", None),
        ("javascript:alert(1)", None),
        ("C:/repos/dags", None),
        ("https://", None),
        ("https://git.example:port/x", None),
        ("", None),
        (None, None),
    ],
)
def test_address_of_a_commit_is_taken_from_the_remote_without_credentials(remote, url):
    assert url_at_remote(remote, "abc") == url


@pytest.mark.parametrize(
    ("template", "problem"),
    [
        ("https://git.example/{bundle}/commit/{version}", None),
        ("javascript:alert('{version}')", "does not start with http"),
        ("git.example/{version}", "does not start with http"),
        ("https://{version", "not a valid template"),
        ("https://git.example/{commit}", "the unknown field 'commit'"),
        ("https://git.example/{version.__class__}", "the unknown field"),
        ("https://me:secret@git.example/{version}", "credentials"),
        ("//{bundle}/{version}", "does not start with http"),
    ],
)
def test_template_that_is_no_address_is_refused_with_the_reason(template, problem):
    found = template_problem(template)
    assert found is None if problem is None else problem in found


def test_template_goes_before_the_address_of_the_remote(pinned, session, option):
    option("commit_url_template", "https://git.example/{bundle}/c/{version}")
    pinned.repository.write("lib/rates.py", "RATE = 6\n")
    commit = pinned.repository.commit_all()
    pinned.round()
    [told] = latest(session).commits.commits
    assert told.url == f"https://git.example/{pinned.bundle}/c/{commit}"
    option("commit_url_template", "javascript:alert(1)")
    [told] = latest(session).commits.commits
    assert told.url is None
