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
import time
from datetime import timedelta
from unittest import mock

import pytest
from airflow import settings
from airflow._shared.timezones import timezone
from airflow.jobs.job import Job, JobState
from sqlalchemy import select

from airflow_providers_pinning import __version__
from airflow_providers_pinning.domain.changes.canary import CanaryRequest, create_canary_runs
from airflow_providers_pinning.domain.errors import NotEnforcedError
from airflow_providers_pinning.domain.monitoring import attestation
from airflow_providers_pinning.models import Component
from tests.support.remembered import remembered
from tests.support.sources import dag_file
from tests.support.stock import without_enforcement


def start(session, job_type="SchedulerJob", *, enforced=True):
    """Start a component, on a host that has the package or lacks it."""
    job = Job(job_type=job_type)
    if enforced:
        job.prepare_for_execution(session=session)
    else:
        with without_enforcement("Job.prepare_for_execution"):
            job.prepare_for_execution(session=session)
    return session.get(Job, job.id)


def health(session):
    return attestation.live_components(session=session)


@pytest.fixture
@remembered
def registered(lab):
    lab.commit("sha1", orders=dag_file("orders"))


@pytest.fixture
def pin(registered):
    return lambda: registered.pin("orders", 1)


JOB_TYPES = pytest.mark.parametrize(
    ("job_type", "component"),
    [("SchedulerJob", "scheduler"), ("DagProcessorJob", "dag_processor"), ("TriggererJob", "triggerer")],
)


class TestLiveJob:
    @JOB_TYPES
    def test_with_the_package_enforces_pins(self, job_type, component, session, pin):
        job = start(session, job_type)

        [found] = health(session)
        assert (found.component, found.job_id, found.pid) == (component, job.id, os.getpid())
        assert (found.enforced, found.message, found.package_version) == (True, "", __version__)
        assert pin().pinned

    @JOB_TYPES
    def test_without_the_package_keeps_pins_from_being_made(self, job_type, component, session, pin):
        job = start(session, job_type, enforced=False)

        with pytest.raises(NotEnforcedError, match=f"{component} on {job.hostname} .job {job.id}. runs without"):
            pin()

    def test_that_starts_while_one_asks_is_never_seen_as_without_the_package(self, session, monkeypatch):
        """It writes its job and its attestation at once, between the two statements of whoever asks."""
        with settings.NonScopedSession() as asking, settings.NonScopedSession() as starting:
            stock = asking.scalars

            def scalars(*args, **options):
                found = stock(*args, **options).all()
                if not session.scalars(select(Job)).all():
                    start(starting)
                return mock.Mock(all=lambda: found)

            monkeypatch.setattr(asking, "scalars", scalars)
            assert all(component.enforced for component in health(asking))
        assert [component.enforced for component in health(session)] == [True]

    def test_without_the_package_is_named_in_the_refusal(self, session, pin):
        start(session)
        job = start(session, "TriggererJob", enforced=False)

        with pytest.raises(NotEnforcedError) as refused:
            pin()

        [component] = refused.value.data["components"]
        assert (component["component"], component["hostname"], component["job_id"]) == (
            "triggerer",
            job.hostname,
            job.id,
        )
        assert "Install airflow-providers-pinning there" in component["message"]

    def test_whose_clock_is_slow_keeps_pins_from_being_made_once_its_heartbeat_was_seen_to_go_on(self, session, pin):
        job = start(session, enforced=False)
        for _ in range(2):
            job.latest_heartbeat = timezone.utcnow() - timedelta(hours=1)
            session.commit()
            attestation.note_heartbeats(session=session)

        with pytest.raises(NotEnforcedError, match="without the enforcement, and its clock is behind"):
            pin()

    def test_whose_heartbeat_is_old_and_stays_is_gone(self, session, pin):
        job = start(session, enforced=False)
        job.latest_heartbeat = timezone.utcnow() - timedelta(hours=1)
        session.commit()
        for _ in range(2):
            attestation.note_heartbeats(session=session)

        assert health(session) == []
        assert pin().pinned

    def test_whose_heartbeat_went_on_until_it_died_is_gone_after_the_threshold(self, session, monkeypatch):
        job = start(session, enforced=False)
        for _ in range(2):
            job.latest_heartbeat = timezone.utcnow() - timedelta(hours=1)
            session.commit()
            attestation.note_heartbeats(session=session)
        later = time.monotonic() + 3600
        monkeypatch.setattr(time, "monotonic", lambda: later)

        assert health(session) == []

    def test_with_another_release_of_the_package_keeps_pins_from_being_made(self, session, pin):
        start(session)
        row = session.scalars(select(Component)).one()
        row.fingerprint, row.package_version = "another", "9.9.9"
        session.commit()

        with pytest.raises(NotEnforcedError, match=r"like version 9\.9\.9"):
            pin()

    def test_that_lost_a_patch_keeps_pins_from_being_made_and_names_it(self, session, pin):
        start(session)
        row = session.scalars(select(Component)).one()
        row.missing_patches = ["airflow.models.dagcode.DagCode.update_source_code"]
        session.commit()

        with pytest.raises(
            NotEnforcedError, match=r"is missing the patches of airflow\.models\.dagcode\.DagCode\.update"
        ):
            pin()

    @pytest.mark.parametrize("job_type", ["LocalTaskJob", "BackfillJob"])
    def test_of_another_kind_needs_no_package(self, job_type, session, pin):
        start(session, job_type, enforced=False)

        assert health(session) == []
        assert pin().pinned

    def test_keeps_its_row_however_long_ago_it_started(self, session):
        start(session)
        session.scalars(select(Component)).one().started_at = timezone.utcnow() - timedelta(days=7)
        session.commit()

        start(session, "TriggererJob")

        assert [component.enforced for component in health(session)] == [True, True]


class TestJobThatIsNoLongerLive:
    @pytest.mark.parametrize(
        "end",
        [
            pytest.param(lambda job: setattr(job, "state", JobState.SUCCESS), id="it ended"),
            pytest.param(
                lambda job: setattr(job, "latest_heartbeat", timezone.utcnow() - timedelta(hours=1)), id="it died"
            ),
        ],
    )
    def test_needs_no_package(self, end, session, pin):
        end(start(session, enforced=False))
        session.commit()

        assert health(session) == []
        assert pin().pinned

    def test_loses_its_row_when_another_component_starts(self, session):
        job = start(session)
        job.state = JobState.SUCCESS
        session.scalars(select(Component)).one().started_at = timezone.utcnow() - timedelta(hours=1)
        session.commit()

        newer = start(session)

        assert session.scalars(select(Component.job_id)).all() == [newer.id]


class TestApiServer:
    def attest(self, session):
        row_id = attestation.attest(attestation.API_SERVER, session=session)
        session.commit()
        return session.get(Component, row_id)

    def test_that_gives_signs_of_life_is_shown(self, session):
        self.attest(session)

        [found] = health(session)
        assert (found.component, found.job_id, found.enforced) == ("api_server", None, True)

    def test_that_gave_none_for_long_is_not_shown(self, session):
        self.attest(session).last_seen = timezone.utcnow() - timedelta(minutes=2)
        session.commit()

        assert health(session) == []

    def test_that_gave_none_for_as_long_as_is_configured_is_not_shown(self, session, option):
        option("component_threshold", 5)
        self.attest(session).last_seen = timezone.utcnow() - timedelta(seconds=10)
        session.commit()

        assert health(session) == []

    def test_with_another_release_of_the_package_keeps_pins_from_being_made(self, session, pin):
        self.attest(session).fingerprint = "another"
        session.commit()

        with pytest.raises(NotEnforcedError, match="api_server"):
            pin()

    def test_renews_its_sign_of_life(self, session):
        row = self.attest(session)
        row.last_seen = timezone.utcnow() - timedelta(minutes=2)
        session.commit()

        attestation.renew_api_server(row.id, session=session)
        session.commit()

        assert len(health(session)) == 1

    def test_withdraws_when_it_ends(self, session):
        row = self.attest(session)

        attestation.withdraw(row.id, session=session)
        session.commit()

        assert session.scalars(select(Component)).all() == []

    def test_that_died_loses_its_row_when_another_starts(self, session):
        self.attest(session).last_seen = timezone.utcnow() - timedelta(minutes=2)
        session.commit()

        newer = self.attest(session)

        assert session.scalars(select(Component.id)).all() == [newer.id]


def test_a_roll_back_is_refused_as_well_while_it_would_not_be_honored(lab, session):
    lab.commit("sha1", orders=dag_file("orders"))
    lab.pin("orders", 1)
    lab.commit("sha2", orders=dag_file("orders", tasks="other"))
    lab.pin("orders", 2)
    start(session, enforced=False)

    with pytest.raises(NotEnforcedError):
        lab.roll_back("orders")


def test_canary_runs_are_refused_as_well_while_they_would_not_have_their_version(lab, session):
    lab.commit("sha1", orders=dag_file("orders"))
    start(session, enforced=False)

    with pytest.raises(NotEnforcedError):
        create_canary_runs("orders", CanaryRequest(1), lab.change(), session=session)


def test_an_unpin_is_not_refused_because_a_component_lacks_the_package(lab, session):
    lab.commit("sha1", orders=dag_file("orders"))
    lab.pin("orders", 1)
    start(session, enforced=False)

    assert not lab.unpin("orders").pinned


def test_several_that_lack_the_package_are_named_in_one_sentence_and_told_once_what_to_do(session, pin):
    jobs = [start(session, job_type, enforced=False) for job_type in ("SchedulerJob", "TriggererJob")]

    with pytest.raises(NotEnforcedError) as refused:
        pin()
    scheduler, triggerer = (f"on {job.hostname} (job {job.id}) runs without the enforcement" for job in jobs)
    assert refused.value.message == (
        f"The pin would not be enforced: scheduler {scheduler}; triggerer {triggerer}. "
        "Install airflow-providers-pinning there and restart it."
    )


def test_a_candidate_is_not_refused_while_a_component_lacks_the_package_but_warned_of(lab, session):
    lab.commit("sha1", orders=dag_file("orders"))
    assert lab.candidate("orders", 1).warnings == ()
    job = start(session, "DagProcessorJob", enforced=False)

    for state in (lab.candidate("orders", 1), lab.candidate("orders", 1, idempotency_key="k")):
        assert state.warnings == (
            "Version 1 can still be overwritten, because not every component enforces pins: "
            f"dag_processor on {job.hostname} (job {job.id}) runs without the enforcement. "
            "Install airflow-providers-pinning there and restart it.",
        )
    assert "overwritten" in lab.candidate("orders", 1, idempotency_key="k").warnings[0]
