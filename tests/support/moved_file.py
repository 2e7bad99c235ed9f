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
"""A Dag whose file is renamed while it is pinned."""

from __future__ import annotations

from airflow.api.common.trigger_dag import trigger_dag
from airflow.models.dagrun import DagRun
from airflow.utils.types import DagRunTriggeredByType

from tests.support.lab import Lab
from tests.support.sources import dag_file


def run_before_the_move(lab: Lab) -> DagRun:
    """Create a run of version 1; then rename the file, and pin version 2."""
    lab.commit("sha1", orders=dag_file("orders"))
    lab.pin("orders", 1)
    run = trigger_dag("orders", triggered_by=DagRunTriggeredByType.REST_API, session=lab.session)
    lab.session.commit()
    lab.commit("sha2", orders=None, moved__orders=dag_file("orders"))
    lab.pin("orders", 2)
    lab.session.expire_all()
    return run
