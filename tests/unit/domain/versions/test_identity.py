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

import uuid

import pytest
from airflow import settings
from airflow.models.dag import DagModel
from sqlalchemy import update

from airflow_providers_pinning.domain.errors import UnknownDagError, UnknownVersionError
from airflow_providers_pinning.domain.versions.identity import (
    find_version,
    identity_of,
    latest_identity,
    list_identities,
    require_dag,
)
from tests.support.lab import BUNDLE
from tests.support.remembered import remembered
from tests.support.sources import dag_file


@pytest.fixture
@remembered
def versions(lab):
    lab.commit("sha1", orders=dag_file("orders"))
    lab.pin("orders", 1)
    lab.commit("sha2", orders=None, moved__orders=dag_file("orders", tasks="one two"))
    return lab


def test_an_identity_names_the_version_the_code_and_the_file(versions, session):
    identity = identity_of(versions.version("orders", 2).id, session=session)

    assert identity.as_dict() == {
        "dag_version_id": str(versions.version("orders", 2).id),
        "version_number": 2,
        "bundle_name": BUNDLE,
        "bundle_version": "sha2",
        "dag_hash": versions.serialized("orders", 2).dag_hash,
        "relative_fileloc": "moved/orders.py",
    }
    assert identity.label == f"version 2 (bundle {BUNDLE!r} at sha2)"


def test_an_identity_of_nothing_is_none(versions, session):
    assert identity_of(uuid.uuid4(), session=session) is None


def test_the_latest_identity_is_the_newest_whatever_is_pinned(versions, session):
    assert latest_identity("orders", session=session).version_number == 2


def test_a_dag_without_versions_has_no_latest_identity(session):
    assert latest_identity("orders", session=session) is None


def test_identities_are_listed_newest_first(versions, session):
    numbers = [identity.version_number for identity in list_identities("orders", limit=9, offset=0, session=session)]

    assert numbers == [2, 1]


def test_a_version_in_a_zip_archive_has_a_path_through_it(lab, session):
    lab.commit_zip("sha1", "packed.zip", dag_file("orders"))

    assert latest_identity("orders", session=session).relative_fileloc == "packed.zip/dags.py"


class TestFind:
    def test_takes_one_name_of_a_version(self, versions, session):
        identity = identity_of(versions.version("orders", 1).id, session=session)

        assert find_version("orders", version_number=1, session=session) == identity
        assert find_version("orders", bundle_version="sha1", session=session) == identity
        assert find_version("orders", dag_version_id=identity.dag_version_id, session=session) == identity

    @pytest.mark.parametrize("names", [{}, {"version_number": 1, "bundle_version": "sha1"}], ids=["none", "two"])
    def test_takes_exactly_one(self, names, versions, session):
        with pytest.raises(ValueError, match="exactly one"):
            find_version("orders", session=session, **names)

    @pytest.mark.parametrize(
        "name",
        [{"version_number": 9}, {"bundle_version": "sha9"}, {"dag_version_id": uuid.UUID(int=9)}],
        ids=lambda name: next(iter(name)),
    )
    def test_says_what_it_did_not_find(self, name, versions, session):
        with pytest.raises(UnknownVersionError) as refused:
            find_version("orders", session=session, **name)

        [(key, value)] = name.items()
        assert refused.value.data == {"dag_id": "orders", key: value if isinstance(value, int) else str(value)}
        assert f"{key} {value if isinstance(value, int) else repr(str(value))}." in refused.value.message


def test_an_unknown_dag_is_refused(session):
    with pytest.raises(UnknownDagError, match="'orders'"):
        require_dag("orders", session=session)


def test_a_dag_that_was_read_before_is_read_anew_when_it_is_locked(versions, session):
    """Else what is in memory would pass for what is in the row, and would not be written over a newer value."""
    seen = require_dag("orders", session=session)
    assert (seen.is_paused, seen.max_active_runs) == (False, 16)
    with settings.NonScopedSession() as elsewhere:
        elsewhere.execute(update(DagModel).values(is_paused=True, max_active_runs=7))
        elsewhere.commit()

    require_dag("orders", lock=True, session=session)

    assert (seen.is_paused, seen.max_active_runs) == (True, 7)


def test_locking_a_dag_keeps_other_writers_out(versions, session):
    """SQLite has no row locks: the first writer keeps all others out until its transaction ends."""
    import sqlite3

    require_dag("orders", lock=True, session=session)

    other = sqlite3.connect(settings.engine.url.database, timeout=0)
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        other.execute("UPDATE dag SET is_paused = 1")
    other.close()
