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

from airflow.api.common.trigger_dag import trigger_dag
from airflow.models.taskinstance import clear_task_instances
from airflow.utils.types import DagRunTriggeredByType

from tests.support.sources import CHANGED, STABLE
from tests.support.statements import recorded, waits_for_changes


def clear(run, session):
    clear_task_instances(list(run.task_instances), session, run_on_latest_version=True)


def test_clearing_on_the_latest_version_holds_the_pin_before_it_looks_the_version_up(lab, session):
    lab.commit("sha1", orders=STABLE)
    lab.pin("orders", 1)
    run = trigger_dag("orders", triggered_by=DagRunTriggeredByType.REST_API, session=session)
    session.commit()

    with recorded(session) as statements:
        clear(run, session)

    held = next(i for i, s in enumerate(statements) if waits_for_changes(s))
    # What told that the pin is to be held is looked up again.
    first, *others = (i for i, s in enumerate(statements) if "FROM serialized_dag JOIN dag_version" in s)
    assert first < held < min(others)


def test_clearing_reads_the_bundle_version_of_the_pin_anew(lab, session):
    lab.commit("sha1", orders=STABLE)
    lab.pin("orders", 1)
    run = trigger_dag("orders", triggered_by=DagRunTriggeredByType.REST_API, session=session)
    assert run.dag_model.bundle_version == "sha1"
    session.commit()
    lab.commit("sha2", orders=CHANGED)
    lab.pin("orders", 2)

    clear(run, session)
    session.commit()

    assert run.bundle_version == "sha2"
    assert lab.used_versions(run) == {2}


def test_clearing_a_run_of_a_dag_that_was_never_pinned_locks_nothing(lab, session):
    lab.commit("sha1", orders=STABLE)
    run = trigger_dag("orders", triggered_by=DagRunTriggeredByType.REST_API, session=session)
    session.commit()

    with recorded(session) as statements:
        clear(run, session)

    assert not any("FROM dag " in s and "FOR" in s.rsplit("WHERE", 1)[-1] for s in statements)


def test_adding_only_the_new_tasks_holds_the_pin_before_it_looks_the_version_up(lab, session):
    lab.commit("sha1", orders=STABLE)
    lab.pin("orders", 1)
    run = trigger_dag("orders", triggered_by=DagRunTriggeredByType.REST_API, session=session)
    session.commit()
    lab.commit("sha2", orders=CHANGED)
    lab.pin("orders", 2)
    dag = lab.serialized("orders", 2).dag

    with recorded(session) as statements:
        dag.clear(run_id=run.run_id, only_new=True, session=session)
    session.commit()

    held = next(i for i, s in enumerate(statements) if waits_for_changes(s))
    first, *others = (i for i, s in enumerate(statements) if "dag_version" in s and "ORDER BY" in s)
    # The first one told that the pin is to be held, and is made again.
    assert first < held < min(others)
    assert (run.bundle_version, lab.task_ids(run)) == ("sha2", {"extract", "transform", "load"})
    assert lab.used_versions(run) == {2}
