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
from airflow.utils import retries
from sqlalchemy import select
from sqlalchemy.exc import DataError, OperationalError

from airflow_providers_pinning.domain import pins
from airflow_providers_pinning.domain.errors import UnknownVersionError
from airflow_providers_pinning.domain.transactions import commit, rehearse
from airflow_providers_pinning.models import Event
from tests.support.sources import dag_file


@pytest.fixture(autouse=True)
def registered(lab):
    lab.commit("sha1", orders=dag_file("orders"))


@pytest.fixture(autouse=True)
def without_waiting(monkeypatch):
    import tenacity

    monkeypatch.setattr(tenacity, "wait_random_exponential", lambda **options: tenacity.wait_none())


def pin(lab, number=1):
    return pins.pin_version("orders", pins.Target(version_number=number), lab.change(), session=lab.session)


def fail_first(change, times):
    """Return the change, but let the database fail after it so many times."""
    left = iter(range(times))

    def failing():
        result = change()
        if next(left, None) is not None:
            raise OperationalError("a deadlock", None, Exception())
        return result

    return failing


def test_a_change_is_committed(lab):
    commit(lambda: pin(lab), session=lab.session)
    lab.session.rollback()

    assert lab.pin_state("orders").pinned


def test_a_change_that_fails_in_the_database_is_made_again_and_once(lab):
    state = commit(fail_first(lambda: pin(lab), 1), session=lab.session)

    assert state.revision == 1
    assert len(lab.session.scalars(select(Event)).all()) == 1


def test_a_change_that_fails_again_and_again_is_given_up_and_leaves_nothing(lab):
    with pytest.raises(OperationalError):
        commit(fail_first(lambda: pin(lab), retries.MAX_DB_RETRIES), session=lab.session)

    assert lab.pin_row("orders") is None
    assert lab.session.scalars(select(Event)).all() == []


def test_a_refusal_is_not_tried_again_and_leaves_nothing(lab):
    tries = []

    def refused():
        tries.append(1)
        return pin(lab, 99)

    with pytest.raises(UnknownVersionError):
        commit(refused, session=lab.session)

    assert len(tries) == 1
    assert lab.pin_row("orders") is None


@pytest.mark.parametrize("run", [commit, rehearse])
def test_a_value_that_the_database_refuses_is_not_tried_again(run, lab):
    tries = []

    def refused():
        tries.append(pin(lab))
        raise DataError("value too long", None, Exception())

    with pytest.raises(DataError):
        run(refused, session=lab.session)

    assert len(tries) == 1
    assert lab.pin_row("orders") is None


def test_a_rehearsal_tells_what_would_be_and_leaves_nothing(lab):
    state = rehearse(lambda: pin(lab), session=lab.session)

    assert (state.pinned, state.revision) == (True, 1)
    assert lab.pin_row("orders") is None
    assert lab.session.scalars(select(Event)).all() == []
    assert lab.managed("orders") == {}


def test_a_rehearsal_that_fails_in_the_database_is_made_again(lab):
    assert rehearse(fail_first(lambda: pin(lab), 1), session=lab.session).revision == 1


def test_a_rehearsal_is_refused_as_the_change_would_be(lab):
    with pytest.raises(UnknownVersionError):
        rehearse(lambda: pin(lab, 99), session=lab.session)

    assert lab.pin_row("orders") is None
