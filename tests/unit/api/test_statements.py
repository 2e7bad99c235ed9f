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
"""What a page shows takes as many statements as it takes for a page of two rows."""

from __future__ import annotations

import pytest
from airflow.models.dag import clear_team_name_cache
from airflow.models.dagrun import DagRun
from airflow.models.taskinstance import TaskInstance
from sqlalchemy import update

from airflow_providers_pinning.domain.canaries.outcomes import record_outcome
from tests.support.api import PINNING
from tests.support.asynchronous import statements_sent
from tests.support.sources import dag_file

FEW, MANY = 2, 12


def statements_of(api, path, **params):
    """Ask twice, and return the statements of the second time: the first fills caches, but not that of teams."""
    client = api()
    assert client.get(f"{PINNING}{path}", params=params).status_code == 200
    clear_team_name_cache()
    with statements_sent() as statements:
        client.get(f"{PINNING}{path}", params=params)
    assert statements
    return statements


@pytest.mark.parametrize("path", ["/pins", "/events", "/health"])
def test_pages_of_all_dags(path, api, lab):
    names = [f"dag_{number:02}" for number in range(MANY)]
    lab.commit("sha1", **{name: dag_file(name) for name in names})
    for name in names:
        lab.pin(name, 1)
    lab.commit("sha2", **{name: dag_file(name, tasks="one two") for name in names})

    few, many = (statements_of(api, path, **({} if path == "/health" else {"limit": limit})) for limit in (FEW, MANY))

    assert len(many) == len(few)


@pytest.mark.parametrize("path", ["", "/runs", "/versions", "/versions/2/soak", "/versions/2/replays"])
def test_pages_of_a_dag_with_many_canary_runs(path, api, lab, session):
    lab.pin_first_of_two()
    counts = []
    for number in (FEW, MANY):
        api().post(f"{PINNING}/dags/orders/canaryRuns", json={"version_number": 2, "count": number})
        session.execute(update(TaskInstance).values(state="success", try_number=1))
        session.execute(update(DagRun).values(state="success"))
        session.commit()
        session.expire_all()
        for run in lab.runs("orders"):
            record_outcome(run, session=session)
        session.commit()
        counts.append(len(statements_of(api, f"/dags/orders{path}")))

    assert counts[1] == counts[0]
