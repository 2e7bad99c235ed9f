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
"""
How many statements the enforcement adds: what ``make bench`` measures rests on it, and it can be tested.

Each patched function has a row in ``patched_functions.py``: a new one needs a row too.
"""

from __future__ import annotations

import pytest
from airflow.models.dag import DagModel
from airflow.models.dagrun import DagRun
from airflow.models.taskinstance import TaskInstance
from sqlalchemy import delete, update

from airflow_providers_pinning.patch_points import POINTS, RELEASE
from tests.integration import sent_callbacks
from tests.integration.patched_functions import EXEMPT, ROWS, World
from tests.support.asynchronous import statements_sent
from tests.support.stock import watched, without_enforcement

ROWS += sent_callbacks.ROWS
if RELEASE >= (3, 4):
    from tests.integration import patched_since_3_4

    ROWS += patched_since_3_4.ROWS
    EXEMPT.update(patched_since_3_4.EXEMPT)

SMALL, BIG = 2, 7

by_row = pytest.mark.parametrize("row", ROWS, ids=[row.prepare.__name__ for row in ROWS])


class Counter:
    """Counts the statements of rows, each time with a Dag of its own."""

    def __init__(self, lab, session, scheduler):
        self.lab, self.session, self.scheduler = lab, session, scheduler
        self._acts = 0

    def statements(self, row, *, size=SMALL, managed=False, stock=False, warm=True):
        """Return the statements of one act, when what is read once in a process was read."""
        if warm:
            self.statements(row, size=size, managed=managed, stock=stock, warm=False)
        self._acts += 1
        world = World(self.lab, self.session, self.scheduler, f"dag_{self._acts}", size, managed)
        act = row.prepare(world)
        try:
            if stock:
                with without_enforcement(), statements_sent() as statements:
                    act()
            else:
                with statements_sent() as statements:
                    act()
            self.session.commit()
        finally:
            self._put_away()
        return statements

    def _put_away(self):
        """Leave nothing for the scheduler to do in the next act."""
        self.session.rollback()
        self.session.execute(delete(TaskInstance))
        self.session.execute(update(DagRun).values(state="success"))
        self.session.execute(update(DagModel).values(is_paused=True, is_stale=True))
        self.session.commit()
        self.session.expunge_all()


@pytest.fixture
def count(lab, session, scheduler):
    return Counter(lab, session, scheduler)


def test_every_patched_function_has_a_row_or_a_reason_to_have_none():
    in_rows = {seam for row in ROWS for seam in row.seams}

    assert in_rows | EXEMPT.keys() == {point.name for point in POINTS}
    assert not in_rows & EXEMPT.keys()


@by_row
def test_a_row_passes_the_patched_functions_that_it_is_for(row, count):
    with watched() as called:
        count.statements(row, warm=False)

    assert called.issuperset(row.seams)


@by_row
def test_a_dag_that_nothing_manages_costs_no_more_than_in_stock(row, count):
    in_stock = count.statements(row, stock=True)
    patched = count.statements(row)

    assert len(patched) <= len(in_stock) + row.allowed, difference(patched, in_stock)


@by_row
def test_what_a_managed_dag_costs_more_does_not_grow_with_its_tasks(row, count):
    more = []
    for size in (SMALL, BIG):
        in_stock = count.statements(row, size=size, managed=True, stock=True)
        patched = count.statements(row, size=size, managed=True)
        more.append(len(patched) - len(in_stock))

    assert more[1] <= more[0], difference(patched, in_stock)


def difference(patched, in_stock):
    """Say which statements there are more of."""
    left = list(in_stock)
    return "\n".join(["More than in stock:", *(s for s in patched if s not in left or left.remove(s))])
