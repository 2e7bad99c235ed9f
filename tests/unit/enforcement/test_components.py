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

import pytest
from airflow.jobs.job import Job
from fastapi.testclient import TestClient
from sqlalchemy import delete, select, text

from airflow_providers_pinning import __version__
from airflow_providers_pinning.enforcement.checking import EnforcementError
from airflow_providers_pinning.models import Component
from airflow_providers_pinning.patch_points.fingerprint import fingerprint
from tests.support.listening import Listener, listening
from tests.support.patience import wait_for
from tests.support.sources import dag_file


def components(session):
    session.expire_all()
    return session.scalars(select(Component)).all()


@pytest.fixture
def not_migrated(session):
    """Make the tables of the pin store look as if they were not migrated."""
    [revision] = session.scalars(text("SELECT version_num FROM alembic_version_pinning"))
    session.execute(text("DELETE FROM alembic_version_pinning"))
    session.commit()
    yield
    session.execute(text("INSERT INTO alembic_version_pinning VALUES (:revision)"), {"revision": revision})
    session.commit()


class TestJob:
    @pytest.mark.parametrize(
        ("job_type", "component"),
        [("SchedulerJob", "scheduler"), ("DagProcessorJob", "dag_processor"), ("TriggererJob", "triggerer")],
    )
    def test_says_that_it_enforces_pins_when_it_starts(self, job_type, component, session):
        job = Job(job_type=job_type)

        job.prepare_for_execution(session=session)

        [row] = components(session)
        assert (row.component, row.job_id, row.pid) == (component, job.id, os.getpid())
        assert (row.package_version, row.fingerprint) == (__version__, fingerprint())

    def test_says_so_without_being_given_a_session(self, session):
        Job(job_type="SchedulerJob").prepare_for_execution()

        assert len(components(session)) == 1

    def test_does_not_start_without_a_patch_that_it_needs(self, session, monkeypatch):
        from airflow.models.dagcode import DagCode

        monkeypatch.setattr(DagCode, "update_source_code", lambda dag_id, fileloc, session: None)

        with pytest.raises(EnforcementError, match=r"dag_processor .* airflow\.models\.dagcode\.DagCode\.update"):
            Job(job_type="DagProcessorJob").prepare_for_execution(session=session)

    def test_of_another_kind_does_not(self, session):
        Job(job_type="LocalTaskJob").prepare_for_execution(session=session)

        assert components(session) == []

    def test_does_not_start_while_the_tables_are_not_migrated(self, not_migrated, session):
        with pytest.raises(EnforcementError, match="airflow db migrate"):
            Job(job_type="SchedulerJob").prepare_for_execution(session=session)

        assert session.scalars(select(Job)).all() == []


class TestApiServer:
    def test_says_that_it_enforces_pins_while_it_serves(self, airflow_app, session):
        with TestClient(airflow_app):
            [row] = components(session)

        assert (row.component, row.job_id, row.pid) == ("api_server", None, os.getpid())
        assert row.fingerprint == fingerprint()

    def test_says_which_patches_it_lost(self, airflow_app, session, option, monkeypatch):
        from airflow_providers_pinning.enforcement import components as of_components
        from airflow_providers_pinning.patch_points import POINTS

        option("component_heartbeat", 0.05)
        lost = []
        monkeypatch.setattr(of_components, "missing_patches", lambda: lost)

        with TestClient(airflow_app):
            lost.append(next(point for point in POINTS if point.name == "delete_dag"))
            wait_for(lambda: components(session)[0].missing_patches == ["airflow.api.common.delete_dag.delete_dag"])
            lost.clear()
            wait_for(lambda: components(session)[0].missing_patches is None)

    def test_takes_that_back_when_it_ends(self, airflow_app, session):
        with TestClient(airflow_app):
            pass

        assert components(session) == []

    def test_gives_signs_of_life_while_it_serves(self, airflow_app, session, option):
        option("component_heartbeat", 0.05)

        with TestClient(airflow_app):
            [row] = components(session)
            first = row.last_seen
            wait_for(lambda: components(session)[0].last_seen > first)

    def test_says_it_again_if_its_row_is_deleted(self, airflow_app, session, option):
        option("component_heartbeat", 0.05)

        with TestClient(airflow_app):
            [row] = components(session)
            row_id = row.id
            session.execute(delete(Component))
            session.commit()
            wait_for(lambda: [row.id for row in components(session)] == [row_id])

    def test_goes_on_serving_while_the_database_is_away(self, airflow_app, session, option, monkeypatch):
        from airflow_providers_pinning.domain.monitoring import attestation

        calls = []

        def fail(row_id, **_):
            calls.append(row_id)
            raise OSError("away")

        monkeypatch.setattr(attestation, "renew_api_server", fail)
        option("component_heartbeat", 0.01)

        with TestClient(airflow_app) as client:
            wait_for(lambda: len(calls) > 2)
            assert client.get("/api/v2/version").status_code == 200

    def test_announces_what_is_changed_through_it_while_it_serves(self, airflow_app, lab):
        lab.commit("sha1", orders=dag_file("orders"))
        listener = Listener()

        with listening(listener):
            with TestClient(airflow_app):
                lab.pin("orders", 1)
                assert [event.kind for event in listener.wait()] == ["pinned"]
            lab.unpin("orders")

        assert [event.kind for event in listener.events] == ["pinned"]

    def test_does_not_start_while_the_tables_are_not_migrated(self, airflow_app, not_migrated):
        with pytest.raises(EnforcementError, match="airflow db migrate"), TestClient(airflow_app):
            pass
