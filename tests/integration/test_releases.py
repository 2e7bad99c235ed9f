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
"""Releases of many Dags on PostgreSQL: beside each other, beside runs that are created, and beside a kill."""

from __future__ import annotations

import threading

import pytest
from airflow import settings
from airflow.api.common.trigger_dag import trigger_dag
from airflow.models.dag import DagModel
from airflow.models.dag_version import DagVersion
from airflow.models.dagrun import DagRun
from airflow.models.taskinstance import TaskInstance
from airflow.utils.types import DagRunTriggeredByType
from sqlalchemy import event, select, update

from airflow_providers_pinning.domain.changes.pins import unpin
from airflow_providers_pinning.domain.changes.transactions import commit
from airflow_providers_pinning.domain.errors import ReleaseBlockedError
from airflow_providers_pinning.domain.history.events import Caller, Change
from airflow_providers_pinning.domain.releases import work
from airflow_providers_pinning.domain.releases.release import make_release
from airflow_providers_pinning.domain.releases.request import Access, ReleaseRequest, Selection
from airflow_providers_pinning.domain.releases.rollback import RollbackRequest, roll_back_release
from airflow_providers_pinning.models import Event, Pin, Release
from airflow_providers_pinning.vocabulary import ReleaseAction, ReleaseScope
from tests.integration.killed import killed_at
from tests.support.many_dags import register_many
from tests.support.patience import PATIENCE

CLIENTS = 50


def release(versions=None, *, key=None, **asked):
    asked = {"versions": versions} if versions else asked
    change = Change(Caller("alice"), "because", idempotency_key=key)
    return lambda session: make_release(ReleaseRequest(**asked), change, Access(), session=session)


def made(action):
    """Make a release as a request of the REST API does."""
    with settings.NonScopedSession() as session:
        return commit(lambda: action(session), session=session)


def at_once(*actions):
    """Do things at the same time, and return their results or errors."""
    start = threading.Barrier(len(actions))
    results = {}

    def run(number, action):
        start.wait(PATIENCE)
        try:
            results[number] = action()
        except Exception as error:
            results[number] = error

    threads = [threading.Thread(target=run, args=one) for one in enumerate(actions)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    return [results[number] for number in range(len(actions))]


def pinned(session):
    session.rollback()
    session.expire_all()
    return {row.dag_id: row.version_number for row in session.execute(select(Pin.dag_id, Pin.version_number))}


@pytest.fixture
def statements():
    """Return a list that every statement is added to."""
    sent = []

    def note(connection, cursor, statement, parameters, context, executemany):
        sent.append(statement)

    event.listen(settings.engine, "before_cursor_execute", note)
    yield sent
    event.remove(settings.engine, "before_cursor_execute", note)


@pytest.mark.parametrize("turn", range(3))
def test_two_releases_that_share_dags_are_made_one_after_the_other(lab, session, turn):
    ids = register_many(lab, 20)
    first, second = dict.fromkeys(ids[:15], 1), dict.fromkeys(reversed(ids[5:]), 2)
    results = at_once(lambda: made(release(first)), lambda: made(release(second)))
    assert [one.counts["changed"] for one in results] == [15, 15]
    shared = {pinned(session)[dag_id] for dag_id in ids[5:15]}
    assert len(shared) == 1, "each of the releases is whole"


def test_a_release_that_is_sent_twice_at_once_is_made_once(lab, session):
    ids = register_many(lab, 20)
    action = release(dict.fromkeys(ids, 1), key="deploy-1")
    results = at_once(*[lambda: made(action)] * 4)
    assert len({one.release_id for one in results}) == 1
    assert sorted(one.repeated for one in results) == [False, True, True, True]
    assert len(session.scalars(select(Release)).all()) == 1


def test_every_run_that_is_created_meanwhile_is_wholly_on_the_version_before_or_after(lab, session):
    ids = register_many(lab, 10)
    made(release(dict.fromkeys(ids, 1)))

    def triggered(number):
        def trigger():
            with settings.NonScopedSession() as own:
                run = trigger_dag(
                    ids[number % len(ids)],
                    triggered_by=DagRunTriggeredByType.REST_API,
                    run_id=f"run_{number}",
                    session=own,
                )
                own.commit()
                return run.id

        return trigger

    # As many at a time as the pool has connections.
    results = []
    for start in range(0, CLIENTS, 10):
        number = 2 if start % 20 == 0 else 1
        results += at_once(
            lambda number=number: made(release(dict.fromkeys(ids, number))),
            *(triggered(client) for client in range(start, start + 10)),
        )
    assert [one for one in results if isinstance(one, Exception)] == []
    session.rollback()
    commits = {1: "sha1", 2: "sha2"}
    tasks = {1: {"extract", "load"}, 2: {"extract", "transform", "load"}}
    runs = session.scalars(select(DagRun)).all()
    assert len(runs) == CLIENTS
    for run in runs:
        number = session.scalar(select(DagVersion.version_number).where(DagVersion.id == run.created_dag_version_id))
        assert run.bundle_version == commits[number]
        instances = session.scalars(
            select(TaskInstance).where(TaskInstance.dag_id == run.dag_id, TaskInstance.run_id == run.run_id)
        ).all()
        assert {one.task_id for one in instances} == tasks[number]
        assert {one.dag_version_id for one in instances} == {run.created_dag_version_id}


def test_of_a_thousand_dags_one_that_cannot_be_pinned_keeps_all_from_being_pinned(lab, session):
    ids = register_many(lab, 1000)
    session.execute(
        update(DagVersion)
        .where(DagVersion.dag_id == ids[700], DagVersion.version_number == 2)
        .values(bundle_version=None)
    )
    session.commit()
    with pytest.raises(ReleaseBlockedError) as refused:
        made(release(dict.fromkeys(ids, 2)))
    assert [(one["dag_id"], one["reason"]) for one in refused.value.data["blocked"]] == [
        (ids[700], "unversioned_bundle")
    ]
    assert not pinned(session).keys() & set(ids)
    assert session.scalars(select(Release)).all() == []
    assert session.scalars(select(Event).where(Event.release_id.is_not(None))).all() == []


def test_the_number_of_statements_grows_with_batches_and_not_with_dags(lab, session, statements):
    ids = register_many(lab, 60)
    made(release(dict.fromkeys(ids[:2], 1)))
    counts = {}
    for size in (10, 40):
        del statements[:]
        made(release(dict.fromkeys(ids[10 : 10 + size], 2)))
        counts[size] = len(statements)
    assert counts[40] <= counts[10] + 2, statements
    del statements[:]
    first = made(release(dict.fromkeys(ids[10:20], 1)))
    made(release(dict.fromkeys(ids[10:50], 1)))
    del statements[:]
    made(
        lambda own: roll_back_release(
            RollbackRequest(first.release_id, leave_moved=True), Change(Caller("bob"), "bad"), Access(), session=own
        )
    )
    assert len(statements) <= counts[10] + 10


def test_lifting_the_pins_of_more_dags_takes_no_more_statements(lab, session, statements):
    ids = register_many(lab, 50)
    made(release(dict.fromkeys(ids, 1)))
    counts = {}
    for size in (10, 40):
        del statements[:]
        lifted = Selection(dag_ids=tuple(ids[:size] if size == 10 else ids[10:]))
        report = made(release(action=ReleaseAction.UNPIN, selection=lifted))
        assert report.counts["changed"] == size
        counts[size] = len(statements)
    assert counts[40] <= counts[10] + 2, statements


def test_what_comes_next_of_more_dags_takes_no_more_statements_and_is_rolled_back(lab, session, statements):
    ids = register_many(lab, 50)
    made(release(dict.fromkeys(ids, 1)))
    counts = {}
    for some in (ids[:10], ids[10:]):
        del statements[:]
        report = made(release(newest=True, selection=Selection(dag_ids=tuple(some))))
        assert report.counts["changed"] == len(some)
        counts[len(some)] = len(statements)
    assert counts[40] <= counts[10] + 2, statements
    assert set(pinned(session).values()) == {2}
    back = made(release(action=ReleaseAction.ROLLBACK, selection=Selection(dag_ids=tuple(ids[:10]))))
    assert back.counts["changed"] == 10
    assert sorted(pinned(session).values()) == [1] * 10 + [2] * 40


def test_a_dag_that_is_unpinned_while_a_release_waits_for_it_stays_unpinned(lab, session, elsewhere):
    ids = register_many(lab, 2)
    made(release(dict.fromkeys(ids, 1)))
    session.close()
    unpinning = elsewhere(lambda own: unpin(ids[0], Change(Caller("bob"), "because"), session=own))
    unpinning.wait_until_acted()
    releasing = elsewhere(release(bundle_version="sha2", bundle_name="team_dags", scope=ReleaseScope.PINNED))
    releasing.wait_until_locked_out()
    unpinning.commit()
    report = releasing.commit()
    assert {dag.dag_id: (dag.outcome.value, dag.reason) for dag in report.dags} == {
        ids[0]: ("left", "not_pinned"),
        ids[1]: ("changed", None),
    }
    assert {dag_id: pinned(session)[dag_id] for dag_id in ids} == {ids[0]: None, ids[1]: 2}


def test_batches_lead_to_what_one_batch_leads_to(lab, session, monkeypatch):
    monkeypatch.setattr(work, "DAGS_AT_ONCE", 3)
    ids = register_many(lab, 10)
    report = made(release(dict.fromkeys(ids, 1)))
    assert report.counts["changed"] == 10
    assert {pinned(session)[dag_id] for dag_id in ids} == {1}
    rows = session.execute(select(DagModel.dag_id, DagModel.bundle_version, DagModel.timetable_summary)).all()
    assert {(row.bundle_version, row.timetable_summary) for row in rows if row.dag_id in ids} == {("sha1", "0 0 * * *")}


@pytest.mark.parametrize("number", [1, 5, 15, 25, 35, 45])
def test_a_process_that_is_killed_in_the_middle_leaves_nothing_changed(lab, session, number):
    ids = register_many(lab, 6)
    made(release(dict.fromkeys(ids, 1)))
    before = pinned(session)
    session.close()
    if killed_at(number, release(dict.fromkeys(ids, 2))):
        assert pinned(session) == before
        assert len(session.scalars(select(Release)).all()) == 1
    else:
        assert {pinned(session)[dag_id] for dag_id in ids} == {2}


def test_a_release_under_way_keeps_the_scheduler_from_its_own_dags_only(lab, session, elsewhere):
    ids = register_many(lab, 4)
    made(release(dict.fromkeys(ids, 1)))
    session.close()
    holding = elsewhere(release(dict.fromkeys(ids[:2], 2)))
    holding.wait_until_acted()
    free = session.scalars(select(DagModel.dag_id).with_for_update(skip_locked=True, of=DagModel)).all()
    assert set(free) == {"template", *ids[2:]}
    session.rollback()
    run = trigger_dag(ids[2], triggered_by=DagRunTriggeredByType.REST_API, run_id="beside", session=session)
    session.commit()
    assert run.bundle_version == "sha1"
    holding.commit()
