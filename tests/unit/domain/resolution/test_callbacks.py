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
from airflow.callbacks.callback_requests import DagCallbackRequest
from airflow.callbacks.database_callback_sink import DatabaseCallbackSink
from airflow.models.dag_version import DagVersion
from airflow.models.dagbundle import DagBundleModel
from airflow.models.db_callback_request import DbCallbackRequest
from sqlalchemy import delete, select, update

from airflow_providers_pinning.domain.resolution import callbacks
from airflow_providers_pinning.models import ManagedVersion
from tests.support.lab import BUNDLE
from tests.support.moved_file import run_before_the_move
from tests.support.remembered import remembered
from tests.support.statements import sent


@pytest.fixture
@remembered
def run(lab):
    return run_before_the_move(lab)


def request_of(run):
    return DagCallbackRequest(
        filepath="moved/orders.py",
        bundle_name=BUNDLE,
        bundle_version="sha1",
        dag_id=run.dag_id,
        run_id=run.run_id,
    )


def send(run, session):
    """Send a callback of the run as Airflow does, and return the statements and what the dag processor gets."""
    session.commit()
    with sent(session) as statements:
        DatabaseCallbackSink().send(request_of(run))
    row = session.scalars(select(DbCallbackRequest)).one()
    got = row.get_callback_request()
    assert row.bundle_name == got.bundle_name
    session.execute(delete(DbCallbackRequest))
    session.commit()
    return statements, (got.bundle_name, got.filepath)


def test_the_next_callback_of_a_version_is_written_right_at_once(run, session):
    send(run, session)
    statements, place = send(run, session)

    assert place == (BUNDLE, "orders.py")
    assert len(statements) == 1, statements


def test_what_is_remembered_of_a_version_that_was_rewritten_is_read_again(run, session):
    send(run, session)
    session.add(DagBundleModel(name="elsewhere"))
    session.flush()
    session.execute(update(DagVersion).where(DagVersion.version_number == 1).values(bundle_name="elsewhere"))

    assert send(run, session)[1] == ("elsewhere", "orders.py")
    statements, place = send(run, session)
    assert (len(statements), place) == (1, ("elsewhere", "orders.py"))


def test_what_is_remembered_of_a_dag_that_nothing_manages_any_more_is_not_used(run, session):
    send(run, session)
    session.execute(delete(ManagedVersion))

    assert send(run, session)[1] == (BUNDLE, "moved/orders.py")
    statements, place = send(run, session)
    assert (len(statements), place) == (1, (BUNDLE, "moved/orders.py"))


def test_a_callback_is_written_and_corrected_in_the_transaction_of_whoever_sends_it(run, session):
    callbacks._guesses.clear()
    session.commit()
    with sent(session) as statements:
        DatabaseCallbackSink().send(request_of(run), session=session)
    session.rollback()

    assert [statement.split()[0] for statement in statements] == ["INSERT", "SELECT", "UPDATE"]
    assert session.scalars(select(DbCallbackRequest)).all() == []
