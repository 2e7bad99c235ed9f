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

from airflow.models.dag import DagModel
from airflow.utils.types import DagRunTriggeredByType

from tests.support.sources import CHANGED, STABLE


def test_smoke(lab, session):
    lab.commit("sha1", orders=STABLE)
    lab.pin("orders", 1)
    before = lab.bytes_of("orders", 1)
    lab.commit("sha2", orders=CHANGED)
    assert lab.numbers("orders") == [1, 2]
    assert lab.bytes_of("orders", 1) == before
    dm = session.get(DagModel, "orders")
    assert dm.bundle_version == "sha1"
    assert dm.max_active_runs == 2
    from airflow.api.common.trigger_dag import trigger_dag

    run = trigger_dag("orders", triggered_by=DagRunTriggeredByType.REST_API, session=session)
    assert run.bundle_version == "sha1"
    assert run.created_dag_version.version_number == 1
    assert {t.task_id for t in run.task_instances} == {"extract", "load"}
    s = lab.unpin("orders")
    assert s.active.version_number == 2
    run = trigger_dag("orders", triggered_by=DagRunTriggeredByType.REST_API, run_id="x", session=session)
    assert run.bundle_version == "sha2"
    assert {t.task_id for t in run.task_instances} == {"extract", "load", "transform"}
    s = lab.roll_back("orders")
    assert s.active.version_number == 1
    print(s)
