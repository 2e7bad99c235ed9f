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

from airflow.models.dagcode import DagCode
from sqlalchemy import delete

from airflow_providers_pinning.domain.difference.compare import choose_versions, compare_versions
from airflow_providers_pinning.domain.difference.dag_files import dags_in_files
from tests.support.comparing import register
from tests.support.sources import CHANGED, STABLE, dag_file


class TestSource:
    def test_is_that_of_the_versions(self, lab, session):
        register(lab, STABLE, CHANGED)

        found = compare_versions("orders", session=session).source

        assert found.diff.startswith("--- orders.py\tversion 1\n+++ orders.py\tversion 2\n")
        assert '-    schedule="@daily",' in found.diff

    def test_that_is_not_stored_is_told(self, lab, session):
        register(lab, STABLE, CHANGED)
        session.execute(delete(DagCode).where(DagCode.dag_version_id == lab.version("orders", 1).id))
        session.commit()

        found = compare_versions("orders", session=session).source

        assert found.diff is None
        assert "The source of version 1 is not stored." in found.note

    def test_of_a_bundle_without_versions_may_differ_in_what_it_imports(self, lab, session, scheduler):
        lab.commit(None, orders=STABLE)
        scheduler.create_due_runs()
        lab.commit(None, orders=CHANGED)

        found = compare_versions("orders", from_version=1, session=session)

        assert "they may differ between an unversioned bundle" in found.source.note


def test_every_dag_of_the_file_is_found(lab, session):
    lab.commit("sha1", orders=dag_file("orders") + dag_file("billing"), other=dag_file("other"))

    versions = choose_versions("orders", session=session)

    assert dags_in_files("orders", versions, session=session) == {"orders", "billing"}
