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

import os
import shutil
import time

import pytest
from airflow.dag_processing.bundles.base import BundleUsageTrackingManager
from airflow.dag_processing.bundles.manager import DagBundlesManager

from tests.support.lab import BUNDLE
from tests.support.repository import Repository
from tests.support.sources import dag_file
from tests.unit.domain.versions.code_availability.conftest import (
    all_versions,
    check,
    check_again,
    facts,
    left_in,
    live_bundle,
    only_version,
    outcome,
)

V1 = dag_file("orders")
V2 = dag_file("orders", tasks="extract load")


@pytest.fixture
def managed(lab, repository, serve):
    """Return a commit of which a version is managed, and that the running bundle knows."""
    serve(repository)
    commit = repository.commit(orders=V1)
    live_bundle()
    lab.commit(commit, orders=V1)
    lab.candidate("orders", 1)
    return commit


def force_push(repository, *, collect=True):
    """Let the branch be one that never had the first commits, and forget them."""
    repository.git("checkout", "--quiet", "--orphan", "other")
    repository.commit(orders=V2)
    repository.git("branch", "--quiet", "-D", "main")
    repository.git("branch", "--quiet", "-m", "main")
    if collect:
        repository.git("reflog", "expire", "--expire=now", "--all")
        repository.git("gc", "--quiet", "--prune=now")


def take_down(repository):
    away = repository.path.with_name("away")
    repository.path.rename(away)
    return lambda: away.rename(repository.path)


class TestCommit:
    def test_of_the_tracked_branch_can_be_had_from_it(self, managed, session):
        check(session)

        assert facts(session) == ("available", "remote", "refs/heads/main", None)

    def test_that_the_bundle_does_not_have_yet_can_be_had(self, managed, lab, session, repository):
        commit = repository.commit(orders=V2)
        lab.commit(commit, orders=V2)
        lab.candidate("orders", 2)

        check(session)

        versions = {version.version_number: version.code_source for version in all_versions(session)}
        assert versions == {1: "remote", 2: "remote"}

    def test_that_was_pushed_away_but_tagged_can_be_had_from_the_tag(self, managed, session, repository):
        repository.git("tag", "keep/orders-1", managed)
        force_push(repository)

        check(session)

        assert facts(session) == ("available", "remote", "refs/tags/keep/orders-1", None)

    def test_of_another_branch_can_be_had_from_that(self, managed, session, repository):
        repository.git("branch", "release", managed)
        force_push(repository)

        check(session)

        assert facts(session) == ("available", "remote", "refs/heads/release", None)

    @pytest.mark.parametrize("collect", [True, False], ids=["collected", "still_in_the_remote"])
    def test_that_was_pushed_away_is_only_where_it_was_fetched_before(self, managed, session, repository, collect):
        force_push(repository, collect=collect)

        check(session)

        assert facts(session) == ("available", "checkout", None, None)
        assert "no branch or tag of the remote contains this commit" in only_version(session).code_message

    def test_that_was_pushed_away_cannot_be_fetched_by_a_new_host(self, managed, repository, monkeypatch, tmp_path):
        force_push(repository)
        monkeypatch.setenv("AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_STORAGE_PATH", str(tmp_path / "new_host"))

        with pytest.raises(Exception, match="not found in the repository"):
            DagBundlesManager().get_bundle(BUNDLE, managed).initialize()

    def test_of_which_only_a_checkout_is_left_is_known_from_that(self, managed, session, repository, storage):
        DagBundlesManager().get_bundle(BUNDLE, managed).initialize()
        force_push(repository)
        shutil.rmtree(storage / BUNDLE / "bare")

        check(session)

        assert facts(session) == ("available", "checkout", None, None)

    def test_that_is_gone_everywhere_is_missing(self, managed, session, repository, storage):
        force_push(repository)
        shutil.rmtree(storage / BUNDLE)

        check(session)

        assert facts(session) == ("missing", None, None, "commit_gone")

    def test_comes_back_with_a_push(self, managed, session, repository, storage):
        repository.git("clone", "--quiet", "--bare", str(repository.path), str(repository.path.parent / "copy"))
        force_push(repository)
        shutil.rmtree(storage / BUNDLE)
        check(session)

        repository.git("fetch", "--quiet", str(repository.path.parent / "copy"), f"{managed}:refs/tags/keep")
        check_again(session)

        assert facts(session) == ("available", "remote", "refs/tags/keep", None)
        assert (only_version(session).code_attempts, only_version(session).code_message) == (None, None)


class TestRemoteThatIsDown:
    def test_leaves_the_bundle_as_it_was(self, managed, session, repository, storage):
        bundle = DagBundlesManager().get_bundle(BUNDLE)
        bundle.initialize()
        back = take_down(repository)

        check(session)

        assert (storage / BUNDLE / "bare" / "HEAD").exists()
        back()
        repository.commit(orders=V2)
        bundle.refresh()
        assert (bundle.path / "orders.py").read_text() == V2

    def test_leaves_what_was_known(self, managed, session, repository):
        check(session)
        take_down(repository)

        check_again(session)

        assert facts(session) == ("available", "remote", "refs/heads/main", "remote_unreachable")
        assert "is not reachable" in only_version(session).code_message
        assert only_version(session).code_attempts == 1

    def test_leaves_open_whether_there_is_a_commit_that_is_not_here(self, managed, session, repository, storage):
        take_down(repository)
        shutil.rmtree(storage / BUNDLE)

        check(session)

        assert facts(session) == ("unknown", None, None, "remote_unreachable")

    def test_does_not_hide_that_this_host_has_the_commit(self, managed, session, repository):
        take_down(repository)

        check(session)

        assert facts(session) == ("available", "checkout", None, "remote_unreachable")

    def test_does_not_bring_back_what_was_gone(self, managed, session, repository, storage):
        force_push(repository)
        shutil.rmtree(storage / BUNDLE)
        check(session)
        message = only_version(session).code_message
        take_down(repository)

        check_again(session)

        assert facts(session) == ("missing", None, None, "commit_gone")
        assert (only_version(session).code_message, only_version(session).code_attempts) == (message, 2)

    def test_is_forgotten_when_it_is_back(self, managed, session, repository):
        back = take_down(repository)
        check(session)
        back()

        check_again(session)

        assert facts(session) == ("available", "remote", "refs/heads/main", None)

    def test_tells_no_password(self, lab, session, repository, serve):
        serve(repository, repo_url="http://robot:s3cr3t@127.0.0.1:1/dags.git")
        lab.commit(repository.commit(orders=V1), orders=V1)
        lab.candidate("orders", 1)

        check(session)

        state, message = outcome(session)
        assert state == "unknown"
        assert "127.0.0.1" in message
        assert "s3cr3t" not in message

    def test_that_never_answers_is_given_up(self, managed, session, git_calls, monkeypatch):
        from airflow_providers_pinning.domain.versions.code_availability import git_remote

        monkeypatch.setattr(git_remote, "ANSWER_WITHIN", 0.5)
        git_calls.write(**{"ls-remote": "sleep 60"})
        began = time.monotonic()

        check(session)

        assert time.monotonic() - began < 50
        assert facts(session)[-1] == "remote_unreachable"


class TestTroubleOfTheHost:
    @pytest.mark.parametrize("command", ["init", "fetch"])
    def test_such_as_a_full_disk_is_not_taken_for_missing_code(self, managed, session, git_calls, command):
        git_calls.write(**{command: "echo 'fatal: write error: No space left on device' >&2; exit 128"})

        check(session)

        state, _, _, problem = facts(session)
        assert (state, problem) in (("unknown", "local_trouble"), ("available", "local_trouble"))
        assert "No space left on device" in only_version(session).code_message

    def test_leaves_what_was_known(self, managed, session, git_calls):
        check(session)
        git_calls.write(fetch="echo 'error: unable to write file: Disk quota exceeded' >&2; exit 1")

        check_again(session)

        assert facts(session) == ("available", "remote", "refs/heads/main", "local_trouble")

    def test_is_not_what_the_remote_says_of_itself(self, managed, session, git_calls):
        git_calls.write(fetch="echo 'remote: fatal: No space left on device' >&2; exit 128")

        check(session)

        assert facts(session)[-1] == "remote_unreachable"

    def test_is_that_its_folder_cannot_be_made(self, managed, session, storage):
        (storage / "_pinning").write_text("")

        check(session)

        assert facts(session) == ("unknown", None, None, "local_trouble")

    def test_is_that_there_is_no_git(self, managed, session, monkeypatch):
        monkeypatch.setenv("PATH", "")

        check(session)

        assert facts(session)[-1] == "local_trouble"


class TestBrokenClone:
    def test_of_the_bundle_does_not_hide_the_commit(self, managed, session, storage):
        for objects in (storage / BUNDLE / "bare" / "objects").iterdir():
            shutil.rmtree(objects)

        check(session)

        assert facts(session) == ("available", "remote", "refs/heads/main", None)

    def test_is_not_waited_for_if_there_is_none(self, managed, session, storage):
        shutil.rmtree(storage / BUNDLE)

        check(session)

        assert facts(session) == ("available", "remote", "refs/heads/main", None)
        assert not (storage / BUNDLE).exists()


class TestRound:
    def test_of_six_commits_leaves_no_working_tree(self, lab, session, repository, serve, storage, option):
        option("keep_versions", 1)
        serve(repository)
        for number in range(1, 7):
            source = dag_file("orders", tasks=" ".join(f"task{n}" for n in range(number)))
            lab.commit(repository.commit(orders=source), orders=source)
            live_bundle().refresh()
            lab.pin("orders", number)
            check(session)

        assert not (storage / BUNDLE / "versions").exists()
        assert left_in(storage) == []

    def test_lets_the_clean_up_see_checkouts_that_nobody_noted(
        self, managed, session, repository, storage, monkeypatch
    ):
        commits = [managed, *(repository.commit(orders=dag_file("orders", f"max_active_runs={n}")) for n in (1, 2, 3))]
        for commit in commits:
            DagBundlesManager().get_bundle(BUNDLE, commit).initialize()
        monkeypatch.setenv("AIRFLOW__DAG_PROCESSOR__STALE_BUNDLE_CLEANUP_MIN_VERSIONS", "1")
        monkeypatch.setenv("AIRFLOW__DAG_PROCESSOR__STALE_BUNDLE_CLEANUP_AGE_THRESHOLD", "0")
        BundleUsageTrackingManager().remove_stale_bundle_versions()
        assert len(list((storage / BUNDLE / "versions").iterdir())) == 4

        check(session)
        BundleUsageTrackingManager().remove_stale_bundle_versions()

        assert len(list((storage / BUNDLE / "versions").iterdir())) == 1

    def test_asks_the_remote_once_however_many_commits_are_gone(self, lab, session, repository, serve, git_calls):
        serve(repository)
        repository.commit(orders=V1)
        live_bundle()
        for number in range(5):
            source = dag_file("orders", f"max_active_runs={number + 1}")
            lab.commit(f"{number}" * 40, orders=source)
            lab.candidate("orders", number + 1)
        before = len(git_calls("fetch"))

        assert check(session) == 5

        assert len(git_calls("fetch")) - before == 1
        assert len(git_calls("ls-remote")) == 1
        assert {version.code_problem for version in all_versions(session)} == {"commit_gone"}

    def test_removes_what_a_killed_one_left(self, managed, session, storage):
        abandoned, other = storage / "_pinning" / "git-abandoned", storage / "_pinning" / "git-other"
        for folder in (abandoned, other):
            folder.mkdir(parents=True)
        os.utime(abandoned, (0, 0))

        check(session)

        assert left_in(storage) == ["git-other"]


class TestFile:
    @pytest.fixture
    def serve_dag(self, lab, repository, serve):
        """Return a function that registers the Dag under a commit."""

        def register(commit, **options):
            serve(repository, **options)
            lab.commit(commit, orders=V1)
            lab.candidate("orders", 1)

        return register

    def test_behind_a_link_is_found(self, session, repository, serve_dag):
        repository.commit(real__orders=V1)
        (repository.path / "dags").symlink_to("real")
        repository.git("add", "--all")
        serve_dag(repository.commit(other=V2), subdir="dags")

        check(session)

        assert facts(session)[0] == "available"

    def test_beside_links_that_lead_elsewhere_is_found(self, lab, session, repository, serve):
        serve(repository)
        (repository.path / "away.py").symlink_to("/etc/hostname")
        commit = repository.commit(orders=V1)
        lab.commit(commit, orders=V1, away=dag_file("away"), gone=dag_file("gone"))
        for dag_id in ("orders", "away", "gone"):
            lab.candidate(dag_id, 1)

        check(session)

        states = {version.dag_id: version.code_state for version in all_versions(session)}
        assert states == {"orders": "available", "away": "available", "gone": "missing"}

    @pytest.mark.parametrize(
        ("sparse_dirs", "state"), [(["dags"], "available"), (["dags/team"], "available"), (["plugins"], "missing")]
    )
    def test_is_looked_for_where_a_sparse_checkout_has_it(self, session, repository, serve_dag, sparse_dirs, state):
        serve_dag(repository.commit(dags__orders=V1), subdir="dags", sparse_dirs=sparse_dirs)

        check(session)

        assert facts(session)[0] == state

    @pytest.mark.parametrize(("submodules", "state"), [(True, "available"), (False, "missing")])
    def test_in_a_submodule_is_assumed_where_submodules_are_fetched(
        self, session, repository, serve_dag, tmp_path, submodules, state
    ):
        library = Repository(tmp_path / "library")
        library.commit(orders=V1)
        repository.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(library.path), "dags")
        serve_dag(repository.commit(other=V2), subdir="dags", submodules=submodules)

        check(session)

        assert facts(session)[0] == state
