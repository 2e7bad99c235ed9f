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
"""The inbox of very many pins takes few statements and little time."""

from __future__ import annotations

import time

import pytest
from sqlalchemy import event

from airflow_providers_pinning.domain.history.events import Caller, Change
from airflow_providers_pinning.domain.policies.inbox import inbox
from airflow_providers_pinning.domain.policies.store import apply
from airflow_providers_pinning.domain.policies.unpinned import UnpinnedFilter, list_unpinned
from airflow_providers_pinning.vocabulary import InboxReason
from benchmarks.faces import copied
from tests.support.sources import CHANGED, STABLE

PINS = 10_000
DAGS = 20_000

STATEMENTS = 16
SECONDS = 0.5
"""Of CPU. It takes a tenth of a second, on a busy machine and with an approval missing of every other pin."""

HERE = "dag_id = 'orders'"
NAME = "'crowd_' || n"
VERSION = "md5('{} ' || n)::uuid"


@pytest.fixture
def crowd(lab, session, server, airflow_database):
    """Pin very many Dags, half of which have a candidate; as many again are not pinned."""
    lab.commit("sha1", orders=STABLE)
    lab.pin("orders", 1)
    lab.commit("sha2", orders=CHANGED)
    lab.candidate("orders", 2)
    session.commit()
    for number, count in ((1, PINS), (2, PINS // 2)):
        version = VERSION.format(f"version {number}")
        which = f"{HERE} AND version_number = {number}"
        statements = [
            copied("dag_version", which, count, dag_id=NAME, id=version),
            copied("pinning_version", which, count, dag_id=NAME, dag_version_id=version),
            copied("pinning_pin", which, count, dag_id=NAME, dag_version_id=version),
        ]
        row = VERSION.format(f"serialized {number}")
        stored = f"dag_version_id IN (SELECT id FROM dag_version WHERE {which})"
        statements.append(copied("serialized_dag", stored, count, dag_id=NAME, id=row, dag_version_id=version))
        if number == 1:
            statements.insert(0, copied("dag", HERE, DAGS, dag_id=NAME))
        for statement in statements:
            server.execute(statement, database=airflow_database)
    server.execute("VACUUM ANALYZE", database=airflow_database)
    document = {"policies": [{"name": "two eyes", "match": {"dag_ids": ["crowd_*"]}, "requires": {"approvals": 1}}]}
    apply(document, Change(Caller("alice"), "careful"), session=session)
    session.commit()
    return session


@pytest.fixture
def statements(session):
    """Return the statements that are made."""
    made = []
    engine = session.get_bind()
    listener = lambda *arguments: made.append(arguments[2])  # noqa: E731
    event.listen(engine, "before_cursor_execute", listener)
    yield made
    event.remove(engine, "before_cursor_execute", listener)


def test_very_many_pins_are_counted_with_few_statements_in_little_time(crowd, statements):
    inbox(session=crowd)
    crowd.rollback()
    statements.clear()
    began = time.process_time()

    found = inbox(session=crowd)

    took = time.process_time() - began
    assert (found.wanted[InboxReason.WAITING], found.wanted[InboxReason.UNAPPROVED]) == (PINS // 2 + 1, PINS // 2)
    assert found.unpinned == DAGS - PINS
    assert len(statements) <= STATEMENTS
    assert took < SECONDS, f"{took:.3f} s of CPU"


def test_dags_that_are_not_pinned_are_read_page_by_page(crowd, statements):
    listed, total = list_unpinned(UnpinnedFilter(), limit=50, offset=DAGS - PINS - 1, session=crowd)

    assert ([dag.latest for dag in listed], total) == ([None], DAGS - PINS)
    assert all("LIMIT" in one or "count" in one or "IN (" in one for one in statements if "FROM dag " in one)
