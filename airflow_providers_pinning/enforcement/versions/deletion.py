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
Deleting a Dag deletes its pin.

Airflow's ``delete_dag`` deletes the rows of Airflow's own models. A leftover pin would block runs of a later Dag with
the same ID.

Shown by ``tests/unit/enforcement/versions/test_deletion.py``.
"""

from __future__ import annotations

from airflow_providers_pinning.enforcement.call import Call


def delete_dag(call: Call) -> int:
    """Delete a Dag, and everything recorded about its pin."""
    from airflow_providers_pinning.domain.changes.deletion import forget_dag
    from airflow_providers_pinning.domain.history.events import Caller, Change
    from airflow_providers_pinning.vocabulary import CallerKind

    session = call.session
    deleted: int = call.proceed()
    caller = Caller(name="airflow", kind=CallerKind.SYSTEM)
    forget_dag(call.dag_id, Change(caller, reason="The Dag was deleted from Airflow."), session=session)
    return deleted
