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
"""How many statements the enforcement adds: what ``make bench`` measures rests on it, and it can be tested."""

from __future__ import annotations

from contextlib import contextmanager

import pytest
from airflow import settings
from airflow.dag_processing.collection import update_dag_parsing_results_in_db
from airflow.dag_processing.dagbag import DagBag
from airflow.models.dagrun import DagRun
from airflow.serialization.serialized_objects import LazyDeserializedDAG
from sqlalchemy import event, func, select

from tests.support.lab import BUNDLE
from tests.support.sources import STABLE
from tests.support.stock import without_enforcement

DAGS = [f"dag_{number}" for number in range(8)]
"""Fewer than the scheduler takes in one turn."""


@contextmanager
def counted():
    """Count the statements that reach the database."""
    statements = []

    def count(connection, cursor, statement, *_):
        statements.append(statement)

    event.listen(settings.engine, "before_cursor_execute", count)
    try:
        yield statements
    finally:
        event.remove(settings.engine, "before_cursor_execute", count)


@pytest.fixture
def registered(lab, session):
    lab.commit("sha1", **{dag_id: of(dag_id) for dag_id in DAGS})
    return lab


def of(dag_id):
    # With catching up there is always a run due.
    source = STABLE.replace('"orders"', f'"{dag_id}"').replace("catchup=False", "catchup=True")
    return source.replace("max_active_runs=2", "max_active_runs=50")


def pin_all(lab):
    for dag_id in DAGS:
        lab.pin(dag_id, 1)


def create_runs(scheduler, session):
    before = session.scalar(select(func.count()).select_from(DagRun))
    with counted() as statements:
        scheduler.create_due_runs()
    created = session.scalar(select(func.count()).select_from(DagRun)) - before
    session.commit()
    assert created == len(DAGS)
    return len(statements)


@pytest.mark.parametrize("prepare", [lambda lab: None, pin_all], ids=["no pin", "all pinned"])
def test_creating_runs_takes_two_more_a_turn_of_the_scheduler(registered, scheduler, session, prepare):
    prepare(registered)
    create_runs(scheduler, session)
    with without_enforcement():
        in_stock = create_runs(scheduler, session)
    assert create_runs(scheduler, session) <= in_stock + 2


def write(lab, dag_ids, session):
    checkout = lab.root / BUNDLE / "sha1"
    bag = DagBag(checkout, safe_mode=False, bundle_path=checkout, bundle_name=BUNDLE)
    dags = [LazyDeserializedDAG.from_dag(bag.dags[dag_id]) for dag_id in dag_ids]
    session.expunge_all()
    with counted() as statements:
        update_dag_parsing_results_in_db(
            bundle_name=BUNDLE,
            bundle_version="sha1",
            version_data=None,
            dags=dags,
            import_errors={},
            parse_duration=0.1,
            warnings=set(),
            session=session,
            files_parsed={(BUNDLE, dag.relative_fileloc) for dag in dags},
        )
    session.commit()
    return len(statements)


@pytest.mark.parametrize(
    ("dag_ids", "prepare", "more"),
    [
        pytest.param(DAGS[:1], lambda lab: None, 1, id="one Dag, no pin"),
        pytest.param(DAGS, lambda lab: None, 2, id="many Dags, no pin"),
        pytest.param(DAGS[:1], pin_all, 4, id="one Dag, pinned"),
        pytest.param(DAGS, pin_all, 4, id="many Dags, pinned"),
    ],
)
def test_writing_a_file_takes_few_more(registered, session, dag_ids, prepare, more):
    prepare(registered)
    with without_enforcement():
        in_stock = write(registered, dag_ids, session)
    assert write(registered, dag_ids, session) <= in_stock + more
