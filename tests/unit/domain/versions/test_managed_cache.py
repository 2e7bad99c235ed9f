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

import pytest
from airflow import settings

from airflow_providers_pinning.domain.changes.pins import Target, pin_version
from airflow_providers_pinning.domain.versions.managed_cache import (
    kept_protection,
    managed_version_ids,
    read_protection,
)
from tests.support.lab import Lab
from tests.support.sources import dag_file


@pytest.fixture
def two_dags(lab):
    lab.commit("sha1", orders=dag_file("orders"), invoices=dag_file("invoices"))
    return lab


def managed(lab):
    return managed_version_ids(["orders"], session=lab.session)


def test_what_was_read_under_the_locks_is_kept_for_the_transaction(two_dags, session):
    read = read_protection(["orders", "invoices"], session=session)

    assert kept_protection(["orders"], session=session) is read


def test_what_was_read_is_not_kept_for_the_next_transaction(two_dags, session):
    read_protection(["orders"], session=session)
    session.commit()
    with settings.NonScopedSession() as elsewhere:
        pin_version("orders", Target(version_number=1), Lab.change(), session=elsewhere)
        elsewhere.commit()

    assert kept_protection(["orders"], session=session) is None
    assert managed(two_dags) == {"orders": {two_dags.version("orders", 1).id}}


def test_what_was_read_of_one_dag_says_nothing_of_another(two_dags, session):
    two_dags.pin("orders", 1)
    read_protection(["invoices"], session=session)

    assert kept_protection(["orders"], session=session) is None
    assert managed(two_dags) == {"orders": {two_dags.version("orders", 1).id}}


def test_what_was_read_is_forgotten_by_a_change_in_the_same_transaction(two_dags, session):
    read_protection(["orders"], session=session)
    pin_version("orders", Target(version_number=1), Lab.change(), session=session)

    assert managed(two_dags) == {"orders": {two_dags.version("orders", 1).id}}
